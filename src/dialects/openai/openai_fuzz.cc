// Any bytes as the body of each route: read or refused, and a refusal renders as JSON. What is read
// keeps the bounds that the engine relies on.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "chat/dump.h"
#include "dialects/openai/error.h"
#include "dialects/openai/request.h"
#include "json/parse.h"

namespace {

using weir::openai::GenerateCall;

void Check(const weir::Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::openai::RenderError(error)).has_value(),
        "an error that is not JSON");
}

void Check(const weir::Result<GenerateCall>& call) {
  if (!call) return Check(call.error());
  const weir::chat::GenerateRequest& request = call->request;
  CHECK(request.messages.empty() != request.prompts.empty(),
        "neither or both of messages and prompts");
  CHECK(call->choices() >= 1 && call->choices() <= weir::openai::kChoicesMax,
        "choices out of range");
  CHECK(request.top_logprobs >= 0 && request.top_logprobs <= 20, "top_logprobs out of range");
  // Who wants the prompt back may want nothing behind it.
  CHECK(request.max_tokens.value_or(1) >= (request.echo ? 0 : 1), "max_tokens out of range");
  CHECK(request.messages.size() <= 4096 && request.tools.size() <= 128 && request.stop.size() <= 16,
        "too many");
  (void)weir::chat::Dump(request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Check(weir::openai::ReadChat(body));
  Check(weir::openai::ReadCompletion(body));
  const auto embed = weir::openai::ReadEmbeddings(body);
  if (!embed) {
    Check(embed.error());
  } else {
    CHECK(!embed->request.inputs.empty(), "nothing to embed");
  }
  return 0;
}
