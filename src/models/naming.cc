#include "models/naming.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace weir::models {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
std::string Folded(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), AsciiLower);
  return out;
}

// The longest first, so that Q4_K_M is not taken for Q4_K.
constexpr std::array<std::string_view, 43> kQuantisations = {
    "iq2_xxs", "iq3_xxs", "ud-q4_k_xl", "q2_k_s", "q3_k_s", "q3_k_m", "q3_k_l", "q3_k_xl", "q4_k_s",
    "q4_k_m",  "q4_k_l",  "q5_k_s",     "q5_k_m", "q5_k_l", "q6_k_l", "iq1_s",  "iq1_m",   "iq2_xs",
    "iq2_s",   "iq2_m",   "iq3_xs",     "iq3_s",  "iq3_m",  "iq4_nl", "iq4_xs", "mxfp4",   "nvfp4",
    "tq1_0",   "tq2_0",   "q4_0",       "q4_1",   "q5_0",   "q5_1",   "q8_0",   "q2_k",    "q3_k",
    "q4_k",    "q5_k",    "q6_k",       "bf16",   "fp16",   "f16",    "f32"};

// "-00001-of-00003" at the end.
std::string_view WithoutPart(std::string_view stem) {
  constexpr size_t kPartBytes = 15;
  if (stem.size() <= kPartBytes) return stem;
  const std::string_view tail = stem.substr(stem.size() - kPartBytes);
  return tail.front() == '-' && tail.substr(6, 4) == "-of-"
             ? stem.substr(0, stem.size() - kPartBytes)
             : stem;
}

std::string_view StemOf(std::string_view file) {
  file = file.substr(file.rfind('/') == std::string_view::npos ? 0 : file.rfind('/') + 1);
  if (Folded(file).ends_with(".gguf")) file.remove_suffix(5);
  return WithoutPart(file);
}

}  // namespace

std::string QuantisationIn(std::string_view file) {
  const std::string stem = Folded(StemOf(file));
  for (const std::string_view known : kQuantisations) {
    const size_t at = stem.rfind(known);
    if (at == std::string::npos) continue;
    const size_t end = at + known.size();
    const bool starts =
        at == 0 || stem[at - 1] == '-' || stem[at - 1] == '.' || stem[at - 1] == '_';
    const bool ends =
        end == stem.size() || stem[end] == '-' || stem[end] == '.' || stem[end] == '_';
    if (starts && ends) return std::string(StemOf(file).substr(at, known.size()));
  }
  return "";
}

Name NameFor(std::string_view file_or_repository, std::string_view quantisation) {
  std::string model;
  for (const char c : Folded(StemOf(file_or_repository))) {
    const bool fits = IsAlphanumeric(c) || c == '.' || c == '_' || c == '-';
    model += fits ? c : '-';
  }
  std::string tag = Folded(quantisation);
  const auto drop = [&](std::string_view tail) {
    if (model.size() > tail.size() + 1 && model.ends_with(tail) &&
        !IsAlphanumeric(model[model.size() - tail.size() - 1]))
      model.resize(model.size() - tail.size() - 1);
  };
  if (!tag.empty()) drop(tag);
  drop("gguf");
  while (!model.empty() && !IsAlphanumeric(model.front())) model.erase(0, 1);
  if (model.size() > kNamePartBytesMax) model.resize(kNamePartBytesMax);
  if (model.empty()) model = "model";
  if (tag.empty()) tag = kDefaultTag;
  return {model, tag};
}

}  // namespace weir::models
