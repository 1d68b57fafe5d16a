// For tools/train_prediction.py: reads JSON strings, one a line, and prints for each its kind, its
// length, whether options are listed, and the places of its shape and of its words, so that
// training sees exactly what the gateway will.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <string>

#include "json/parse.h"
#include "routing/prompt_features.h"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto text = weir::json::Parse(line, {.depth = 1, .bytes = size_t{1} << 24, .values = 1});
    if (!text || text->AsString() == nullptr) {
      fmt::print(stderr, "weir-features: a line is not a JSON string\n");
      return 2;
    }
    const auto features = weir::routing::FeaturesOfPrompt(*text->AsString());
    fmt::print("{} {} {} | {} | {}\n", static_cast<int>(features.kind), features.length,
               features.options ? 1 : 0, fmt::join(features.shape, " "),
               fmt::join(features.words, " "));
  }
  return 0;
}
