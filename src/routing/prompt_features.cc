#include "routing/prompt_features.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "base/ascii.h"
#include "base/fnv.h"

namespace weir::routing {
namespace {

uint16_t PlaceOf(const Fnv1a& hash) {
  const uint64_t value = hash.value();
  // The low bits of FNV are its weakest.
  return static_cast<uint16_t>((value ^ (value >> 32) ^ (value >> 16)) % kFeaturePlaces);
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (static_cast<uint8_t>(c) & 0x80) != 0;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A table: it is asked for every byte.
constexpr std::array<bool, 256> kSymbols = [] {
  std::array<bool, 256> is = {};
  for (const char c : std::string_view("{}[]()<>=+-*/^\\_|&%$#"))
    is[static_cast<uint8_t>(c)] = true;
  return is;
}();

// 0, 1, 2, 3-4, 5-8, ...: the scale on which lengths and counts matter.
uint64_t Magnitude(uint64_t count) { return static_cast<uint64_t>(std::bit_width(count)); }

// log2 in 1/1,024: exact at powers of two, on a line between them.
int32_t LogOf(uint64_t count) {
  const auto power = static_cast<int32_t>(std::bit_width(count)) - 1;
  const auto part = static_cast<int32_t>(power >= 10 ? (count >> (power - 10)) - 1024
                                                     : (count << (10 - power)) - 1024);
  return power * 1024 + part;
}

// A bit for each place: sorting them would take most of a decision's time.
class Collector {
 public:
  void Shape(std::string_view name, uint64_t value) {
    Set(PlaceOf(Fnv1a().Add("\x01").Add(name).Add(value)));
  }
  void Word(uint64_t word) { Set(PlaceOf(Fnv1a().Add("\x02").Add(word))); }
  void Pair(uint64_t first, uint64_t second) {
    Set(PlaceOf(Fnv1a().Add("\x03").Add(first).Add(second)));
  }
  std::vector<uint16_t> Take() const {
    std::vector<uint16_t> places;
    places.reserve(count_);
    for (uint32_t i = 0; i < bits_.size(); ++i) {
      for (uint64_t left = bits_[i]; left != 0; left &= left - 1) {
        places.push_back(static_cast<uint16_t>(i * 64 + std::countr_zero(left)));
      }
    }
    return places;
  }

 private:
  void Set(uint16_t place) {
    bits_[place / 64] |= uint64_t{1} << (place % 64);
    ++count_;
  }

  std::array<uint64_t, kFeaturePlaces / 64> bits_ = {};
  size_t count_ = 0;  // at least as many as there are bits
};

// A number stands for all of its length.
uint64_t HashOfWord(std::string_view word) {
  if (std::ranges::all_of(word, IsDigit)) return Fnv1a().Add("#").Add(word.size()).value();
  return Fnv1a().Add(word).value();
}

void AddWords(std::string_view text, Collector& shape, Collector& out) {
  uint64_t before = 0;
  size_t words = 0;
  uint64_t letters = 0;
  for (size_t i = 0; i < text.size() && words < kFeatureWords;) {
    if (!IsWordByte(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && IsWordByte(text[end])) ++end;
    const uint64_t word = HashOfWord(text.substr(i, end - i));
    out.Word(word);
    if (words > 0) out.Pair(before, word);
    before = word;
    letters += end - i;
    ++words;
    i = end;
  }
  shape.Shape("words", Magnitude(words));
  shape.Shape("letters of a word", words == 0 ? 0 : letters / words);
}

bool ListsOptions(std::string_view read) {
  return read.contains("\na. ") && read.contains("\nb. ");
}

void AddShape(std::string_view whole, std::string_view read, TaskKind kind, bool options,
              Collector& out) {
  uint64_t digits = 0;
  uint64_t numbers = 0;
  uint64_t lines = 0;
  uint64_t symbols = 0;
  uint64_t foreign = 0;
  uint64_t questions = 0;
  char before = ' ';
  for (const char c : read) {
    if (IsDigit(c)) {
      ++digits;
      if (!IsDigit(before)) ++numbers;
    }
    lines += c == '\n' ? 1 : 0;
    questions += c == '?' ? 1 : 0;
    foreign += (static_cast<uint8_t>(c) & 0x80) != 0 ? 1 : 0;
    symbols += kSymbols[static_cast<uint8_t>(c)] ? 1 : 0;
    before = c;
  }
  const auto eighths = [&](uint64_t count) {
    return count * 8 / std::max<uint64_t>(read.size(), 1);
  };
  out.Shape("bytes", Magnitude(whole.size()));
  out.Shape("half bytes", Magnitude(whole.size() * whole.size()));
  out.Shape("digits", eighths(digits));
  out.Shape("numbers", Magnitude(numbers));
  out.Shape("lines", Magnitude(lines));
  out.Shape("symbols", Magnitude(symbols));
  out.Shape("foreign", eighths(foreign));
  out.Shape("questions", Magnitude(questions));
  out.Shape("options", options ? 1 : 0);
  out.Shape("kind", static_cast<uint64_t>(kind));
}

}  // namespace

PromptFeatures FeaturesOfPrompt(std::string_view text) {
  std::string read(text.substr(0, kFeatureBytes));
  for (char& c : read) c = AsciiLower(c);
  const TaskKind kind = TaskKindOf(text);
  const bool options = ListsOptions(read);
  Collector shape;
  AddShape(text, read, kind, options, shape);
  Collector words;
  AddWords(read, shape, words);
  return {.kind = kind,
          .length = LogOf(text.size() + 1),
          .options = options,
          .shape = shape.Take(),
          .words = words.Take()};
}

}  // namespace weir::routing
