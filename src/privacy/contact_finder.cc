// E-mail addresses and telephone numbers.
#include <algorithm>
#include <array>
#include <string>

#include "privacy/characters.h"
#include "privacy/number_finder.h"

namespace weir::privacy {
namespace {

constexpr size_t kLocalMax = 64;
constexpr size_t kDomainMax = 253;

bool IsLocal(char c) {
  return IsWord(c) || std::string_view("._%+-'").find(c) != std::string_view::npos;
}
bool IsDomain(char c) { return IsWord(c) || c == '.' || c == '-'; }

std::string LowerOf(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), Lower);
  return lower;
}

// Two letters are a country; these are the commonest of the rest.
bool IsKnownTopLevel(std::string_view name) {
  constexpr std::string_view kKnown[] = {
      "academy", "agency",    "app",    "biz",   "blog",   "business", "care",   "cat",
      "center",  "club",      "cloud",  "com",   "coop",   "dev",      "edu",    "email",
      "example", "gov",       "health", "info",  "int",    "invalid",  "jobs",   "live",
      "local",   "localhost", "mail",   "media", "mil",    "mobi",     "museum", "name",
      "net",     "network",   "news",   "one",   "online", "org",      "page",   "pro",
      "shop",    "site",      "space",  "store", "tech",   "test",     "travel", "website",
      "work",    "xyz"};
  return name.size() == 2 || name.starts_with("xn--") || std::ranges::binary_search(kKnown, name);
}

// "icon@2x.png" is a file, "torch@nightly.whl" too.
bool IsFileEnding(std::string_view name) {
  constexpr std::string_view kEndings[] = {
      "bmp", "css", "gif", "gz", "html", "jpeg", "jpg", "js", "json", "md",  "pdf", "png",
      "py",  "rs",  "sh",  "so", "svg",  "tar",  "tgz", "ts", "webp", "whl", "xml", "zip"};
  return std::ranges::binary_search(kEndings, name);
}

void FindEmail(Scan& scan, size_t sign) {
  const std::string_view text = scan.text();
  size_t begin = sign;
  while (begin > 0 && sign - begin < kLocalMax && IsLocal(text[begin - 1])) --begin;
  while (begin < sign && !IsWord(text[begin])) ++begin;
  size_t end = sign + 1;
  while (end < text.size() && end - sign < kDomainMax && IsDomain(text[end])) ++end;
  while (end > sign + 1 && !IsWord(text[end - 1])) --end;
  const std::string_view domain = text.substr(sign + 1, end - sign - 1);
  const size_t dot = domain.rfind('.');
  if (begin == sign || text[sign - 1] == '.' || dot == std::string_view::npos || dot == 0) return;
  if (domain[0] == '-' || domain[0] == '.' || domain.find("..") != std::string_view::npos) return;
  const std::string top = LowerOf(domain.substr(dot + 1));
  const bool letters = top.size() >= 2 && std::ranges::none_of(top, IsDigit);
  const bool path =
      end < text.size() && text[end] == ':' && text.substr(begin, sign - begin) == "git";
  if ((!letters && !top.starts_with("xn--")) || path) return;
  if (IsFileEnding(top) && (top.size() > 2 || IsDigit(domain[0]))) return;
  scan.Add(begin, end, Type::kEmail, IsKnownTopLevel(top) ? 95 : 60);
}

// A telephone number as it is written: digits with up to two of " -./()" between them.
struct Dialled {
  static constexpr size_t kDigitsMax = 15;
  std::array<char, kDigitsMax> digits = {};
  size_t count = 0;
  std::array<uint8_t, kDigitsMax> groups = {};
  size_t group_count = 0;
  size_t end = 0;
  bool brackets = false;
  bool dashes = false;
  bool dots = false;
  bool too_long = false;

  Dialled(std::string_view text, size_t at) {
    bool fresh = true;
    size_t between = 0;
    for (; at < text.size(); ++at) {
      const char c = text[at];
      if (IsDigit(c)) {
        if (count == kDigitsMax) {
          too_long = true;
          return;
        }
        if (fresh || between > 0) groups[group_count++] = 0;
        fresh = false;
        between = 0;
        ++groups[group_count - 1];
        digits[count++] = c;
        end = at + 1;
        continue;
      }
      constexpr std::string_view kBetween = " -./()";
      if (++between > 2 || kBetween.find(c) == std::string_view::npos) return;
      brackets |= c == '(' || c == ')';
      if (at + 1 >= text.size()) return;
      const bool goes_on =
          IsDigit(text[at + 1]) || (between == 1 && at + 2 < text.size() && IsDigit(text[at + 2]));
      if (!goes_on) return;
      dashes |= c == '-';
      dots |= c == '.';
    }
  }
  bool Grouped(std::initializer_list<int> sizes) const {
    return std::ranges::equal(sizes, std::span(groups).first(group_count));
  }
};

// (NXX) NXX-XXXX, with or without 1 before it.
int ScoreOfNorthAmerican(const Dialled& number) {
  const bool with_1 = number.Grouped({1, 3, 3, 4}) && number.digits[0] == '1';
  if (!with_1 && !number.Grouped({3, 3, 4})) return 0;
  const size_t area = with_1 ? 1 : 0;
  if (number.digits[area] < '2' || number.digits[area + 3] < '2') return 0;
  if (number.brackets) return 75;
  return number.dashes ? 65 : 52;
}

// With the nought that is dialled inside a country.
int ScoreOfNational(const Dialled& number) {
  if (number.count < 9 || number.count > 12) return 0;
  if (number.group_count == 1) return 10;
  const bool pairs = number.Grouped({2, 2, 2, 2, 2});                     // France
  const bool mobile = number.digits[1] == '7' && number.Grouped({5, 6});  // the United Kingdom
  const bool london = number.Grouped({3, 4, 4});
  if (pairs || mobile || london || number.Grouped({5, 3, 3})) return 62;
  return number.group_count == 2 && number.groups[0] <= 5 ? 50 : 42;
}

int ScoreOf(const Dialled& number, bool plus) {
  if (number.too_long) return 0;
  if (plus) {
    if (number.count < 8 || number.digits[0] == '0') return 0;
    return number.group_count > 1 || number.count >= 11 ? 80 : 60;
  }
  if (const int score = ScoreOfNorthAmerican(number); score > 0) return score;
  const bool abroad = number.digits[0] == '0' && number.digits[1] == '0';
  if (abroad) return number.count >= 11 && number.group_count > 1 ? 60 : 5;
  if (number.digits[0] == '0') return ScoreOfNational(number);
  return number.count >= 7 && number.count <= 12 && !number.dots ? 8 : 0;
}

constexpr int kDigitsOfLongNumber = 9;  // what is shorter may also be an amount of something

// "1234567 functions": a word of several things after a number.
bool Counts(std::string_view text, size_t end) {
  constexpr std::string_view kNoThings[] = {"afterwards", "always", "perhaps", "sometimes",
                                            "thanks",     "this",   "unless"};
  if (end >= text.size() || text[end] != ' ') return false;
  size_t last = ++end;
  while (last < text.size() && IsLower(text[last])) ++last;
  const std::string_view word = text.substr(end, last - end);
  const bool several = word.size() >= 4 && word.ends_with('s') && !word.ends_with("ss");
  return several && !WordGoesOnAt(text, last) &&
         std::ranges::find(kNoThings, word) == std::end(kNoThings);
}

}  // namespace

void FindEmails(Scan& scan) {
  const std::string_view text = scan.text();
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    FindEmail(scan, at);
  }
}

void FindPhone(Scan& scan, size_t begin) {
  const std::string_view text = scan.text();
  if (!IsDigit(text[begin])) return;
  size_t first = begin;
  if (first > 0 && text[first - 1] == '(') --first;
  const bool plus = first > 0 && text[first - 1] == '+';
  if (plus) --first;
  bool decimals = false;  // "3,1415926"
  if (first > 0) {
    const char before = text[first - 1];
    const bool joins = before == '.' || before == '-' || before == '/' || before == ' ';
    // Within a longer number, which was looked at from its beginning.
    if (joins && first > 1 && IsDigit(text[first - 2]) && !plus) return;
    if (WordGoesOnBefore(text, first) || before == '$') return;
    decimals = before == ',' && first > 1 && IsDigit(text[first - 2]);
  }
  const Dialled number(text, begin);
  const int score = ScoreOf(number, plus);
  const bool more =
      WordGoesOnAt(text, number.end) || (number.end < text.size() && text[number.end] == '%');
  if (score == 0 || more) return;
  if (plus) return scan.Add(first, number.end, Type::kPhone, score);
  const bool amount = number.group_count == 1 && number.count < kDigitsOfLongNumber;
  const bool small = number.digits[0] == '0' && number.digits[1] == '0';
  if (decimals && (amount || small)) return;
  if (amount && Counts(text, number.end)) return;
  scan.Add(first, number.end, Type::kPhone, score);
}

}  // namespace weir::privacy
