// Any bytes as the body of each route: read or refused, and a refusal renders as JSON. What is read
// keeps the bounds that the engine relies on.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "chat/dump.h"
#include "dialects/ollama/error.h"
#include "dialects/ollama/request.h"
#include "json/parse.h"

namespace {

void Check(const weir::Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::ollama::RenderError(error)).has_value(),
        "an error that is not JSON");
}

void Check(const weir::Result<weir::ollama::GenerateCall>& call) {
  if (!call) return Check(call.error());
  const weir::chat::GenerateRequest& request = call->request;
  const bool says = !request.messages.empty() || !request.prompts.empty();
  CHECK(says != call->only_load, "nothing to do, or too much");
  CHECK(request.tools.size() <= 128 && request.stop.size() <= 16, "too many");
  CHECK(!request.max_tokens || *request.max_tokens >= 1, "max_tokens out of range");
  (void)weir::chat::Dump(request);
}

void Check(const weir::Result<weir::chat::EmbedRequest>& request) {
  if (!request) return Check(request.error());
  CHECK(!request->inputs.empty(), "nothing to embed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Check(weir::ollama::ReadChat(body));
  Check(weir::ollama::ReadGenerate(body));
  Check(weir::ollama::ReadEmbed(body));
  Check(weir::ollama::ReadEmbeddings(body));
  (void)weir::ollama::ReadShow(body);
  return 0;
}
