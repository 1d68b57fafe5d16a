#include "async/loop.h"

#include <utility>

namespace weir {

Loop::Loop() : core_(std::make_unique<LoopCore>()) {}
Loop::~Loop() = default;

Executor Loop::executor() { return Executor(*core_); }
void Loop::Run() { core_->RunUntil(MonotonicTime::max()); }
bool Loop::RunFor(Duration limit) { return core_->RunUntil(SystemClock().Now() + limit); }
void Loop::Stop() { core_->Stop(); }

void Post(const Executor& executor, std::move_only_function<void()> work) {
  executor.core().Post(std::move(work));
}

}  // namespace weir
