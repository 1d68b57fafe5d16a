// Embedding requests that wait, and their turns: small requests of several clients share one, a
// large one has it alone.
//
// One thread, the engine's. What it is given outlives it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "base/result.h"
#include "engine/inbox.h"
#include "engine/outbox.h"
#include "llama/embedder.h"

namespace weir::engine {

class EmbedQueue {
 public:
  // `embedder` is null in an engine that does not embed; then nothing is added.
  EmbedQueue(llama::Embedder* embedder, Outbox& outbox) : embedder_(embedder), outbox_(outbox) {}

  void Add(StartEmbed&& item);
  // Answers a request that waits with `error`; nothing for one that does not wait.
  void Drop(uint64_t id, const Error& error);
  void FailAll(const Error& error);

  // One turn; false when nothing waits. Before each step of the model `between` is called, which
  // may add to the queue and drop from it; an Error that it gives ends the turn and answers its
  // requests.
  bool TakeTurn(const std::function<Result<void>()>& between);

  size_t waiting() const { return waiting_.size(); }
  uint64_t tokens() const { return tokens_; }  // of all turns so far

 private:
  void Answer(const std::vector<StartEmbed>& turn, std::vector<std::vector<float>> vectors);

  llama::Embedder* embedder_;
  Outbox& outbox_;
  std::deque<StartEmbed> waiting_ = {};
  uint64_t tokens_ = 0;
};

}  // namespace weir::engine
