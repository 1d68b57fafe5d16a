#include "base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "base/check.h"

namespace weir {

void FillRandom(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0, "the kernel gave no randomness");
    out = out.subspan(static_cast<size_t>(got));
  }
}

std::string NewId(std::string_view prefix) {
  static constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kLength = 24;
  std::string id(prefix);
  // Some ids' worth at a time: a request needs several, and each call of the kernel costs as much.
  static thread_local std::array<std::byte, 1024> pool;
  static thread_local size_t have = 0;
  for (size_t made = 0; made < kLength;) {
    if (have == 0) {
      FillRandom(pool);
      have = pool.size();
    }
    // Rejecting the top values keeps every character equally likely.
    const auto value = static_cast<size_t>(pool[--have]);
    if (value >= kAlphabet.size() * 4) continue;
    id += kAlphabet[value % kAlphabet.size()];
    ++made;
  }
  return id;
}

}  // namespace weir
