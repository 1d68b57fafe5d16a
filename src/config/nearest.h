// The known word that somebody probably meant.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other. Words
// are cut at 64 bytes.
size_t EditDistance(std::string_view a, std::string_view b);

// The known word that is at most half its length away; the first of equals.
std::optional<std::string_view> Nearest(std::string_view word,
                                        std::span<const std::string_view> known);

// "; did you mean 'target'?" or, when nothing is near, "; known here: a, b, c".
std::string Suggestion(std::string_view word, std::span<const std::string_view> known);

// `text` in single quotes, control characters as '?', at most 48 bytes of it.
std::string Quoted(std::string_view text);

}  // namespace weir::config
