#include "engine/embed_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::engine {
namespace {

// So many input tokens of waiting requests go into one turn.
constexpr size_t kTurnTokens = 8192;

}  // namespace

void EmbedQueue::Add(StartEmbed&& item) {
  CHECK(embedder_ != nullptr, "a request was prepared by an engine that does not embed");
  waiting_.push_back(std::move(item));
}

void EmbedQueue::Drop(uint64_t id, const Error& error) {
  const auto found = std::ranges::find(waiting_, id, &StartEmbed::id);
  if (found == waiting_.end()) return;
  waiting_.erase(found);
  outbox_.PutFailure(id, error);
}

void EmbedQueue::FailAll(const Error& error) {
  for (const StartEmbed& item : std::exchange(waiting_, {})) outbox_.PutFailure(item.id, error);
}

bool EmbedQueue::TakeTurn(const std::function<Result<void>()>& between) {
  if (waiting_.empty()) return false;
  std::vector<StartEmbed> turn;
  std::vector<std::vector<llama::Token>> inputs;
  size_t tokens = 0;
  while (!waiting_.empty() && tokens < kTurnTokens) {
    turn.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    for (auto& input : turn.back().work.inputs) {
      tokens += input.size();
      inputs.push_back(input);
    }
  }
  tokens_ += tokens;
  Result<void> others = {};
  const auto stop = [&] {
    others = between();
    if (!others) return true;
    return std::ranges::all_of(turn, [](const StartEmbed& item) { return item.cancelled->load(); });
  };
  auto vectors = embedder_->Embed(inputs, stop);
  if (vectors) {
    Answer(turn, std::move(*vectors));
    return true;
  }
  const Error& error = others ? vectors.error() : others.error();
  for (const StartEmbed& item : turn) outbox_.PutFailure(item.id, error);
  return true;
}

void EmbedQueue::Answer(const std::vector<StartEmbed>& turn,
                        std::vector<std::vector<float>> vectors) {
  size_t next = 0;
  for (const StartEmbed& item : turn) {
    chat::Embeddings reply;
    int64_t used = 0;
    for (const auto& input : item.work.inputs) {
      auto& vector = vectors[next++];
      used += static_cast<int64_t>(input.size());
      reply.vectors.push_back(item.work.dimensions > 0
                                  ? llama::Shortened(vector, item.work.dimensions)
                                  : std::move(vector));
    }
    reply.usage = {.prompt_tokens = used, .cached_tokens = 0, .completion_tokens = 0};
    // Its Cancel may still lie in the inbox, and is to have one answer.
    if (item.cancelled->load()) {
      outbox_.PutFailure(item.id, Cancelled());
      continue;
    }
    outbox_.Put(wire::EngineFrame::kEmbeddings, item.id, reply);
  }
}

}  // namespace weir::engine
