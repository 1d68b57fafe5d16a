#include "routing/task_kind.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"

namespace weir::routing {
namespace {

constexpr std::array<std::string_view, kTaskKinds> kNames = {"general", "math", "extraction",
                                                             "code"};

// Questions whose answer is a number that has to be worked out.
constexpr std::array<std::string_view, 13> kAsksForNumber = {
    "how many", "how much",  "how long", "how old",           "how far",
    "how tall", "calculate", "compute",  "what is the total", "what percent",
    "average",  "remainder", "solve"};
// Requests for a piece of the text that stands before them.
constexpr std::array<std::string_view, 10> kAsksForPiece = {
    "answer with that alone", "answer with only",  "answer only with", "extract",
    "according to the text",  "in the text above", "from the text",    "from the passage",
    "based on the passage",   "mentioned above"};
constexpr std::array<std::string_view, 8> kCodeMarks = {"```",  "def ", "#include",  "import ",
                                                        "() {", "=> {", "function ", "return "};

constexpr size_t kPassageBytes = 400;  // what is shorter has nothing to be extracted from
constexpr int kNumbersOfMath = 2;
constexpr int kCodeMarksMin = 2;

bool HasAny(std::string_view text, const auto& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

int CountNumbers(std::string_view text) {
  int count = 0;
  bool inside = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !inside) ++count;
    inside = digit || (inside && (c == '.' || c == ','));
  }
  return count;
}

// In small letters, its middle left out when it is long.
std::string Read(std::string_view text) {
  std::string read(text.substr(0, kKindBytes));
  if (text.size() > kKindBytes) {
    read += '\n';
    read += text.substr(std::max(kKindBytes, text.size() - kKindBytes));
  }
  for (char& c : read) c = AsciiLower(c);
  return read;
}

}  // namespace

std::string_view TaskKindName(TaskKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::optional<TaskKind> TaskKindFromName(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<TaskKind>(found - kNames.begin());
}

TaskKind TaskKindOf(std::string_view text) {
  const std::string read = Read(text);
  const auto code_marks =
      std::ranges::count_if(kCodeMarks, [&](std::string_view mark) { return read.contains(mark); });
  if (read.contains("```") || code_marks >= kCodeMarksMin) return TaskKind::kCode;
  if (text.size() >= kPassageBytes && HasAny(read, kAsksForPiece)) return TaskKind::kExtraction;
  if (HasAny(read, kAsksForNumber) && CountNumbers(read) >= kNumbersOfMath) return TaskKind::kMath;
  return TaskKind::kGeneral;
}

}  // namespace weir::routing
