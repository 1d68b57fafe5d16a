// A whole answer, heard in a test.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "async/run_for_test.h"
#include "gateway/generate.h"

namespace weir::gateway {

// Its text, or "error: " and why there is none. Nobody may have asked for log-probabilities.
inline std::string Hear(Loop& loop, Generation& generation) {
  std::string text;
  for (;;) {
    auto event = RunForTest(loop, generation.Next(std::chrono::seconds(10)));
    if (!event) return "error: " + event.error().message;
    if (!*event) continue;
    if (const auto* delta = std::get_if<chat::Delta>(&**event)) {
      EXPECT_THAT(delta->logprobs, testing::IsEmpty()) << "nobody asked for them";
      text += delta->text;
    }
    if (std::holds_alternative<chat::Done>(**event)) return text;
  }
}

}  // namespace weir::gateway
