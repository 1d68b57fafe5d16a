#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

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

namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kLength = 24;

void AppendRandom(std::string& id, size_t characters) {
  // Some ids' worth at a time: a request needs several, and each call of the kernel costs as much.
  static thread_local std::array<std::byte, 1024> pool;
  static thread_local size_t have = 0;
  for (size_t made = 0; made < characters;) {
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
}

}  // namespace

std::string NewId(std::string_view prefix) {
  std::string id;
  id.reserve(prefix.size() + kLength);
  id += prefix;
  AppendRandom(id, kLength);
  return id;
}

std::string NewSortedId(std::string_view prefix, WallTime time) {
  std::string id;
  id.reserve(prefix.size() + kLength);
  id += prefix;
  constexpr size_t kTimeLength = 8;  // good for 6,900 years
  id.resize(prefix.size() + kTimeLength);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  auto left = static_cast<uint64_t>(std::max<int64_t>(ms.count(), 0));
  for (size_t i = id.size(); i > prefix.size(); left /= kAlphabet.size()) {
    id[--i] = kAlphabet[left % kAlphabet.size()];
  }
  AppendRandom(id, kLength - kTimeLength);
  return id;
}

}  // namespace weir
