#include "fetch/job_pipe.h"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace weir::fetch {

Result<Job> ReadJob(int input) {
  std::string text;
  char block[4096];
  ssize_t got = 0;
  while (text.size() <= kJobBytesMax && !text.ends_with('\n') &&
         (got = read(input, block, sizeof block)) > 0)
    text.append(block, static_cast<size_t>(got));
  return ParseJob(text);
}

bool WriteAll(int output, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(output, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

}  // namespace weir::fetch
