#include "server/score_routes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gateway/embed.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"
#include "server/json_limits.h"
#include "server/weir_object.h"

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

// Softmax over the continuations: their probabilities if nothing else could follow.
std::vector<double> Shares(const std::vector<chat::Scores::Continuation>& scores) {
  double highest = -INFINITY;
  for (const auto& score : scores) highest = std::max(highest, score.logprob);
  double sum = 0;
  std::vector<double> shares;
  for (const auto& score : scores) sum += shares.emplace_back(std::exp(score.logprob - highest));
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace

Task<void> PostScore(Site& site, Call& call) {
  auto asked = ReadScore(call.request().body, JsonLimits(site));
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  KeyBook::Seat seat(site.metrics.keys(), call.asked.principal, site.KnownName(asked->model));
  if (auto ahead = co_await gateway::ReadAhead(site.gateway, *asked); !ahead) {
    co_await call.SendError(ahead.error());
    co_return;
  }
  auto answered = co_await gateway::Score(site.gateway, call.asked, std::move(*asked));
  if (answered) seat.Run(answered->target.name);
  if (!answered) {
    co_await call.SendError(answered.error());
    co_return;
  }
  const chat::Scores& scores = answered->value;
  const std::vector<double> shares = Shares(scores.continuations);
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "weir.scores").Field("model", answered->target.name);
  writer.Key("scores").BeginArray();
  for (size_t i = 0; i < scores.continuations.size(); ++i) {
    writer.BeginObject()
        .Field("logprob", scores.continuations[i].logprob)
        .Field("tokens", scores.continuations[i].tokens)
        .Field("probability", shares[i])
        .EndObject();
  }
  writer.EndArray();
  const int64_t prompt = scores.usage.prompt_tokens.value_or(0);
  const int64_t cached = scores.usage.cached_tokens.value_or(0);
  writer.Key("usage").BeginObject().Field("prompt_tokens", prompt).Field("cached_tokens", cached);
  writer.EndObject().Key("weir").Raw(RenderWeirObject({.decision_id = answered->decision_id,
                                                       .target = answered->target,
                                                       .decision = answered->decision,
                                                       .explain = call.asked.explain,
                                                       .booked = answered->booked}));
  writer.EndObject();
  site.metrics.CountTokens(answered->target.name, prompt, cached, 0);
  site.metrics.keys().Count(call.asked.principal, answered->target.name, answered->value.usage);
  call.tokens += prompt;
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, answered->decision_id, answered->target, answered->decision.label);
  reply.body = std::move(body);
  co_await call.exchange.Send(std::move(reply));
}

}  // namespace weir::server
