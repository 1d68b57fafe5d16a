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
// In a question also these; in other texts they report more often than they ask.
constexpr std::array<std::string_view, 9> kAsksForSum = {
    "how fast",     "what's the total", "what fraction", "what percentage", "sum of",
    "total number", "total amount",     "total cost",    "combined"};
// Without "one", which stands for somebody as often.
constexpr std::array<std::string_view, 40> kNumberWords = {
    "double",   "dozen",  "eight",   "eighteen", "eighty",   "eleven",    "fifteen",  "fifth",
    "fifty",    "five",   "forty",   "four",     "fourteen", "half",      "hundred",  "nine",
    "nineteen", "ninety", "quarter", "quarters", "seven",    "seventeen", "seventy",  "six",
    "sixteen",  "sixty",  "ten",     "tenth",    "third",    "thirds",    "thirteen", "thirty",
    "thousand", "three",  "thrice",  "triple",   "twelve",   "twenty",    "twice",    "two"};
static_assert(std::ranges::is_sorted(kNumberWords));
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
constexpr size_t kMarks =
    kAsksForNumber.size() + kAsksForSum.size() + kAsksForPiece.size() + kCodeMarks.size();
static_assert(kMarks <= 64, "a bit for each");
constexpr size_t kPairPlaces = 4096;

constexpr auto kAllMarks = [] {
  std::array<std::string_view, kMarks> all = {};
  size_t count = 0;
  for (const auto word : kAsksForNumber) all[count++] = word;
  for (const auto word : kAsksForSum) all[count++] = word;
  for (const auto word : kAsksForPiece) all[count++] = word;
  for (const auto word : kCodeMarks) all[count++] = word;
  return all;
}();

constexpr size_t PlaceOfPair(char first, char second) {
  return (static_cast<uint8_t>(first) * size_t{33} ^ static_cast<uint8_t>(second)) % kPairPlaces;
}

constexpr auto kMarksByPair = [] {
  std::array<uint64_t, kPairPlaces> table = {};
  for (size_t i = 0; i < kMarks; ++i) {
    table[PlaceOfPair(kAllMarks[i][0], kAllMarks[i][1])] |= uint64_t{1} << i;
  }
  return table;
}();

constexpr uint64_t BitsOf(size_t from, size_t count) {
  return ((uint64_t{1} << count) - 1) << from;
}
constexpr size_t kFirstSum = kAsksForNumber.size();
constexpr size_t kFirstPiece = kFirstSum + kAsksForSum.size();
constexpr size_t kFirstCode = kFirstPiece + kAsksForPiece.size();
constexpr uint64_t kNumberBits = BitsOf(0, kAsksForNumber.size());
constexpr uint64_t kSumBits = BitsOf(kFirstSum, kAsksForSum.size());
constexpr uint64_t kPieceBits = BitsOf(kFirstPiece, kAsksForPiece.size());
constexpr uint64_t kCodeBits = BitsOf(kFirstCode, kCodeMarks.size());
constexpr uint64_t kFenceBit = uint64_t{1} << kFirstCode;

// A bit for each of kAllMarks that stands in the text.
uint64_t MarksIn(std::string_view text) {
  uint64_t found = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    uint64_t maybe = kMarksByPair[PlaceOfPair(text[i], text[i + 1])] & ~found;
    for (; maybe != 0; maybe &= maybe - 1) {
      const auto mark = static_cast<size_t>(std::countr_zero(maybe));
      if (text.substr(i).starts_with(kAllMarks[mark])) found |= uint64_t{1} << mark;
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

// "two", "half", "twice": whole words.
int CountNumberWords(std::string_view text) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto joins = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || static_cast<uint8_t>(c) >= 0x80;
  };
  int count = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!letter(text[at])) continue;
    const size_t begin = at;
    while (at < text.size() && joins(text[at])) ++at;
    const bool whole = begin == 0 || !joins(text[begin - 1]);
    if (whole && std::ranges::binary_search(kNumberWords, text.substr(begin, at - begin))) ++count;
  }
  return count;
}

bool HasNumbersOfMath(std::string_view text) {
  const int numbers = CountNumbers(text);
  return numbers >= kNumbersOfMath || numbers + CountNumberWords(text) >= kNumbersOfMath;
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
  const uint64_t marks = MarksIn(read);
  const int code_marks = std::popcount(marks & kCodeBits);
  if ((marks & kFenceBit) != 0 || code_marks >= kCodeMarksMin) return TaskKind::kCode;
  if (text.size() >= kPassageBytes && (marks & kPieceBits) != 0) return TaskKind::kExtraction;
  const bool asks = (marks & kNumberBits) != 0 || ((marks & kSumBits) != 0 && read.contains('?'));
  if (asks && HasNumbersOfMath(read)) return TaskKind::kMath;
  return TaskKind::kGeneral;
}

}  // namespace weir::routing
