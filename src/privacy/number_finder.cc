#include "privacy/number_finder.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <string_view>

#include "base/check.h"
#include "privacy/characters.h"

namespace weir::privacy {
namespace {

constexpr size_t kLettersAloneMax = 4;  // of a group without digits inside a run
constexpr size_t kLettersFirstMax = 6;  // of the first group: "MORGA 657054 SM9IJ"
constexpr int kLetterGroupsMax = 2;     // before the first digit: "RSS MRA 85T10 A562S"
constexpr size_t kWalkBackMax = 64;
constexpr size_t kBlanksMax = 4;         // on each side of a mark between groups
constexpr size_t kBrokenLengthMin = 13;  // of a number that is written with wide gaps
// What is written like a sum, or like some of a row of numbers, needs a word nearby, unless its
// check is a strong one.
constexpr int kWithWordAlone = 40;
constexpr int kStrongByItself = 80;
constexpr int kStrongInARow = 70;

// A form sends a space as "+".
constexpr bool IsSeparator(char c) {
  return c == ' ' || c == '-' || c == '.' || c == '/' || c == '+';
}

// Between two groups that are laid out or wrapped: blanks, with one mark or line end among them.
size_t WideGapAt(std::string_view text, size_t at) {
  size_t i = at;
  const auto skip_blanks = [&] {
    for (size_t n = 0; n < kBlanksMax && i < text.size() && (text[i] == ' ' || text[i] == '\t');
         ++n)
      ++i;
  };
  skip_blanks();
  if (i + 1 < text.size() && text[i] == '\r' && text[i + 1] == '\n') ++i;
  if (i < text.size() && std::string_view("\n|-./").contains(text[i])) ++i;
  skip_blanks();
  return i < text.size() && IsAlnum(text[i]) ? i - at : 0;
}

bool Fits(std::string_view shape, const char* compact) {
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool digit = IsDigit(compact[i]);
    if ((shape[i] == 'D' && !digit) || (shape[i] == 'L' && digit)) return false;
  }
  return true;
}

// Not the rest of a longer number. A comma before it is one of a list: an identifier is longer than
// the three digits that follow it in a number.
bool MayBegin(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (before == '$' || before == '+') return false;
  const bool joins = before == '.' || before == '-';
  return !joins || at < 2 || !IsDigit(text[at - 2]);
}
bool MayEnd(std::string_view text, size_t at) {
  if (at >= text.size()) return true;
  if (text[at] == '%') return false;
  const bool joins = text[at] == '.' || text[at] == '-' || text[at] == '/';
  return !joins || at + 1 >= text.size() || !IsDigit(text[at + 1]);
}

// "5,678" and "5,67": a comma inside of one number, and not between two of a list.
bool ReadsAsAmount(std::string_view text, size_t end) {
  if (end >= text.size() || text[end] != ',') return false;
  size_t last = end + 1;
  while (last < text.size() && IsDigit(text[last])) ++last;
  const size_t digits = last - end - 1;
  size_t first = end;
  while (first > 0 && IsDigit(text[first - 1])) --first;
  const bool listed = last < text.size() && (text[last] == ',' || text[last] == '/');
  return (digits == 3 && end - first <= 3) || (digits > 0 && digits <= 2 && !listed);
}

// "4500 4600 4700 4800": another number before or after it, as far away as its groups are.
bool InARow(std::string_view text, size_t begin, size_t end) {
  const bool before = begin >= 2 && text[begin - 1] == ' ' && IsDigit(text[begin - 2]);
  return before || (end + 1 < text.size() && text[end] == ' ' && IsDigit(text[end + 1]));
}

// "2023 2024 2025", "2020-2021": years, each with a group of its own.
bool AreYears(std::string_view compact, uint64_t ends) {
  for (size_t at = 0; at < compact.size(); at += 4) {
    const bool century = compact.substr(at, 2) == "19" || compact.substr(at, 2) == "20";
    const bool whole = at + 4 == compact.size() || (ends >> (at + 4) & 1) != 0;
    if (!century || !whole) return false;
  }
  return std::popcount(ends) + 1 == static_cast<int>(compact.size() / 4);
}

// In fours, or not at all.
bool IsGroupedAsIban(uint64_t ends, size_t length) {
  constexpr uint64_t kFours = 0x1111'1111'1110;
  return ends == 0 || ends == (kFours & ((uint64_t{1} << length) - 1));
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

// Groups of letters and digits with one separator between them, from one place on; or with gaps.
struct NumberFinder::Run {
  std::array<char, kIdentifierLengthMax> compact = {};
  std::array<uint32_t, kIdentifierLengthMax> at = {};
  size_t length = 0;
  uint64_t ends = 0;    // bit k: a group ends after k characters
  uint64_t dashes = 0;  // and a dash follows it
  uint64_t sums = 0;    // or a plus
  uint64_t breaks = 0;  // or a line end

  Run(std::string_view text, size_t begin) {
    size_t i = begin;
    while (AddGroup(text, i)) {
      if (i + 1 >= text.size() || !IsSeparator(text[i]) || !IsAlnum(text[i + 1])) return;
      if (text[i] == '-') dashes |= uint64_t{1} << length;
      if (text[i] == '+') sums |= uint64_t{1} << length;
      ++i;
    }
  }

  static Run WithGaps(std::string_view text, size_t begin) {
    Run run;
    size_t i = begin;
    while (run.AddGroup(text, i)) {
      const size_t gap = WideGapAt(text, i);
      if (gap == 0) break;
      if (text.substr(i, gap).contains('\n')) run.breaks |= uint64_t{1} << run.length;
      i += gap;
    }
    return run;
  }

  // Whether it is worth a look behind the gap at which it ended: an IBAN, or a card that a word is
  // near to.
  bool MayGoOn(const Scan& scan) const {
    if (length < 4 || !IsDigit(compact[2]) || !IsDigit(compact[3])) return false;
    if (IsLetter(compact[0])) {
      if (IbanLength({compact.data(), 2}) == 0) return false;
    } else {
      constexpr size_t kHalfOfCard = 32;  // at its widest
      const size_t middle = at[0] + kHalfOfCard;
      if (!scan.Near(Type::kCard, at[0], at[0]) && !scan.Near(Type::kCard, middle, middle))
        return false;
    }
    return WideGapAt(scan.text(), at[length - 1] + 1) != 0;
  }

 private:
  Run() = default;

  bool AddGroup(std::string_view text, size_t& i) {
    const size_t before = length;
    bool digits = false;
    for (; i < text.size() && IsAlnum(text[i]); ++i) {
      if (length == kIdentifierLengthMax) return false;
      digits |= IsDigit(text[i]);
      compact[length] = Upper(text[i]);
      at[length++] = static_cast<uint32_t>(i);
    }
    const bool word =
        !digits && length - before > (before == 0 ? kLettersFirstMax : kLettersAloneMax);
    if (word || (i < text.size() && IsBeyondAscii(text[i]) && !IsOfBorderlessScript(text[i]))) {
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
    while (begin > seen && WordGoesOnBefore(text, begin) && at - begin < kWalkBackMax) --begin;
    size_t end = at;
    while (end < text.size() && IsAlnum(text[end])) ++end;
    const bool cut = WordGoesOnBefore(text, begin);
    if (!cut) {
      FindIdentifiers(scan, begin);
      FindAfterLetters(scan, begin, seen);
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

// "QQ 12 34 56 C": what begins with groups of letters before the one with the first digit.
void NumberFinder::FindAfterLetters(Scan& scan, size_t begin, size_t seen) const {
  const std::string_view text = scan.text();
  for (int groups = 0; groups < kLetterGroupsMax; ++groups) {
    if (begin < 2 || !IsSeparator(text[begin - 1])) return;
    const size_t last = begin - 1;
    size_t letters = last;
    bool capitals = true;
    while (letters > seen && last - letters <= kLettersFirstMax && IsLetter(text[letters - 1])) {
      capitals &= IsUpper(text[--letters]);
    }
    const size_t count = last - letters;
    // A word is longer; what is longer than a word of four, or the second of two, has capitals.
    const bool few = count > 0 && (count <= kLettersAloneMax || capitals) &&
                     count <= kLettersFirstMax && (groups == 0 || capitals);
    if (!few || WordGoesOnBefore(text, letters)) return;
    FindIdentifiers(scan, letters);
    begin = letters;
  }
}

void NumberFinder::FindIdentifiers(Scan& scan, size_t at) const {
  if (!MayBegin(scan.text(), at)) return;
  const Run run(scan.text(), at);
  for (size_t length = 6; length <= run.length; ++length) {
    if ((run.ends >> length & 1) == 0) continue;
    if (MayEnd(scan.text(), run.at[length - 1] + 1)) Match(scan, run, length);
  }
  if (run.MayGoOn(scan)) FindBroken(scan, Run::WithGaps(scan.text(), at), run.length);
}

// Wide gaps are the layout of everyday numbers, too: only a strong check stands for them by itself.
// A line may end inside of a group.
void NumberFinder::FindBroken(Scan& scan, const Run& run, size_t seen) const {
  for (size_t length = std::max(seen + 1, kBrokenLengthMin); length <= run.length; ++length) {
    const size_t end = run.at[length - 1] + 1;
    if ((run.ends >> length & 1) == 0 || !MayEnd(scan.text(), end)) continue;
    const uint64_t ends = run.ends & ((uint64_t{1} << length) - 1);
    const uint64_t unbroken = ends & ~run.breaks;
    const std::string_view compact(run.compact.data(), length);
    for (const Form& form : forms_[length]) {
      if (form.identifier->type != Type::kCard || !Fits(form.identifier->shape, compact.data()) ||
          (form.ends != ends && form.ends != unbroken) || !form.identifier->valid(compact))
        continue;
      scan.Add(run.at[0], end, Type::kCard, std::min(form.score, kWithWordAlone));
    }
    if (IsLetter(compact[0]) &&
        (IsGroupedAsIban(ends, length) || IsGroupedAsIban(unbroken, length)) && IsIban(compact))
      scan.Add(run.at[0], end, Type::kIban, 97);
  }
}

int NumberFinder::ScoreOf(const Form& form, const Run& run, uint64_t ends, bool in_a_row) {
  const bool sum = (run.sums & ends) != 0 && form.score < kStrongByItself;
  const bool column = ends != 0 && in_a_row && form.score < kStrongInARow;
  if (sum || column) return std::min(form.score, kWithWordAlone);
  const bool dashed = (ends & ~run.dashes) == 0;
  return dashed || form.identifier->undashed == 0 ? form.score : form.identifier->undashed;
}

void NumberFinder::Match(Scan& scan, const Run& run, size_t length) const {
  const uint64_t ends = run.ends & ((uint64_t{1} << length) - 1);
  const std::string_view compact(run.compact.data(), length);
  const size_t begin = run.at[0];
  const size_t end = run.at[length - 1] + 1;
  for (const Form& form : forms_[length]) {
    if (form.ends != ends || !Fits(form.identifier->shape, compact.data())) continue;
    if (form.identifier->valid != nullptr && !form.identifier->valid(compact)) continue;
    if (AreYears(compact, ends)) continue;
    // An amount has no check digit; one in ten has one by chance.
    if (form.identifier->valid == nullptr && ReadsAsAmount(scan.text(), end)) continue;
    scan.Add(begin, end, form.identifier->type,
             ScoreOf(form, run, ends, InARow(scan.text(), begin, end)));
  }
  if (IsGroupedAsIban(ends, length) && IsLetter(compact[0]) && IsIban(compact))
    scan.Add(begin, end, Type::kIban, 97);
}

}  // namespace weir::privacy
