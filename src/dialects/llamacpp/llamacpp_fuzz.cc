// Any bytes as the body of each of llama-server's routes: read or refused, and a refusal renders as
// JSON. What is read keeps the bounds that the engine relies on.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "chat/dump.h"
#include "dialects/llamacpp/answer.h"
#include "dialects/llamacpp/request.h"
#include "dialects/openai/error.h"
#include "json/parse.h"

namespace {

void Check(const weir::Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::openai::RenderError(error)).has_value(),
        "an error that is not JSON");
}

void Check(const weir::Result<weir::llamacpp::CompletionCall>& call) {
  if (!call) return Check(call.error());
  const weir::chat::GenerateRequest& request = call->request;
  CHECK(!request.prompts.empty() && request.prompts.size() <= 64, "prompts out of bounds");
  CHECK(request.prompts.size() == call->form.prompts.size(), "a prompt without its text");
  CHECK(!request.max_tokens || *request.max_tokens >= (request.echo ? 0 : 1),
        "max_tokens out of range");
  CHECK(request.stop.size() <= 16, "too many");
  (void)weir::chat::Dump(request);
  weir::llamacpp::Encoder encoder("m", call->form);
  std::string out;
  weir::chat::Delta delta;
  delta.text = "a\n  b\nc";
  CHECK(encoder.Append(delta, out).has_value(), "a delta that is refused");
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    const weir::chat::ChoiceDone done{.choice = static_cast<int32_t>(i)};
    CHECK(encoder.Append(done, out).has_value(), "an end that is refused");
  }
  CHECK(encoder.Append(weir::chat::Done{}, out).has_value(), "the end is refused");
  CHECK(encoder.End("{}", out).has_value(), "an answer without its end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Check(weir::llamacpp::ReadCompletion(body));
  Check(weir::llamacpp::ReadInfill(body));
  const auto applied = weir::llamacpp::ReadApplyTemplate(body);
  if (!applied) Check(applied.error());
  const auto text = weir::llamacpp::ReadTokenize(body);
  if (!text) Check(text.error());
  const auto tokens = weir::llamacpp::ReadDetokenize(body);
  if (!tokens) Check(tokens.error());
  if (tokens) {
    for (const int32_t token : tokens->request.tokens) CHECK(token >= 0, "no token id");
  }
  return 0;
}
