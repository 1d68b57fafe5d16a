#include "cli/progress_bar.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace weir::cli {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(100);
constexpr size_t kCells = 30;

}  // namespace

ProgressBar::ProgressBar(bool wanted) : on_(wanted && isatty(STDERR_FILENO) != 0) {}

void ProgressBar::Show(std::string_view what, float share) {
  const MonotonicTime now = SystemClock().Now();
  if (!on_ || now - shown_ < kEvery) return;
  shown_ = now;
  drawn_ = true;
  share = std::clamp(share, 0.0F, 1.0F);
  const auto filled = static_cast<size_t>(share * kCells);
  fmt::print(stderr, "\r\033[K{} [{}{}] {:3.0f} %", what, std::string(filled, '#'),
             std::string(kCells - filled, '.'), 100 * share);
  std::fflush(stderr);
}

void ProgressBar::Clear() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace weir::cli
