// Embedding requests that wait, and their turns. A turn is short: small requests of several clients
// share one, a large one is done in many, and between them those of others go first whose key, and
// of a key whose client, was given less time. Bounded, as the scheduler's queue is.
//
// One thread, the engine's. What it is given outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/pace.h"
#include "base/result.h"
#include "engine/inbox.h"
#include "engine/outbox.h"
#include "llama/embedder.h"
#include "scheduler/fair_share.h"

namespace weir::engine {

// So many input tokens go into one turn, or one input that has more.
inline constexpr size_t kTurnTokens = 1024;

struct QueueBounds {
  int32_t waiting_max = 512;         // requests that wait for their first turn, in all,
  int32_t waiting_max_per_key = 64;  // and of one key
};

class EmbedQueue {
 public:
  using Vectors = std::vector<std::vector<float>>;
  // llama::Embedder::Embed.
  using Compute = std::function<Result<Vectors>(std::span<const std::vector<llama::Token>> inputs,
                                                const std::function<bool()>& stop)>;

  EmbedQueue(Compute compute, Outbox& outbox, QueueBounds bounds, const Clock& clock)
      : compute_(std::move(compute)), outbox_(outbox), bounds_(bounds), clock_(clock) {}

  // Beyond the bounds the request is answered with kRateLimited or kUnavailable, whose
  // retry_after_s follows from the measured rate.
  void Add(StartEmbed&& item);
  // Answers a request that is not in the turn that runs with `error`; nothing for others.
  void Drop(uint64_t id, const Error& error);
  void FailAll(const Error& error);

  // One turn; false when nothing waits. Before each step of the model `between` is called, which
  // may add to the queue and drop from it; an Error that it gives ends the turn and answers its
  // requests.
  bool TakeTurn(const std::function<Result<void>()>& between);

  int32_t waiting() const { return waiting_; }  // for their first turn
  int32_t running() const { return static_cast<int32_t>(requests_.size()) - waiting_; }
  uint64_t tokens() const { return tokens_; }  // of all turns so far
  uint64_t refused() const { return refused_; }
  double tokens_per_s() const { return pace_.per_s(); }  // 0 before the first turn

 private:
  struct Request {
    StartEmbed item = {};
    uint64_t order = 0;
    scheduler::FairShare::Party party = {};
    MonotonicTime last_turn = {};  // or when it came
    size_t tokens_left = 0;
    Vectors vectors = {};  // so far
    bool started = false;
    size_t in_turn = 0;  // inputs of the turn that runs
  };
  using Requests = std::list<Request>;

  Error Refusal(Code code, std::string_view limit, int32_t most) const;
  std::vector<Request*> InOrder();
  std::vector<Request*> Choose(std::vector<std::vector<llama::Token>>& inputs, size_t& tokens);
  void Charge(const std::vector<Request*>& turn, size_t tokens, Duration took);
  void TakeVectors(const std::vector<Request*>& turn, Vectors vectors);
  void Answer(Request& request);
  void Remove(const Request& request);

  Compute compute_;
  Outbox& outbox_;
  const QueueBounds bounds_;
  const Clock& clock_;
  Requests requests_ = {};
  scheduler::FairShare parties_ = {};
  Pace pace_ = {};
  int32_t waiting_ = 0;
  uint64_t orders_ = 0;
  uint64_t tokens_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace weir::engine
