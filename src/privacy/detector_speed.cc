// How fast the detectors read: `detector_speed FILE...` prints a JSON line for each file with its
// bytes, its findings and the fastest of several passes in microseconds of processor time (others
// on the machine do not count). For bench/labels.py; not shipped.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "base/check.h"
#include "privacy/detector.h"

namespace {

double ProcessorMicroseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

}  // namespace

int main(int count, char** words) {
  constexpr double kEnoughUs = 400'000;
  constexpr int kPassesMin = 5;
  const auto detector = weir::privacy::Detector::Make({}).value();
  for (int i = 1; i < count; ++i) {
    std::ifstream file(words[i], std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    CHECK(file && !text.empty(), "each argument is a file with something in it");
    size_t findings = 0;
    double best = 1e12;
    const double start = ProcessorMicroseconds();
    for (int pass = 0; pass < kPassesMin || ProcessorMicroseconds() - start < kEnoughUs; ++pass) {
      const double before = ProcessorMicroseconds();
      findings = detector->Find(text).size();
      best = std::min(best, ProcessorMicroseconds() - before);
    }
    fmt::print("{{\"bytes\":{},\"findings\":{},\"us\":{:.1f}}}\n", text.size(), findings, best);
  }
  return EXIT_SUCCESS;
}
