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

void WorkInBackground([[maybe_unused]] Courtesy courtesy) {
#if defined(__linux__)
  // 0 is the calling thread. The slice (since Linux 6.12, ignored before) is how long others may
  // have to wait for one that has just begun; without it, 3 ms.
  const SchedAttr attributes{.size = sizeof(SchedAttr),
                             .policy = SCHED_BATCH,
                             .flags = 0,
                             .nice = courtesy == Courtesy::kUtmost ? 19 : 10,
                             .priority = 0,
                             .runtime = 100'000,
                             .deadline = 0,
                             .period = 0};
  syscall(SYS_sched_setattr, 0, &attributes, 0);
#endif
}

}  // namespace weir
