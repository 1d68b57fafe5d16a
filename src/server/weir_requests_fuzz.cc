// Any bytes as the body of each of Weir's own routes: read or refused with words that render as
// JSON. What is read keeps its bounds.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dialects/openai/error.h"
#include "knowledge/document.h"
#include "server/weir_requests.h"

namespace {

using namespace weir;

void Check(const Error& error) {
  CHECK(!error.message.empty(), "an error without words");
  CHECK(json::Parse(openai::RenderError(error)).has_value(), "an error that is not JSON");
}

void Check(const chat::ScoreRequest& asked) {
  CHECK(asked.messages.empty() != asked.prompt.text.empty(), "a chat or a prompt");
  CHECK(!asked.continuations.empty() && asked.continuations.size() <= 1024, "continuations");
  for (const chat::Message& message : asked.messages)
    CHECK(message.parts.size() == 1, "a message of one text");
}

void Check(const server::ModelAsked& asked) { CHECK(asked.model.size() <= 256, "a long name"); }

void Check(const keys::NewKey& key) {
  CHECK(key.name.size() <= 64 && key.tenant.size() <= 64, "a long name");
  CHECK((key.scopes & ~chat::kAllScopes) == 0, "a scope that there is not");
  CHECK(!key.expires || *key.expires > WallTime{}, "expired before it was made");
  CHECK(!key.grant.budget || key.grant.budget->pico >= 0, "a budget below nothing");
}

void Check(const server::SearchAsked& asked) {
  const chat::FileSearch& where = asked.where;
  CHECK(where.hits >= 1 && where.hits <= knowledge::Limits::kHitsMax, "hits out of range");
  CHECK(where.vector_weight >= 0 && where.vector_weight <= 1, "a weight out of range");
  CHECK(where.context_tokens <= chat::FileSearch::kContextTokensMax, "context out of range");
}

void Check(const server::Ballot&) {}

template <class T>
void Check(const Result<T>& read) {
  read ? Check(*read) : Check(read.error());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Check(server::ReadScore(body, {}));
  Check(server::ReadModelAsked(body));
  Check(server::ReadNewKey(body, {}, WallTime{}));
  Check(server::ReadSearchAsked(body, {}));
  Check(server::ReadBallot(body));
  Check(server::ReadModelWanted(body));
  return 0;
}
