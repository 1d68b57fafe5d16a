// OpenAI's moderations: what is asked, and what the detectors found told in its shape. Pure.
//
// OpenAI's categories (hate, violence, ...) are always in the answer, false with a score of 0 and
// no input type that they were applied to: nothing here judges them. What the detectors find stands
// beside them in categories of our own, "privacy/...".
//
// Bounds: 2,048 inputs, 16 MiB of text in all. Images are refused by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/label.h"

namespace weir::openai {

inline constexpr size_t kModerationInputsMax = 2048;
inline constexpr size_t kModerationBytesMax = size_t{16} << 20;
// What moderates: there is no model behind it.
inline constexpr std::string_view kModerationModel = "weir-detectors";

struct ModerationCall {
  std::vector<std::string> texts = {};
  // The texts are parts of one input, and get one result together; else each is an input.
  bool parts = false;
};

// Models of OpenAI's are taken as ours; kNotFound for any other.
Result<ModerationCall> ReadModeration(std::string_view body);

struct ModerationFinding {
  std::string_view type = {};  // "email"
  size_t part = 0;             // of its input
  size_t begin = 0;            // bytes of the text
  size_t end = 0;
  int score = 0;  // percent
  chat::Label label = chat::Label::kPublic;
};

// A result for each element of `results`, the findings of one input.
std::string RenderModeration(std::string_view id,
                             std::span<const std::vector<ModerationFinding>> results);

}  // namespace weir::openai
