#include "models/name.h"

#include <fmt/core.h>

#include <algorithm>

namespace weir::models {
namespace {

constexpr std::string_view kOllamasOwn = "library/";
bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsPart(std::string_view text) {
  return !text.empty() && text.size() <= kNamePartBytesMax && IsLetterOrDigit(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsModel(std::string_view text) {
  const size_t slash = text.find('/');
  return slash == std::string_view::npos
             ? IsPart(text)
             : IsPart(text.substr(0, slash)) && IsPart(text.substr(slash + 1));
}

std::string Folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

Result<Name> ParseName(std::string_view text) {
  const size_t colon = text.find(':');
  const bool tagged = colon != std::string_view::npos;
  if (text.size() > 3 * kNamePartBytesMax + 2) text = {};  // refused below, without folding it
  Name name{Folded(text.substr(0, colon)),
            tagged && !text.empty() ? Folded(text.substr(colon + 1)) : std::string()};
  if (name.model.starts_with(kOllamasOwn) && IsPart(name.model.substr(kOllamasOwn.size())))
    name.model.erase(0, kOllamasOwn.size());
  if (!IsModel(name.model) || (tagged && !IsPart(name.tag))) {
    return Fail(Code::kInvalidArgument,
                fmt::format("a model is called name, name:tag or namespace/name:tag, each of at "
                            "most {} letters, digits, '.', '_' and '-', starting with a letter or "
                            "digit",
                            kNamePartBytesMax),
                "model", "invalid_model_name");
  }
  return name;
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace weir::models
