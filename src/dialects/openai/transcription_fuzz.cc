// Any bytes as the form of a transcription: read or refused, and what is read keeps its bounds and
// can be answered in every form.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "dialects/openai/error.h"
#include "dialects/openai/transcription.h"
#include "json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::openai;
  const std::string body(reinterpret_cast<const char*>(data), size);
  for (const SpeechTask task : {SpeechTask::kTranscribe, SpeechTask::kTranslate}) {
    auto call = ReadTranscription("multipart/form-data; boundary=b", body, task);
    if (!call) {
      CHECK(weir::json::Parse(RenderError(call.error())).has_value(), "an error that is not JSON");
      continue;
    }
    CHECK(!weir::chat::AudioOf(call->request).empty() && !call->request.model.empty(),
          "a request without its sound or its model");
    const weir::chat::Transcription said{.text = "x y",
                                         .segments = {{.text = "x"}, {.text = " y"}}};
    const std::string answer = RenderTranscription(*call, said, "{}");
    const bool json = ContentTypeOf(*call) == "application/json";
    CHECK(!json || weir::json::Parse(answer).has_value(), "an answer that is not JSON");
    CHECK(RenderTranscriptionEvents(said, "{}").size() == 3, "two pieces and an end");
  }
  return 0;
}
