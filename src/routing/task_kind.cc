#include "routing/task_kind.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
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

// All of them in one list, and which of them begin with a pair of characters (or one that has the
// same place): one pass over the text looks for all at once.
constexpr size_t kMarks = kAsksForNumber.size() + kAsksForPiece.size() + kCodeMarks.size();
static_assert(kMarks <= 32, "a bit for each");
constexpr size_t kPairPlaces = 4096;

constexpr auto kAllMarks = [] {
  std::array<std::string_view, kMarks> all = {};
  size_t count = 0;
  for (const auto word : kAsksForNumber) all[count++] = word;
  for (const auto word : kAsksForPiece) all[count++] = word;
  for (const auto word : kCodeMarks) all[count++] = word;
  return all;
}();

constexpr size_t PlaceOfPair(char first, char second) {
  return (static_cast<uint8_t>(first) * size_t{33} ^ static_cast<uint8_t>(second)) % kPairPlaces;
}

constexpr auto kMarksByPair = [] {
  std::array<uint32_t, kPairPlaces> table = {};
  for (size_t i = 0; i < kMarks; ++i) {
    table[PlaceOfPair(kAllMarks[i][0], kAllMarks[i][1])] |= uint32_t{1} << i;
  }
  return table;
}();

constexpr uint32_t BitsOf(size_t from, size_t count) {
  return ((uint32_t{1} << count) - 1) << from;
}
constexpr uint32_t kNumberBits = BitsOf(0, kAsksForNumber.size());
constexpr uint32_t kPieceBits = BitsOf(kAsksForNumber.size(), kAsksForPiece.size());
constexpr uint32_t kCodeBits =
    BitsOf(kAsksForNumber.size() + kAsksForPiece.size(), kCodeMarks.size());
constexpr uint32_t kFenceBit = uint32_t{1} << (kAsksForNumber.size() + kAsksForPiece.size());

// A bit for each of kAllMarks that stands in the text.
uint32_t MarksIn(std::string_view text) {
  uint32_t found = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    uint32_t maybe = kMarksByPair[PlaceOfPair(text[i], text[i + 1])] & ~found;
    for (; maybe != 0; maybe &= maybe - 1) {
      const auto mark = static_cast<size_t>(std::countr_zero(maybe));
      if (text.substr(i).starts_with(kAllMarks[mark])) found |= uint32_t{1} << mark;
    }
  }
  return found;
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
  const uint32_t marks = MarksIn(read);
  const int code_marks = std::popcount(marks & kCodeBits);
  if ((marks & kFenceBit) != 0 || code_marks >= kCodeMarksMin) return TaskKind::kCode;
  if (text.size() >= kPassageBytes && (marks & kPieceBits) != 0) return TaskKind::kExtraction;
  if ((marks & kNumberBits) != 0 && CountNumbers(read) >= kNumbersOfMath) return TaskKind::kMath;
  return TaskKind::kGeneral;
}

}  // namespace weir::routing
