// Stands in for weir-engine in launcher_test. Obeys single bytes on its socket:
//   m  answers with the first 4 bytes of the model file
//   n  answers with the number of its descriptors above 2, as one character
//   i  ignores SIGTERM from now on, and answers i
//   a  aborts
//   x  exits with 3
// Ends with 0 when the other end is closed.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "wire/control.h"

namespace {

char CountDescriptors() {
  char count = '0';
  for (int number = 3; number < 256; ++number) count += fcntl(number, F_GETFD) >= 0;
  return count;
}

void Answer(const char* bytes, size_t size) {
  if (write(weir::wire::kEngineSocketFd, bytes, size) != static_cast<ssize_t>(size)) _exit(4);
}

}  // namespace

int main() {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  char command = 0;
  while (read(weir::wire::kEngineSocketFd, &command, 1) == 1) {
    if (command == 'm') {
      char magic[4] = {};
      if (pread(weir::wire::kEngineFileFdFirst, magic, 4, 0) != 4) _exit(5);
      Answer(magic, 4);
    } else if (command == 'n') {
      const char count = CountDescriptors();
      Answer(&count, 1);
    } else if (command == 'i') {
      std::signal(SIGTERM, SIG_IGN);
      Answer("i", 1);
    } else if (command == 'a') {
      std::signal(SIGABRT, SIG_DFL);
      std::abort();
    } else if (command == 'x') {
      _exit(3);
    }
  }
  _exit(0);
}
