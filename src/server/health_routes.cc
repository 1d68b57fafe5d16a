#include "server/health_routes.h"

#include <utility>

#include "server/decision_routes.h"
#include "server/ledger_routes.h"

namespace weir::server {

Task<void> GetLive(Site&, Call& call) { co_await call.SendJson(200, R"({"status":"ok"})"); }

Task<void> GetReady(Site&, Call& call) { co_await call.SendJson(200, R"({"status":"ok"})"); }

Task<void> GetMetrics(Site& site, Call& call) {
  const auto engines = co_await site.fleet.Status();
  http::Reply reply = call.Head(200, "text/plain; version=0.0.4; charset=utf-8");
  reply.body = site.metrics.Render(engines,
                                   site.gateway.providers == nullptr
                                       ? std::vector<backends::ProviderStatus>{}
                                       : site.gateway.providers->Status(),
                                   site.fleet.memory());
  if (site.servers != nullptr) reply.body += RenderServers(site.servers->All());
  if (site.accounts != nullptr) reply.body += RenderLedger(*site.accounts);
  if (site.gateway.history != nullptr) reply.body += RenderHistory(*site.gateway.history);
  co_await call.exchange.Send(std::move(reply));
}

Task<void> GetVersion(Site&, Call& call) {
  co_await call.SendJson(200, R"({"version":")" WEIR_VERSION R"("})");
}

}  // namespace weir::server
