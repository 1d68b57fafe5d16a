// Arbitrary bytes through the frame reader and every body of the engine protocol: no crash, and
// what decodes encodes to the same bytes again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace {

template <class T>
void RoundTrip(std::string_view bytes) {
  if (const auto value = weir::wire::Decode<T>(bytes)) {
    // Maps may arrive unsorted or with a key twice; after one pass the form is settled.
    const std::string settled = weir::wire::Encode(*value);
    const auto again = weir::wire::Decode<T>(settled);
    CHECK(again.has_value(), "our own bytes decode");
    CHECK(weir::wire::Encode(*again) == settled, "the second pass changes nothing");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RoundTrip<wire::LoadRequest>(bytes);
  RoundTrip<wire::EngineInfo>(bytes);
  RoundTrip<wire::Generate>(bytes);
  RoundTrip<wire::Embed>(bytes);
  RoundTrip<wire::Score>(bytes);
  RoundTrip<wire::Tokenize>(bytes);
  RoundTrip<wire::Failure>(bytes);
  RoundTrip<chat::Event>(bytes);
  RoundTrip<chat::Embeddings>(bytes);
  wire::FrameReader reader(/*body_bytes_max=*/1 << 16);
  for (size_t at = 0; at < bytes.size(); at += 7) {
    reader.Append(bytes.substr(at, 7));
    for (;;) {
      const auto next = reader.Next();
      if (!next.has_value()) return 0;
      if (!next->has_value()) break;
    }
  }
  return 0;
}
