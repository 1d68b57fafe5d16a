#include "server/decision_routes.h"

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/message.h"
#include "json/writer.h"
#include "server/weir_requests.h"

namespace weir::server {
namespace {

constexpr size_t kListMax = 100;
constexpr std::string_view kVote = "/vote";

// Others' decisions are an administrator's to see.
bool MaySee(const chat::Principal& principal, const history::Record& record) {
  return principal.Has(chat::Scope::kAdmin) || record.key_id == principal.key_id;
}

Error NoDecision() {
  return {Code::kNotFound,
          "there is no such decision here (any more); limits.kept_decisions says "
          "how many are kept",
          "id", "decision_not_found"};
}
Error NoHistory() {
  return {Code::kUnavailable, "this server keeps no decisions (limits.kept_decisions is 0)", "",
          "no_history"};
}

// From memory, or from what is kept on the disk.
Task<Result<history::Record>> FindDecision(Site& site, const chat::Principal& principal,
                                           std::string id) {
  std::optional<history::Record> found;
  if (const auto* record = site.gateway.decisions.Find(id)) found = *record;
  // What its user thought of it is there alone.
  if (site.gateway.history != nullptr && (!found || found->ended)) {
    auto kept = co_await site.gateway.history->Find(std::move(id));
    if (!kept && !found) co_return Fail(kept.error());
    if (kept && *kept) found = std::move(*kept);
  }
  if (!found || !MaySee(principal, *found)) co_return Fail(NoDecision());
  co_return std::move(*found);
}

void AppendRefit(json::Writer& writer, const routing::Refit& refit) {
  writer.Key("learned");
  if (refit.steps().empty()) {
    writer.Null();
  } else {
    writer.Raw(refit.Print());
  }
}

}  // namespace

Task<void> GetDecisions(Site& site, Call& call) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  size_t listed = 0;
  for (const history::Record& record : site.gateway.decisions.records()) {
    if (!MaySee(call.asked.principal, record)) continue;
    if (listed++ == kListMax) break;
    writer.BeginObject();
    AppendRecord(writer, record);
    writer.EndObject();
  }
  writer.EndArray().EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> GetDecision(Site& site, Call& call) {
  const auto found = co_await FindDecision(site, call.asked.principal, call.tail);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject();
  AppendRecord(writer, *found);
  if (const auto right = WasRight(found->signals)) writer.Field("was_right", *right);
  writer.Field("policy_now", site.gateway.policy()->hash).EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> PostVote(Site& site, Call& call) {
  std::string id = call.tail;
  if (!id.ends_with(kVote)) {
    co_await call.SendError(
        {Code::kNotFound, "write /weir/v1/decisions/ID/vote", "id", "decision_not_found"});
    co_return;
  }
  id.resize(id.size() - kVote.size());
  const auto ballot = ReadBallot(call.request().body);
  if (!ballot || site.gateway.history == nullptr) {
    co_await call.SendError(ballot ? NoHistory() : ballot.error());
    co_return;
  }
  const auto found = co_await FindDecision(site, call.asked.principal, id);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  if (!found->served) {
    co_await call.SendError({Code::kConflict, "this decision has no whole answer to vote on (yet)",
                             "id", "decision_not_served"});
    co_return;
  }
  if (auto voted = co_await site.gateway.history->Vote(id, ballot->up); !voted) {
    co_await call.SendError(voted.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("id", id).Key("vote");
  if (ballot->up) {
    writer.String(*ballot->up ? "up" : "down");
  } else {
    writer.Null();
  }
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> GetPolicy(Site& site, Call& call) {
  std::string body;
  json::Writer writer(&body);
  const auto policy = site.gateway.policy();
  writer.BeginObject()
      .Field("hash", policy->hash)
      .Field("targets", policy->targets.size())
      .Field("routes", policy->virtuals.size())
      .Field("rules", policy->rules.size())
      .Field("default_label", chat::LabelName(site.gateway.default_label))
      .Field("prediction", site.gateway.predictor->provenance())
      .Field("prediction_note", site.gateway.predictor_note);
  AppendRefit(writer, *site.gateway.refit);
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

std::string RenderHistory(const history::Store& history) {
  constexpr std::string_view kDropped = "weir_decisions_dropped_total";
  return fmt::format(
      "# HELP {0} Records of decisions that were not kept: the disk was behind.\n"
      "# TYPE {0} counter\n{0} {1}\n",
      kDropped, history.dropped());
}

Task<void> PostLearn(Site& site, Call& call) {
  if (site.gateway.history == nullptr || !site.adopt) {
    co_await call.SendError(NoHistory());
    co_return;
  }
  auto learned = co_await site.gateway.history->Learn();
  if (!learned) {
    co_await call.SendError(learned.error());
    co_return;
  }
  if (auto kept = site.adopt(learned->refit); !kept) {
    co_await call.SendError(kept.error());
    co_return;
  }
  auto voters = co_await site.gateway.history->LearnNeighbours(learned->refit);
  if (!voters) {
    co_await call.SendError(voters.error());
    co_return;
  }
  const auto& judged = voters->judgement;
  site.gateway.neighbours =
      std::make_shared<const routing::Neighbours>(std::move(voters->neighbours));
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject()
      .Field("outcomes", learned->outcomes)
      .Field("right", learned->right)
      .Field("shipped_loss", static_cast<double>(learned->shipped_loss) / 1e8)
      .Field("refit_loss", static_cast<double>(learned->refit_loss) / 1e8)
      .Field("adopted", learned->adopted)
      .Field("why", learned->why);
  AppendRefit(writer, learned->refit);
  writer.Key("neighbours")
      .BeginObject()
      .Field("known", judged.known)
      .Field("judged", judged.judged)
      .Field("predicted_loss", static_cast<double>(judged.predicted_loss) / 1e8)
      .Field("voted_loss", static_cast<double>(judged.voted_loss) / 1e8)
      .Field("adopted", judged.adopted)
      .Field("why", judged.why)
      .EndObject();
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

}  // namespace weir::server
