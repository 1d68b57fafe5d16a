#include "server/weir_requests.h"

#include <utility>
#include <vector>

#include "json/fields.h"
#include "keys/grant.h"
#include "keys/scopes.h"
#include "knowledge/document.h"

namespace weir::server {
namespace {

constexpr size_t kTextBytesMax = size_t{8} << 20;
constexpr size_t kContinuationsMax = 1024;
constexpr size_t kContinuationBytesMax = 64 << 10;
constexpr size_t kMessagesMax = 4096;

// Absent is not empty: `given` says which.
std::vector<chat::Message> ReadMessages(json::Fields& fields, bool& given) {
  std::vector<chat::Message> messages;
  const json::Array* list = fields.List("messages", kMessagesMax);
  given = list != nullptr;
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    json::Fields item(fields.problem(), (*list)[i], fields.PathOf("messages", i));
    chat::Message message;
    message.role = item.Require()
                       .Word<chat::Role>("role", {{"system", chat::Role::kSystem},
                                                  {"user", chat::Role::kUser},
                                                  {"assistant", chat::Role::kAssistant}})
                       .value_or(chat::Role::kUser);
    message.parts.push_back({.text = item.Require().String("content", kTextBytesMax).value_or("")});
    item.RefuseUnread();
    messages.push_back(std::move(message));
  }
  return messages;
}

// An empty body is an empty object.
Result<json::Value> ReadSmall(std::string_view body) {
  return json::Parse(body.empty() ? "{}" : body, {.depth = 8, .bytes = 64 << 10});
}

}  // namespace

Result<chat::ScoreRequest> ReadScore(std::string_view body, const json::Limits& limits) {
  const Result<json::Value> document = json::Parse(body, limits);
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  chat::ScoreRequest request;
  request.model = fields.Require().String("model", 256).value_or("");
  bool chat = false;
  request.messages = ReadMessages(fields, chat);
  const auto prompt = fields.String("prompt", kTextBytesMax);
  request.prompt.text = prompt.value_or("");
  request.continuations = fields.Strings("continuations", kContinuationsMax, kContinuationBytesMax);
  if (chat == prompt.has_value()) fields.Refuse("prompt", "give either messages or a prompt");
  if (chat && request.messages.empty()) fields.Refuse("messages", "give at least one");
  if (prompt && prompt->empty()) fields.Refuse("prompt", "is empty");
  if (request.continuations.empty()) fields.Refuse("continuations", "give at least one");
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return request;
}

Result<std::string> ReadModelWanted(std::string_view body) {
  const auto document = ReadSmall(body);
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  std::string model = fields.String("model", 256).value_or("");
  fields.RefuseUnread();
  if (problem) return std::unexpected(problem.Take());
  return model;
}

Result<ModelAsked> ReadModelAsked(std::string_view body) {
  const auto document = ReadSmall(body);
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  ModelAsked asked{.model = fields.Require().String("model", 256).value_or("")};
  const auto keep_alive_s = fields.Number("keep_alive_s", -1, 365.0 * 24 * 3600);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  if (keep_alive_s) asked.keep_alive_ms = static_cast<int64_t>(*keep_alive_s * 1000);
  return asked;
}

Result<keys::NewKey> ReadNewKey(std::string_view body, const chat::Principal& creator,
                                WallTime now) {
  const auto document = ReadSmall(body);
  if (!document) return std::unexpected(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  keys::NewKey key;
  key.name = fields.Require().String("name", 64).value_or("");
  const bool free = creator.Has(chat::Scope::kAdmin);
  key.tenant = fields.String("tenant", 64).value_or(creator.tenant);
  key.project = fields.String("project", 64).value_or(free ? "" : creator.project);
  const auto scopes = fields.String("scopes", 256);
  if (auto label = fields.Word<chat::Label>("label_floor", {{"public", chat::Label::kPublic},
                                                            {"internal", chat::Label::kInternal},
                                                            {"personal", chat::Label::kPersonal},
                                                            {"secret", chat::Label::kSecret}})) {
    key.label_floor = *label;
  }
  key.may_assert_label = fields.Bool("may_assert_label").value_or(false);
  constexpr int64_t kRateMax = 1'000'000'000;
  key.limits.requests_per_minute =
      static_cast<uint32_t>(fields.Int("requests_per_minute", 0, kRateMax).value_or(0));
  key.limits.tokens_per_minute =
      static_cast<uint32_t>(fields.Int("tokens_per_minute", 0, kRateMax).value_or(0));
  key.limits.concurrent = static_cast<uint32_t>(fields.Int("concurrent", 0, 10'000).value_or(0));
  if (auto seconds = fields.Int("expires_in_s", 1, int64_t{100} * 365 * 24 * 3600)) {
    key.expires = now + std::chrono::seconds(*seconds);
  }
  key.grant.models = fields.Strings("models", keys::kPatternsMax, keys::kPatternBytesMax);
  key.grant.projects = fields.Strings("projects", keys::kPatternsMax, keys::kPatternBytesMax);
  const auto budget = fields.String("budget", 32);
  const auto budget_per = fields.String("budget_per", 8);
  const auto budget_currency = fields.String("budget_currency", 3);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  if (budget) {
    auto made = keys::MakeBudget(*budget, budget_per.value_or(""), budget_currency.value_or(""));
    if (!made) return Fail(made.error());
    key.grant.budget = std::move(*made);
  }
  if (scopes) {
    const auto parsed = keys::ParseScopes(*scopes);
    if (!parsed) return std::unexpected(parsed.error());
    key.scopes = *parsed;
  }
  return key;
}

Result<SearchAsked> ReadSearchAsked(std::string_view body, const json::Limits& limits) {
  const auto document = json::Parse(body, limits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  SearchAsked asked;
  asked.query = fields.Require().String("query", knowledge::Limits::kQuestionBytes).value_or("");
  asked.where.hits = static_cast<size_t>(
      fields.Int("k", 1, static_cast<int64_t>(knowledge::Limits::kHitsMax)).value_or(10));
  asked.where.context_tokens = static_cast<size_t>(
      fields.Int("context_tokens", 0, static_cast<int64_t>(chat::FileSearch::kContextTokensMax))
          .value_or(0));
  asked.where.vector_weight = static_cast<float>(
      fields.Number("vector_weight", 0, 1).value_or(chat::FileSearch().vector_weight));
  asked.where.score_threshold =
      static_cast<float>(fields.Number("score_threshold", 0, 1).value_or(0));
  asked.where.rewrite = fields.Bool("rewrite_query").value_or(false);
  asked.where.rerank = fields.Bool("rerank").value_or(true);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return asked;
}

Result<Ballot> ReadBallot(std::string_view body) {
  const auto document = json::Parse(body, {.depth = 4, .bytes = 4096});
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Ballot ballot;
  const json::Value* vote = document->Find("vote");
  if (vote == nullptr || !vote->is_null()) {
    ballot.up = fields.Require().Word<bool>("vote", {{"up", true}, {"down", false}});
  } else {
    fields.Take("vote");
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return ballot;
}

}  // namespace weir::server
