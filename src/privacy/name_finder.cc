#include "privacy/name_finder.h"

#include <algorithm>
#include <array>
#include <bit>

#include "privacy/characters.h"
#include "privacy/name_data.h"

namespace weir::privacy {
namespace {

constexpr size_t kNameMax = 24;  // bytes of one word of a name
constexpr int kPartsMax = 4;     // words after the first

constexpr NameFinder::Cue kCues[] = {
    {"Mr", 60},           {"Mr.", 60},          {"Mrs", 60},
    {"Mrs.", 60},         {"Ms", 60},           {"Ms.", 60},
    {"Miss", 50},         {"Dr.", 55},          {"Dr", 50},
    {"Prof.", 55},        {"Professor", 50},    {"Herr", 60},
    {"Herrn", 60},        {"Frau", 60},         {"Madame", 55},
    {"Mme", 60},          {"Mlle", 60},         {"Monsieur", 55},
    {"Senor", 55},        {"Senora", 55},       {"Sra.", 55},
    {"Sr.", 50},          {"Signor", 55},       {"Signora", 55},
    {"Sig.", 55},         {"Dhr.", 60},         {"Mevrouw", 60},
    {"Mevr.", 60},        {"Pan", 20},          {"Pani", 30},
    {"Dear", 40},         {"my name is", 62},   {"i am", 15},
    {"i'm", 15},          {"name", 25},         {"first name", 45},
    {"last name", 50},    {"surname", 50},      {"full name", 45},
    {"patient", 40},      {"regards,", 40},     {"sincerely,", 45},
    {"cheers,", 40},      {"gruss,", 40},       {"grussen", 30},
    {"signed by", 45},    {"contact", 15},      {"mein name ist", 62},
    {"ich heisse", 62},   {"je m'appelle", 62}, {"me llamo", 62},
    {"mi nombre es", 62}, {"mi chiamo", 62},    {"meu nome e", 62},
    {"mijn naam is", 62}, {"nazywam sie", 62},  {"sehr geehrter", 10},
    {"liebe", 20},        {"lieber", 30},       {"kunde", 30},
    {"customer", 20},     {"employee", 20},     {"mitarbeiter", 20},
    {"applicant", 30},    {"client", 15}};

constexpr std::array<std::string_view, 26> kParticles = {
    "al",  "bin", "da", "das", "de", "del", "della", "den", "der", "di",  "dos", "du", "el",
    "ibn", "la",  "le", "les", "o",  "op",  "ten",   "ter", "van", "vom", "von", "zu", "zur"};
// Words that begin with a capital and follow names without being a part of them.
constexpr std::array<std::string_view, 56> kNoNames = {
    "all",  "and",    "april", "are",      "at",  "august", "but",    "by",     "can",  "did",
    "do",   "does",   "dr",    "everyone", "for", "frau",   "friday", "from",   "has",  "he",
    "herr", "how",    "if",    "in",       "is",  "madam",  "monday", "mr",     "mrs",  "ms",
    "my",   "no",     "not",   "on",       "or",  "our",    "per",    "please", "prof", "she",
    "sir",  "sunday", "team",  "thanks",   "the", "they",   "this",   "to",     "via",  "we",
    "what", "when",   "with",  "yes",      "you", "your"};

bool IsIn(std::span<const std::string_view> sorted, std::string_view word) {
  return std::ranges::binary_search(sorted, word);
}

std::string_view LowerInto(std::array<char, kNameMax>& buffer, std::string_view word) {
  const size_t size = std::min(word.size(), kNameMax);
  std::ranges::transform(word.substr(0, size), buffer.begin(), Lower);
  return {buffer.data(), size};
}

}  // namespace

WordSet::WordSet(std::string_view words) {
  std::vector<std::string_view> list;
  constexpr std::string_view kBlank = " \n";
  for (size_t at = words.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const size_t end = std::min(words.find_first_of(kBlank, at), words.size());
    list.push_back(words.substr(at, end - at));
    at = words.find_first_not_of(kBlank, end);
  }
  slots_.resize(std::bit_ceil(2 * list.size() + 1));
  for (const std::string_view word : list) slots_[SlotOf(word)] = word;
}

size_t WordSet::SlotOf(std::string_view word) const {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  size_t slot = (hash ^ hash >> 32) & (slots_.size() - 1);
  while (!slots_[slot].empty() && slots_[slot] != word) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

bool WordSet::Has(std::string_view word) const { return !slots_[SlotOf(word)].empty(); }

NameFinder::NameFinder() : given_(kGivenNames), surnames_(kSurnames) {}

std::span<const NameFinder::Cue> NameFinder::Cues() { return kCues; }

NameFinder::Word NameFinder::WordAt(std::string_view text, size_t at) {
  Word word{at, at};
  bool small = false;
  bool shouted = false;
  for (; word.end < text.size() && word.end - at < kNameMax; ++word.end) {
    const char c = text[word.end];
    const bool joins =
        (c == '-' || c == '\'') && word.end + 1 < text.size() && IsUpper(text[word.end + 1]);
    if (!IsLetter(c) && !IsBeyondAscii(c) && !joins) break;
    small |= IsLower(c);
    // "McDonald" and "O'Brien" are names; "HTTPServer" and "camelCase" are not.
    shouted |= IsUpper(c) && word.end > at && IsUpper(text[word.end - 1]);
  }
  const bool cut = word.end < text.size() && (IsWord(text[word.end]) || text[word.end] == '_');
  word.capital = word.end > at && IsUpper(text[at]) && small && !shouted && !cut;
  return word;
}

bool NameFinder::Has(const WordSet& set, std::string_view text, const Word& word) {
  if (word.end - word.begin >= kNameMax) return false;
  std::array<char, kNameMax> buffer;
  const std::string_view whole = LowerInto(buffer, text.substr(word.begin, word.end - word.begin));
  if (set.Has(whole)) return true;
  const size_t dash = whole.find_first_of("-'");
  if (dash == std::string_view::npos) return false;
  return set.Has(whole.substr(dash + 1)) || set.Has(whole.substr(0, dash));
}
bool NameFinder::IsGiven(std::string_view text, const Word& word) const {
  return Has(given_, text, word);
}
bool NameFinder::IsSurname(std::string_view text, const Word& word) const {
  return Has(surnames_, text, word);
}

// The next capitalised word of the same name: over one space, initials and particles.
NameFinder::Word NameFinder::NextInName(std::string_view text, size_t end) {
  std::array<char, kNameMax> buffer;
  for (int part = 0; part < kPartsMax; ++part) {
    if (end + 1 >= text.size() || text[end] != ' ') return {};
    const size_t at = end + 1;
    if (IsUpper(text[at]) && at + 1 < text.size() && text[at + 1] == '.') {
      end = at + 2;
      continue;
    }
    const Word word = WordAt(text, at);
    const std::string_view small =
        LowerInto(buffer, text.substr(word.begin, word.end - word.begin));
    if (word.capital) return IsIn(kNoNames, small) ? Word{} : word;
    if (word.end == word.begin || IsUpper(text[at]) || !IsIn(kParticles, small)) return {};
    end = word.end;
  }
  return {};
}

void NameFinder::Find(Scan& scan) const {
  const std::string_view text = scan.text();
  size_t at = 0;
  while (at < text.size()) {
    if (!IsUpper(text[at]) ||
        (at > 0 && (IsWord(text[at - 1]) || text[at - 1] == '_' || text[at - 1] == '\''))) {
      ++at;
      continue;
    }
    const Word first = WordAt(text, at);
    at = std::max(first.end, at + 1);
    if (!first.capital) continue;
    const bool given = IsGiven(text, first);
    if (given) {
      const Word second = NextInName(text, first.end);
      if (second.capital) {
        Word last = second;
        const Word third = NextInName(text, second.end);
        if (third.capital && IsSurname(text, third)) last = third;
        const bool known = IsSurname(text, last) || IsGiven(text, last);
        scan.Add(first.begin, last.end, Type::kName, known ? 72 : 50);
        at = last.end;
        continue;
      }
    }
    // "Smith, John"
    if (text.substr(first.end, 2) == ", " && IsSurname(text, first)) {
      const Word second = WordAt(text, first.end + 2);
      if (second.capital && IsGiven(text, second)) {
        scan.Add(first.begin, second.end, Type::kName, 60);
        at = second.end;
      }
    }
  }
}

void NameFinder::FindAfter(Scan& scan, size_t begin, size_t end, int strength) const {
  const std::string_view text = scan.text();
  // Signs between a field's name and its value.
  size_t at = end;
  while (at < text.size() && at - end < 5 &&
         std::string_view(" :=\"'\n.").find(text[at]) != std::string_view::npos)
    ++at;
  const bool titled = IsUpper(text[begin]) && IsLetter(text[end - 1]);
  if (at == end || at >= text.size() || (titled && text[end] != ' ')) return;
  Word first = WordAt(text, at);
  if (!first.capital) return;
  std::array<char, kNameMax> buffer;
  if (IsIn(kNoNames, LowerInto(buffer, text.substr(first.begin, first.end - first.begin)))) return;
  const bool known = IsGiven(text, first) || IsSurname(text, first);
  const Word second = NextInName(text, first.end);
  const bool second_known = second.capital && (IsSurname(text, second) || IsGiven(text, second));
  const int score =
      strength + (known ? 25 : 0) + (second.capital ? 5 : 0) + (second_known ? 20 : 0);
  scan.Add(first.begin, second.capital ? second.end : first.end, Type::kName, std::min(score, 95));
}

}  // namespace weir::privacy
