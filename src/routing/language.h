// Which language a text is in, for rules: by its script where that is one language's, by the
// commonest words of each where several share a script. A small detector that says `unknown` rather
// than guess: short texts, code, names, and languages that it does not know. Pure, integers only;
// the same text has the same language on every machine.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir::routing {

inline constexpr std::string_view kUnknownLanguage = "unknown";

// Codes of ISO 639-1, and the last one for none of them.
inline constexpr std::string_view kLanguages[] = {
    "en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "no", "fi", "pl", "cs",
    "hu", "ro", "tr", "ru", "uk", "el", "he", "ar", "ja", "zh", "ko", "th", kUnknownLanguage};

// Of a text its beginning and its end are read, so many bytes of each.
inline constexpr size_t kLanguageBytes = size_t{1} << 10;

// One of kLanguages.
std::string_view LanguageOf(std::string_view text);

}  // namespace weir::routing
