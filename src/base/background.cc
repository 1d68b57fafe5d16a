#include "base/background.h"

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace weir {

#if defined(__linux__)
namespace {

// As in linux/sched/types.h, which not every system has; the first version of it.
struct SchedAttr {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

}  // namespace
#endif

void WorkInBackground([[maybe_unused]] int nice) {
#if defined(__linux__)
  // 0 is the calling thread. No slice of its own: a shorter one comes to its turn sooner (beside
  // requests on one processor, their p99 is a third longer with 100 us).
  const SchedAttr attributes{.size = sizeof(SchedAttr),
                             .policy = SCHED_BATCH,
                             .flags = 0,
                             .nice = nice,
                             .priority = 0,
                             .runtime = 0,
                             .deadline = 0,
                             .period = 0};
  syscall(SYS_sched_setattr, 0, &attributes, 0);
#endif
}

}  // namespace weir
