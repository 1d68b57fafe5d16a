// Any bytes as a request: read or refused, and a refusal renders as JSON. What is read keeps the
// bounds that the engine relies on.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "chat/dump.h"
#include "dialects/anthropic/error.h"
#include "dialects/anthropic/request.h"
#include "json/parse.h"

namespace {

void Check(const weir::Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::anthropic::RenderError(error)).has_value(),
        "an error that is not JSON");
}

void Check(const weir::chat::GenerateRequest& request) {
  CHECK(!request.messages.empty(), "nothing is said");
  CHECK(request.tools.size() <= 128 && request.stop.size() <= 16, "too many");
  CHECK(!request.max_tokens || *request.max_tokens >= 1, "max_tokens out of range");
  (void)weir::chat::Dump(request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto call = weir::anthropic::ReadMessagesCall(body);
  call ? Check(call->request) : Check(call.error());
  const auto count = weir::anthropic::ReadCountTokens(body);
  count ? Check(count->request) : Check(count.error());
  return 0;
}
