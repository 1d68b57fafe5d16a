#include "engine/plan_edits.h"

#include <utility>

#include "base/log.h"

namespace weir::engine {

void PlanEdits::Apply(const scheduler::SeqOp& op) {
  switch (op.kind) {
    case scheduler::SeqOp::Kind::kRemove:
      context_.Remove(op.seq, op.from, op.to);
      break;
    case scheduler::SeqOp::Kind::kCopy:
      context_.Copy(op.source, op.seq, op.from, op.to);
      break;
    case scheduler::SeqOp::Kind::kSave:
      Save(op);
      break;
    case scheduler::SeqOp::Kind::kRestore:
      Restore(op);
      break;
    case scheduler::SeqOp::Kind::kForget:
      copies_.erase(op.slot);
      break;
  }
}

void PlanEdits::Save(const scheduler::SeqOp& op) {
  auto bytes = context_.Save(op.seq, op.bytes_max);
  if (!bytes) {
    LogWarning("a cached prefix was not kept in host memory: {}", bytes.error().message);
    return scheduler_.Saved(op.slot, 0);
  }
  scheduler_.Saved(op.slot, bytes->size());
  copies_[op.slot] = std::move(*bytes);
}

void PlanEdits::Restore(const scheduler::SeqOp& op) {
  const auto copy = copies_.find(op.slot);
  bool whole = copy != copies_.end() && context_.Restore(op.seq, copy->second).has_value();
  if (whole) {
    whole = context_.LastPosition(op.seq) + 1 >= op.to;
    if (whole) context_.Remove(op.seq, op.to, -1);
    if (!whole) context_.Remove(op.seq, 0, -1);
  }
  if (!whole) LogWarning("a prefix in host memory did not fit the cache; it is computed again");
  scheduler_.Restored(op.slot, op.seq, whole);
}

}  // namespace weir::engine
