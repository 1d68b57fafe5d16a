// Carries out the edits of the scheduler's plans on a llama context, and holds the copies that
// leave it for host memory.
//
// The engine thread only. Context and scheduler outlive it.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "llama/context.h"
#include "scheduler/scheduler.h"

namespace weir::engine {

class PlanEdits {
 public:
  PlanEdits(llama::Context& context, scheduler::Scheduler& scheduler)
      : context_(context), scheduler_(scheduler) {}

  // In the order of the plan, before its rows are decoded. Tells the scheduler what became of a
  // kSave and a kRestore.
  void Apply(const scheduler::SeqOp& op);

 private:
  void Save(const scheduler::SeqOp& op);
  void Restore(const scheduler::SeqOp& op);

  llama::Context& context_;
  scheduler::Scheduler& scheduler_;
  // The scheduler bounds their bytes.
  std::unordered_map<scheduler::Slot, std::vector<uint8_t>> copies_ = {};
};

}  // namespace weir::engine
