#include "server/moderation_routes.h"

#include <utility>

#include "base/random.h"
#include "dialects/openai/moderation.h"
#include "gateway/moderate.h"

namespace weir::server {
namespace {

using Findings = std::vector<openai::ModerationFinding>;

// Those of all parts together, or of each text.
std::vector<Findings> ResultsOf(const gateway::Moderated& moderated, bool parts) {
  std::vector<Findings> results(parts ? 1 : moderated.findings.size());
  for (size_t i = 0; i < moderated.findings.size(); ++i) {
    for (const privacy::Finding& finding : moderated.findings[i]) {
      results[parts ? 0 : i].push_back({.type = finding.type,
                                        .part = parts ? i : 0,
                                        .begin = finding.begin,
                                        .end = finding.end,
                                        .score = finding.score,
                                        .label = finding.label});
    }
  }
  return results;
}

}  // namespace

Task<void> PostModeration(Site& site, Call& call) {
  auto asked = openai::ReadModeration(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const auto moderated = co_await gateway::Moderate(site.gateway, std::move(asked->texts));
  if (!moderated) {
    co_await call.SendError(moderated.error());
    co_return;
  }
  co_await call.SendJson(
      200, openai::RenderModeration(NewId("modr_"), ResultsOf(*moderated, asked->parts)));
}

}  // namespace weir::server
