// CHECK(condition, message): a bug ends the process with a line that names the place. Always on, in
// release builds too. For what other people can cause (input, network, disk) return an Error
// instead.
#pragma once

namespace weir {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const char* message);
}  // namespace weir

#define CHECK(condition, message)                                        \
  do {                                                                   \
    if (!(condition)) [[unlikely]]                                       \
      ::weir::CheckFailed(__FILE_NAME__, __LINE__, #condition, message); \
  } while (false)
