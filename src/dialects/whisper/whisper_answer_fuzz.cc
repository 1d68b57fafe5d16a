// Any bytes as a server's answer to speech: read or refused, and what is read keeps its bounds.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/whisper/provider.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read =
      weir::whisper::ReadProviderTranscription({reinterpret_cast<const char*>(data), size});
  if (!read) {
    CHECK(read.error().reason == "provider_malformed", "an error of another kind");
    return 0;
  }
  for (const auto& segment : read->segments)
    CHECK(segment.start_s >= 0 && segment.end_s >= 0, "a time before the beginning");
  for (const auto& word : read->words) CHECK(!word.text.empty(), "a word without letters");
  return 0;
}
