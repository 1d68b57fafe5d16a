#include "server/score_routes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gateway/embed.h"
#include "json/writer.h"
#include "server/json_limits.h"
#include "server/weir_object.h"
#include "server/weir_requests.h"

namespace weir::server {
namespace {

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
  auto answered =
      co_await gateway::Score(site.gateway, call.asked, std::move(*asked), &call.unanswered);
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
                                                       .target = &answered->target,
                                                       .decision = answered->decision,
                                                       .explain = call.asked.explain,
                                                       .booked = answered->booked}));
  writer.EndObject();
  site.metrics.CountTokens(answered->target.name, prompt, cached, 0);
  site.metrics.keys().Count(call.asked.principal, answered->target.name, answered->value.usage);
  call.tokens += prompt;
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, answered->decision_id, &answered->target, answered->decision.label);
  reply.body = std::move(body);
  co_await call.exchange.Send(std::move(reply));
}

}  // namespace weir::server
