#include "server/idempotency.h"

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "backends/permits.h"
#include "hash/hash.h"

namespace weir::server {
namespace {

// What the answer depends on besides the body. How urgent the request is, is not of it.
std::string Circumstances(const Call& call) {
  const gateway::Asked& asked = call.asked;
  const http::Request& request = call.request();
  std::string text;
  for (const std::string_view part :
       {std::string_view(request.method), std::string_view(request.path),
        std::string_view(request.query), std::string_view(asked.principal.project),
        std::string_view(asked.principal.user)}) {
    text += fmt::format("{}:{}\n", part.size(), part);
  }
  return text + fmt::format("{} {} {}\n", asked.label ? chat::LabelName(*asked.label) : "",
                            routing::TierName(asked.tier_max), asked.explain);
}

std::string HashOf(std::string_view circumstances, std::string_view body) {
  Sha256 hash;
  hash.Add(circumstances);
  hash.Add(body);
  return hash.Bytes();
}

Task<Result<std::string>> RequestHash(Site& site, Call& call) {
  std::string circumstances = Circumstances(call);
  std::string& body = call.exchange.request().body;
  if (body.size() <= backends::kHashedHereBytesMax || site.workers == nullptr) {
    co_return HashOf(circumstances, body);
  }
  // A worker may still read it when this request is gone.
  const auto lent = std::make_shared<std::string>(std::move(body));
  auto hash = co_await site.workers->Run<std::string>(
      [lent, circumstances = std::move(circumstances)]() -> Result<std::string> {
        return HashOf(circumstances, *lent);
      });
  if (hash) call.exchange.request().body = std::move(*lent);
  co_return hash;
}

Task<Result<void>> Replay(Call& call, const KeptAnswer& answer) {
  const http::Headers& kept = answer.reply.headers;
  http::Reply reply = call.Head(answer.reply.status, kept.Find("content-type").value_or(""));
  const http::Headers own = reply.headers;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (!own.Find(kept.name(i))) reply.headers.Add(kept.name(i), kept.value(i));
  }
  reply.headers.Add("idempotent-replayed", "true");
  // Writing fails when the client is gone, which is known without it.
  if (!answer.streamed) {
    reply.body = answer.reply.body;
    co_await call.exchange.Send(std::move(reply));
    co_return Result<void>();
  }
  call.exchange.Start(std::move(reply));
  if (const auto written = co_await call.exchange.Write(answer.reply.body); written) {
    co_await call.exchange.End();
  }
  co_return Result<void>();
}

}  // namespace

bool HasIdempotencyKey(const Site& site, const Match& match, const http::Request& request) {
  return site.kept_answers != nullptr && match.route != nullptr && !match.route->open &&
         match.route->method == "POST" && match.route->scope == chat::Scope::kInference &&
         request.headers.Find(kIdempotencyKey).has_value();
}

Task<Result<void>> AnswerOnce(Site& site, Call& call, std::string key, RecordedExchange& recorded,
                              const Route& route) {
  auto hash = co_await RequestHash(site, call);
  if (!hash) co_return std::unexpected(hash.error());
  auto begun = site.kept_answers->Begin(call.asked.principal.key_id, key, std::move(*hash),
                                        site.clock.Now());
  if (!begun) co_return std::unexpected(begun.error());
  if (begun->answer != nullptr) co_return co_await Replay(call, *begun->answer);
  co_await route.handler(site, call);
  auto answer = recorded.TakeAnswer();
  if (answer && !call.failed_in_stream) begun->claim->Keep(std::move(*answer));
  co_return Result<void>();
}

}  // namespace weir::server
