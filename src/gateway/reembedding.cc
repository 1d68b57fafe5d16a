#include "gateway/reembedding.h"

#include <utility>

#include "async/loop.h"
#include "base/log.h"
#include "gateway/attach.h"
#include "gateway/text_vectors.h"
#include "knowledge/shelf.h"
#include "vectors/full_name.h"

namespace weir::gateway {
namespace {

constexpr size_t kBatchTexts = 16;
constexpr Duration kLookEvery = std::chrono::minutes(1);

}  // namespace

Reembedding::Reembedding(const Executor& executor, Gateway& gateway, Documents& documents)
    : gateway_(gateway),
      documents_(documents),
      running_(executor, "embed again", [this]() -> Task<std::optional<MonotonicTime>> {
        if (!co_await ChangeAll()) co_return std::nullopt;
        co_return gateway_.clock.Now() + kLookEvery;
      }) {}

Task<bool> Reembedding::ChangeAll() {
  const auto changes = co_await documents_.library.OnShelf<std::vector<knowledge::ModelChange>>(
      [](knowledge::Shelf& shelf, int64_t) { return shelf.Changes(); });
  if (!changes && changes.error().code == Code::kCancelled) co_return false;
  if (!changes) {
    LogWarning("collections to embed again cannot be listed: {}", changes.error().message);
    co_return true;
  }
  for (const knowledge::ModelChange& change : *changes) {
    const auto changed = co_await ChangeOne(change);
    if (changed || changed.error().reason == "change_cancelled") continue;
    if (changed.error().code == Code::kCancelled) co_return false;
    LogWarning("a collection cannot be embedded by {} now: {}", change.model,
               changed.error().reason);
    (void)co_await documents_.library.OnShelf<bool>(
        [change, why = changed.error()](knowledge::Shelf& shelf, int64_t) -> Result<bool> {
          if (auto noted = shelf.NoteProblem(change, why); !noted) return Fail(noted.error());
          return true;
        });
  }
  co_return true;
}

Task<Result<void>> Reembedding::ChangeOne(knowledge::ModelChange change) {
  const auto name = vectors::Split(change.collection);
  if (!name) co_return Fail(Code::kInternal, "a broken name");
  Asked asked = AskedOfText(change.asked, name->tenant);
  for (;;) {
    auto next = co_await documents_.library.OnShelf<knowledge::TextsToEmbed>(
        [change](knowledge::Shelf& shelf, int64_t) {
          return shelf.NextTexts(change, kBatchTexts);
        });
    if (!next) co_return Fail(next.error());
    if (next->texts.empty() && next->knows_dimensions) {
      const auto finished = co_await documents_.library.OnShelf<bool>(
          [change](knowledge::Shelf& shelf, int64_t) { return shelf.FinishChange(change); });
      if (!finished) co_return Fail(finished.error());
      if (*finished) co_return Result<void>();
      continue;
    }
    if (auto room = co_await MakeRoom(gateway_); !room) co_return Fail(room.error());
    asked.label = next->label;
    std::vector<std::string> texts = next->texts;
    if (texts.empty()) texts.emplace_back("x");  // says how many dimensions there are
    auto vectors =
        co_await TextVectors(gateway_, documents_, asked, change.model, std::move(texts));
    if (!vectors) co_return Fail(vectors.error());
    const auto given = co_await documents_.library.OnShelf<bool>(
        [change, next = std::move(*next), vectors = std::move(*vectors)](knowledge::Shelf& shelf,
                                                                         int64_t) -> Result<bool> {
          if (auto kept = shelf.GiveVectors(change, next, vectors); !kept)
            return Fail(kept.error());
          return true;
        });
    if (!given) co_return Fail(given.error());
  }
}

}  // namespace weir::gateway
