#include "server/rerank_routes.h"

#include <utility>

#include "base/random.h"
#include "dialects/rerank/rerank.h"
#include "gateway/rank.h"
#include "server/answering.h"

namespace weir::server {

Task<void> PostRerank(Site& site, Call& call) {
  auto asked = rerank::ReadRerank(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  chat::EmbedRequest request = asked->request;
  if (request.model.empty()) request.model = gateway::RankingModel(site.gateway);
  const auto render = [&asked](const chat::Embeddings& vectors, const std::string& model,
                               const std::string& weir) {
    return rerank::RenderRerank({.id = NewId("rerank-"), .model = model}, *asked, vectors, weir);
  };
  co_await AnswerEmbeddings(site, call, std::move(request), render);
}

}  // namespace weir::server
