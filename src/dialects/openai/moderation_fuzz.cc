// Any bytes as a request for moderation: read or refused, and what is read keeps its bounds and can
// be answered.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "dialects/openai/error.h"
#include "dialects/openai/moderation.h"
#include "json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::openai;
  const auto call = ReadModeration({reinterpret_cast<const char*>(data), size});
  if (!call) {
    CHECK(!call.error().message.empty(), "an error without words");
    CHECK(weir::json::Parse(RenderError(call.error())).has_value(), "an error that is not JSON");
    return 0;
  }
  CHECK(!call->texts.empty() && call->texts.size() <= kModerationInputsMax, "inputs out of bounds");
  size_t bytes = 0;
  for (const std::string& text : call->texts) bytes += text.size();
  CHECK(bytes <= kModerationBytesMax, "too much text");
  std::vector<std::vector<ModerationFinding>> found(call->parts ? 1 : call->texts.size());
  for (size_t i = 0; i < call->texts.size(); ++i)
    found[call->parts ? 0 : i].push_back(
        {.type = "email", .part = i, .begin = 0, .end = call->texts[i].size(), .score = 90});
  CHECK(weir::json::Parse(RenderModeration("modr-1", found)).has_value(),
        "an answer that is not JSON");
  return 0;
}
