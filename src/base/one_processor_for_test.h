// For tests of what happens where several threads have one processor between them.
#pragma once

#include <sched.h>

#include <filesystem>
#include <string>

#include "base/check.h"

namespace weir {

// All threads of this program, and those that are made meanwhile, as long as it lives.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    CHECK(sched_getaffinity(0, sizeof before_, &before_) == 0, "processors are told");
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    Use(one);
  }
  ~OnOneProcessor() { Use(before_); }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;

 private:
  static void Use(const cpu_set_t& set) {
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      sched_setaffinity(std::stoi(thread.path().filename()), sizeof set, &set);
    }
  }

  cpu_set_t before_ = {};
};

}  // namespace weir
