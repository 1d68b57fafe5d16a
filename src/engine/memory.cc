#include "engine/memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

namespace weir::engine {
namespace {
int gauge = -1;
}  // namespace

void OpenMemoryGauge() { gauge = open("/proc/self/statm", O_RDONLY | O_CLOEXEC); }

uint64_t ResidentBytes() {
  char text[128];
  const ssize_t got = gauge < 0 ? -1 : pread(gauge, text, sizeof text - 1, 0);
  if (got <= 0) return 0;
  text[got] = '\0';
  const char* second = std::strchr(text, ' ');  // "size resident shared ..." in pages
  if (second == nullptr) return 0;
  uint64_t pages = 0;
  std::from_chars(second + 1, text + got, pages);
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace weir::engine
