#include "engine/embed_queue.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::engine {
namespace {

// Who had no turn for so long gets one: that bounds every wait. Waiting also raises the class.
constexpr Duration kOverdue = std::chrono::seconds(30);
constexpr Duration kAging = std::chrono::seconds(10);
// How far a short text may overtake, in service time.
constexpr Duration kShortFirst = std::chrono::seconds(1);
constexpr int32_t kOverdueRank = -1;

size_t TokensOf(const PreparedEmbed& work) {
  size_t tokens = 0;
  for (const auto& input : work.inputs) tokens += input.size();
  return tokens;
}

}  // namespace

void EmbedQueue::Add(StartEmbed&& item) {
  CHECK(compute_ != nullptr, "a request was prepared by an engine that does not embed");
  const wire::Caller& caller = item.work.caller;
  const auto* key = parties_.keys().Find(caller.key);
  if (key != nullptr && key->waiting >= bounds_.waiting_max_per_key) {
    ++refused_;
    return outbox_.PutFailure(
        item.id, Refusal(Code::kRateLimited, "queue_per_key", bounds_.waiting_max_per_key));
  }
  if (waiting_ >= bounds_.waiting_max) {
    ++refused_;
    return outbox_.PutFailure(item.id, Refusal(Code::kUnavailable, "queue", bounds_.waiting_max));
  }
  Request& request = requests_.emplace_back();
  request.order = ++orders_;
  request.party = parties_.Enter(caller.key, caller.client);
  request.last_turn = clock_.Now();
  request.tokens_left = TokensOf(item.work);
  request.item = std::move(item);
  ++request.party.key->waiting;
  ++waiting_;
}

// When half of those ahead are done there is room again.
Error EmbedQueue::Refusal(Code code, std::string_view limit, int32_t most) const {
  size_t tokens = 0;
  for (const Request& request : requests_) tokens += request.tokens_left;
  const int retry = pace_.RetryAfter_s(static_cast<double>(tokens) / 2);
  return Error{.code = code,
               .message = fmt::format("{} requests wait already (limits.{}); try again in {} s",
                                      most, limit, retry),
               .reason = "queue_full",
               .retry_after_s = retry};
}

void EmbedQueue::Remove(const Request& request) {
  if (!request.started) {
    --waiting_;
    --request.party.key->waiting;
  }
  parties_.Leave(request.party);
  requests_.remove_if([&](const Request& other) { return &other == &request; });
}

void EmbedQueue::Drop(uint64_t id, const Error& error) {
  const auto found = std::ranges::find(requests_, id, [](const Request& r) { return r.item.id; });
  if (found == requests_.end() || found->in_turn > 0) return;
  outbox_.PutFailure(id, error);
  Remove(*found);
}

void EmbedQueue::FailAll(const Error& error) {
  while (!requests_.empty()) {
    outbox_.PutFailure(requests_.front().item.id, error);
    Remove(requests_.front());
  }
}

std::vector<EmbedQueue::Request*> EmbedQueue::InOrder() {
  const MonotonicTime now = clock_.Now();
  std::vector<Request*> requests;
  std::vector<scheduler::Claim> claims;
  for (Request& request : requests_) {
    const Duration waited = now - request.last_turn;
    scheduler::Claim claim{.rank = kOverdueRank, .order = request.order, .item = requests.size()};
    if (waited < kOverdue) {
      const double cost_s =
          pace_.per_s() > 0 ? static_cast<double>(request.tokens_left) / pace_.per_s() : 0;
      const auto priority = static_cast<int64_t>(request.item.work.priority);
      claim.rank = static_cast<int32_t>(std::max<int64_t>(0, priority - waited / kAging));
      claim.party = &request.party;
      claim.wait = std::min(
          kShortFirst, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(cost_s)));
    }
    claims.push_back(claim);
    requests.push_back(&request);
  }
  scheduler::Sort(claims, /*with_owed=*/false);
  std::vector<Request*> ordered;
  for (const scheduler::Claim& claim : claims) ordered.push_back(requests[claim.item]);
  return ordered;
}

std::vector<EmbedQueue::Request*> EmbedQueue::Choose(std::vector<std::vector<llama::Token>>& inputs,
                                                     size_t& tokens) {
  std::vector<Request*> turn;
  for (Request* request : InOrder()) {
    const auto& all = request->item.work.inputs;
    for (size_t i = request->vectors.size(); i < all.size() && tokens < kTurnTokens; ++i) {
      if (request->in_turn++ == 0) turn.push_back(request);
      tokens += all[i].size();
      inputs.push_back(all[i]);
    }
    if (tokens >= kTurnTokens) break;
  }
  for (Request* request : turn) {
    if (std::exchange(request->started, true)) continue;
    --waiting_;
    --request->party.key->waiting;
  }
  return turn;
}

bool EmbedQueue::TakeTurn(const std::function<Result<void>()>& between) {
  if (requests_.empty()) return false;
  std::vector<std::vector<llama::Token>> inputs;
  size_t tokens = 0;
  const std::vector<Request*> turn = Choose(inputs, tokens);
  Result<void> others = {};
  const auto stop = [&] {
    others = between();
    if (!others) return true;
    return std::ranges::all_of(turn, [](const Request* r) { return r->item.cancelled->load(); });
  };
  const MonotonicTime start = clock_.Now();
  auto vectors = compute_(inputs, stop);
  if (vectors) {
    tokens_ += tokens;
    Charge(turn, tokens, clock_.Now() - start);
    TakeVectors(turn, std::move(*vectors));
    return true;
  }
  const Error& error = others ? vectors.error() : others.error();
  for (const Request* request : turn) {
    outbox_.PutFailure(request->item.id, error);
    Remove(*request);
  }
  return true;
}

void EmbedQueue::Charge(const std::vector<Request*>& turn, size_t tokens, Duration took) {
  pace_.Measured(static_cast<double>(tokens), took);
  for (const Request* request : turn) {
    size_t own = 0;
    for (size_t i = 0; i < request->in_turn; ++i) {
      own += request->item.work.inputs[request->vectors.size() + i].size();
    }
    scheduler::FairShare::Charge(request->party,
                                 took * static_cast<int64_t>(own) / static_cast<int64_t>(tokens));
  }
}

void EmbedQueue::TakeVectors(const std::vector<Request*>& turn, Vectors vectors) {
  size_t next = 0;
  for (Request* request : turn) {
    request->last_turn = clock_.Now();
    for (; request->in_turn > 0; --request->in_turn) {
      request->tokens_left -= request->item.work.inputs[request->vectors.size()].size();
      request->vectors.push_back(std::move(vectors[next++]));
    }
    // Its Cancel may still lie in the inbox, and is to have one answer.
    if (request->item.cancelled->load()) {
      outbox_.PutFailure(request->item.id, Cancelled());
      Remove(*request);
    } else if (request->vectors.size() == request->item.work.inputs.size()) {
      Answer(*request);
      Remove(*request);
    }
  }
}

void EmbedQueue::Answer(Request& request) {
  chat::Embeddings reply{.ranked = request.item.work.ranked};
  if (reply.ranked) reply.vectors.emplace_back();  // of the query
  const int32_t dimensions = request.item.work.dimensions;
  for (auto& vector : request.vectors) {
    reply.vectors.push_back(dimensions > 0 ? llama::Shortened(vector, dimensions)
                                           : std::move(vector));
  }
  reply.usage = {.prompt_tokens = static_cast<int64_t>(TokensOf(request.item.work)),
                 .cached_tokens = 0,
                 .completion_tokens = 0};
  outbox_.Put(wire::EngineFrame::kEmbeddings, request.item.id, reply);
}

}  // namespace weir::engine
