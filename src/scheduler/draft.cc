// Rows on a guess: how many pay, and what becomes of them.
#include <algorithm>

#include "scheduler/impl.h"

namespace weir::scheduler {
namespace {

// A draft has to promise so much more tokens a second. It is a guess on top of a guess.
constexpr double kWorth = 1.05;

}  // namespace

void Scheduler::Impl::AddDrafts() {
  if (options_.draft_max <= 0 || options_.sharing != Sharing::kPrefix) return;
  auto rows = static_cast<int32_t>(slices_.size());
  double tokens = rows;  // that the step is expected to give
  int32_t room =
      std::min({row_limit_, options_.outputs_max, options_.cells - cells_pinned()}) - rows;
  for (Slice& slice : slices_) {
    Branch& branch = *slice.branch;
    if (branch.request->deterministic) continue;
    branch.lookup.Read(branch.tokens, branch.request->prompt_size);
    const int32_t most =
        std::min({options_.draft_max, room, branch.future(), room_max() - branch.size()});
    const int32_t count = DraftLength(branch, most, rows, tokens);
    if (count == 0) continue;
    slice.draft = branch.lookup.Draft(branch.tokens, count);
    rows += count;
    room -= count;
  }
}

// The draft that gives the step, which has `rows` and is expected to give `tokens`, the most tokens
// for its time. Adds to `tokens` what that draft is expected to give.
int32_t Scheduler::Impl::DraftLength(const Branch& branch, int32_t most, int32_t rows,
                                     double& tokens) const {
  const double without = budget_.decode_ns(rows);
  if (without <= 0) return 0;  // nothing is known yet
  const auto target = static_cast<double>(options_.target_step.count());
  double best = kWorth * tokens / without;
  double all_right = 1;
  double expected = tokens;
  int32_t length = 0;
  for (int32_t count = 1; count <= most; ++count) {
    all_right *= branch.lookup.Chance(count - 1);
    expected += all_right;
    const double cost = budget_.decode_hoped_ns(rows + count);
    // Others wait for as long as for a prompt, and no longer.
    if (slices_.size() > 1 && cost > target) break;
    if (expected / cost <= best) continue;
    best = expected / cost;
    length = count;
    tokens = expected;
  }
  return length;
}

void Scheduler::Impl::KeepDraft(Slice& slice) {
  Branch& branch = *slice.branch;
  tree_.Append(branch.seq, slice.draft, /*canonical=*/false);
  counters_.draft_tokens += slice.draft.size();
  branch.drafted = std::move(slice.draft);
}

// True when the sampled token is as drafted: its row is computed already, and another sample owed.
bool Scheduler::Impl::ConfirmDraft(Branch& branch, Token token) {
  if (branch.drafted.empty()) return false;
  if (branch.drafted.front() == token) {
    branch.drafted.erase(branch.drafted.begin());
    ++branch.length;
    ++counters_.draft_tokens_accepted;
    ++counters_.decode_tokens;
    return true;
  }
  branch.drafted.clear();
  tree_.Trim(branch.seq, branch.length);
  return false;
}

}  // namespace weir::scheduler
