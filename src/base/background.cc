#include "base/background.h"

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace weir {

void WorkInBackground() {
#if defined(__linux__)
  constexpr int kNice = 10;
  // On Linux niceness is of a thread, and 0 is the calling one. It may always be raised.
  setpriority(PRIO_PROCESS, 0, kNice);
#endif
}

}  // namespace weir
