#include "privacy/number_finder.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/check.h"
#include "privacy/characters.h"

namespace weir::privacy {
namespace {

constexpr size_t kLettersAloneMax = 4;  // of a group without digits inside a run
constexpr size_t kWalkBackMax = 64;

constexpr bool IsSeparator(char c) { return c == ' ' || c == '-' || c == '.' || c == '/'; }

bool Fits(std::string_view shape, const char* compact) {
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool digit = IsDigit(compact[i]);
    if ((shape[i] == 'D' && !digit) || (shape[i] == 'L' && digit)) return false;
  }
  return true;
}

// Not the rest of a longer number.
bool MayBegin(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (before == '$' || before == '+') return false;
  const bool joins = before == '.' || before == ',' || before == '-';
  return !joins || at < 2 || !IsDigit(text[at - 2]);
}
bool MayEnd(std::string_view text, size_t at) {
  if (at >= text.size()) return true;
  if (text[at] == '%') return false;
  const bool joins = text[at] == '.' || text[at] == ',' || text[at] == '-' || text[at] == '/';
  return !joins || at + 1 >= text.size() || !IsDigit(text[at + 1]);
}

// "3-2-4" as a bit for each end of a group but the last.
uint64_t EndsOf(std::string_view grouping, size_t length) {
  uint64_t ends = 0;
  size_t total = 0;
  while (!grouping.empty()) {
    size_t group = 0;
    const auto [rest, error] =
        std::from_chars(grouping.data(), grouping.data() + grouping.size(), group);
    CHECK(error == std::errc() && group > 0, "a grouping is numbers with dashes");
    total += group;
    ends |= uint64_t{1} << total;
    grouping.remove_prefix(static_cast<size_t>(rest - grouping.data()));
    if (!grouping.empty()) grouping.remove_prefix(1);
  }
  CHECK(total == length, "a grouping covers the shape");
  return ends & ~(uint64_t{1} << length);
}

}  // namespace

// Groups of letters and digits with one separator between them, from one place on.
struct NumberFinder::Run {
  std::array<char, kIdentifierLengthMax> compact = {};
  std::array<uint32_t, kIdentifierLengthMax> at = {};
  size_t length = 0;
  uint64_t ends = 0;  // bit k: a group ends after k characters

  Run(std::string_view text, size_t begin) {
    size_t i = begin;
    while (AddGroup(text, i)) {
      if (i + 1 >= text.size() || !IsSeparator(text[i]) || !IsAlnum(text[i + 1])) return;
      ++i;
    }
  }

 private:
  bool AddGroup(std::string_view text, size_t& i) {
    const size_t before = length;
    bool digits = false;
    for (; i < text.size() && IsAlnum(text[i]); ++i) {
      if (length == kIdentifierLengthMax) return false;
      digits |= IsDigit(text[i]);
      compact[length] = Upper(text[i]);
      at[length++] = static_cast<uint32_t>(i);
    }
    const bool word = !digits && length - before > kLettersAloneMax;
    if (word || (i < text.size() && IsBeyondAscii(text[i]))) {
      length = before;
      return false;
    }
    ends |= uint64_t{1} << length;
    return true;
  }
};

NumberFinder::NumberFinder() {
  Add(GeneralIdentifiers());
  Add(AmericanIdentifiers());
  Add(WestEuropeanIdentifiers());
  Add(NorthAndEastEuropeanIdentifiers());
  Add(AsianPacificAndAfricanIdentifiers());
}

void NumberFinder::Add(std::span<const Identifier> identifiers) {
  for (const Identifier& identifier : identifiers) {
    const size_t length = identifier.shape.size();
    CHECK(length <= kIdentifierLengthMax, "an identifier has a bounded length");
    std::string_view rest = identifier.groupings;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      const uint64_t ends = EndsOf(rest.substr(0, comma), length);
      forms_[length].push_back(
          {&identifier, ends, ends == 0 ? identifier.bare : identifier.grouped});
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
}

void NumberFinder::Find(Scan& scan) const {
  const std::string_view text = scan.text();
  size_t at = 0;
  size_t seen = 0;  // everything before it was looked at
  for (;;) {
    while (at < text.size() && !IsDigit(text[at])) ++at;
    if (at == text.size()) return;
    size_t begin = at;
    while (begin > seen && IsWord(text[begin - 1]) && at - begin < kWalkBackMax) --begin;
    size_t end = at;
    while (end < text.size() && IsAlnum(text[end])) ++end;
    const bool cut = begin > 0 && IsWord(text[begin - 1]);
    if (!cut) {
      FindIdentifiers(scan, begin);
      // "QQ 12 34 56 C": letters before the first digit.
      size_t letters = begin >= 2 && IsSeparator(text[begin - 1]) ? begin - 1 : begin;
      const size_t last = letters;
      while (letters > seen && last - letters <= kLettersAloneMax && IsLetter(text[letters - 1]))
        --letters;
      const bool few = last - letters > 0 && last - letters <= kLettersAloneMax;
      if (few && last != begin && (letters == 0 || !IsWord(text[letters - 1])))
        FindIdentifiers(scan, letters);
      FindPhone(scan, begin);
      FindIpAddress(scan, begin, end);
      FindMacAddress(scan, begin, end);
      FindLocation(scan, begin, end);
      FindWallet(scan, begin, end);
      FindPostalCode(scan, begin, end);
    }
    at = seen = end;
  }
}

void NumberFinder::FindIdentifiers(Scan& scan, size_t at) const {
  if (!MayBegin(scan.text(), at)) return;
  const Run run(scan.text(), at);
  for (size_t length = 6; length <= run.length; ++length) {
    if ((run.ends >> length & 1) == 0) continue;
    if (MayEnd(scan.text(), run.at[length - 1] + 1)) Match(scan, run, length);
  }
}

void NumberFinder::Match(Scan& scan, const Run& run, size_t length) const {
  const uint64_t ends = run.ends & ((uint64_t{1} << length) - 1);
  const std::string_view compact(run.compact.data(), length);
  const size_t begin = run.at[0];
  const size_t end = run.at[length - 1] + 1;
  for (const Form& form : forms_[length]) {
    if (form.ends != ends || !Fits(form.identifier->shape, compact.data())) continue;
    if (form.identifier->valid != nullptr && !form.identifier->valid(compact)) continue;
    scan.Add(begin, end, form.identifier->type, form.score);
  }
  constexpr uint64_t kFours = 0x1111'1111'1110;
  const bool written_so = ends == 0 || ends == (kFours & ((uint64_t{1} << length) - 1));
  if (written_so && IsLetter(compact[0]) && IsIban(compact)) scan.Add(begin, end, Type::kIban, 97);
}

}  // namespace weir::privacy
