// The words of a text, as they are searched for: lower case and stemmed (English), whatever the
// language; identifiers whole and in their parts ("maxNumResults": maxnumresults, max, num,
// result); Chinese, Japanese and Korean, which put no space between words, as pairs of neighbouring
// characters. Bytes that are not UTF-8 end a word. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::vectors {

// A longer word counts only with its beginning.
inline constexpr size_t kTermBytes = 64;

// Calls use(term) for each word in order; the view is good until it returns.
void ForEachTerm(std::string_view text, const std::function<void(std::string_view)>& use);
// Each once, sorted.
std::vector<std::string> TermsOf(std::string_view text);
// Whether a text has all of `terms` (as TermsOf gives them); none are in no text.
bool HasAllTerms(std::string_view text, const std::vector<std::string>& terms);

// Porter's stemmer (1980): the end of an English word taken off, so that "connected" and
// "connections" meet. `word` is lower case; what is not all a-z stays as it is.
void Stem(std::string& word);

}  // namespace weir::vectors
