#include "base/glob.h"

#include <algorithm>
#include <string>

namespace weir {
namespace {

// `may_be_any(character)`: whether a question mark stands for it.
template <class Any>
bool Matches(std::string_view pattern, std::string_view name, const Any& may_be_any) {
  size_t p = 0;
  size_t n = 0;
  // Where to go on when the latest star has to take one character more; earlier stars never need
  // to.
  size_t star = std::string_view::npos;
  size_t star_took_to = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_took_to = n;
    } else if (p < pattern.size() &&
               ((pattern[p] == '?' && may_be_any(name[n])) || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_took_to;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Each run of wildcards as its question marks and then at most one star: "*?" is "?*".
std::string InOrder(std::string_view pattern) {
  std::string ordered;
  while (!pattern.empty()) {
    const size_t run = std::min(pattern.find_first_not_of("*?"), pattern.size());
    const std::string_view wildcards = pattern.substr(0, run);
    ordered.append(static_cast<size_t>(std::ranges::count(wildcards, '?')), '?');
    if (wildcards.contains('*')) ordered += '*';
    pattern.remove_prefix(run);
    const size_t literal = std::min(pattern.find_first_of("*?"), pattern.size());
    ordered += pattern.substr(0, literal);
    pattern.remove_prefix(literal);
  }
  return ordered;
}

}  // namespace

bool MatchesGlob(std::string_view pattern, std::string_view name) {
  return Matches(pattern, name, [](char) { return true; });
}

// The narrow pattern is read like a name: a star of the wide one takes whatever stands there, a
// question mark any one character or question mark, but no star, which may be none or many.
bool CoversGlob(std::string_view wide, std::string_view narrow) {
  return Matches(InOrder(wide), InOrder(narrow), [](char c) { return c != '*'; });
}

}  // namespace weir
