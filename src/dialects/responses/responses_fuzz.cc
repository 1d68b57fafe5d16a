// Any bytes as a request: read or refused, and a refusal renders as JSON. What is read keeps the
// bounds that the engine relies on, and what is kept of it is read back.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "chat/dump.h"
#include "dialects/openai/error.h"
#include "dialects/responses/request.h"
#include "json/parse.h"

namespace {

void Check(const weir::Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(weir::json::Parse(weir::openai::RenderError(error)).has_value(),
        "an error that is not JSON");
}

void Converse(weir::responses::CreateCall& call) {
  const weir::responses::Referenced referenced = {
      {"a", R"({"id":"a","type":"message","role":"user","content":"b"})"}};
  if (const auto done = weir::responses::Converse(call, {}, referenced, "x"); !done)
    return Check(done.error());
  const weir::chat::GenerateRequest& request = call.request;
  CHECK(!request.messages.empty() && request.messages.size() <= 4096, "messages out of bounds");
  CHECK(request.tools.size() <= 128, "too many tools");
  CHECK(request.top_logprobs >= 0 && request.top_logprobs <= 20, "top_logprobs out of range");
  CHECK(!request.max_tokens || *request.max_tokens >= 1, "max_tokens out of range");
  (void)weir::chat::Dump(request);
  std::vector<std::string> kept;
  for (const auto& item : call.items) kept.push_back(item.json);
  auto next = weir::responses::ReadCreate(R"({"model":"m","input":"a"})");
  CHECK(weir::responses::Converse(*next, kept, {}, "y").has_value(),
        "kept items cannot be read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  auto call = weir::responses::ReadCreate(body);
  call ? Converse(*call) : Check(call.error());
  const auto count = weir::responses::ReadInputTokens(body);
  if (!count) Check(count.error());
  return 0;
}
