#include "models/parameters.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "json/parse.h"
#include "json/writer.h"

namespace weir::models {
namespace {

enum class Kind : uint8_t { kInteger, kNumber, kStrings };

struct Known {
  std::string_view name;
  Kind kind;
  double min;
  double max;
};

constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 256;

constexpr std::array kKnown = {
    Known{"temperature", Kind::kNumber, 0, 100},
    Known{"top_k", Kind::kInteger, 0, 1'000'000},
    Known{"top_p", Kind::kNumber, 0, 1},
    Known{"min_p", Kind::kNumber, 0, 1},
    Known{"typical_p", Kind::kNumber, 0, 1},
    Known{"repeat_penalty", Kind::kNumber, 0, 100},
    Known{"repeat_last_n", Kind::kInteger, -1, 1 << 20},
    Known{"presence_penalty", Kind::kNumber, -100, 100},
    Known{"frequency_penalty", Kind::kNumber, -100, 100},
    Known{"mirostat", Kind::kInteger, 0, 2},
    Known{"mirostat_tau", Kind::kNumber, 0, 100},
    Known{"mirostat_eta", Kind::kNumber, 0, 100},
    Known{"seed", Kind::kInteger, 0, 4294967295.0},
    Known{"num_predict", Kind::kInteger, -2, 1 << 24},
    Known{"num_ctx", Kind::kInteger, 1, 1 << 24},
    Known{"min_dimensions", Kind::kInteger, 1, 65536},  // Weir's own, for models that embed
    Known{"stop", Kind::kStrings, 0, 0},
};
constexpr std::array<std::string_view, 14> kForeign = {
    "num_keep", "num_batch", "num_gpu", "main_gpu",   "use_mmap", "use_mlock",        "num_thread",
    "numa",     "low_vram",  "f16_kv",  "vocab_only", "tfs_z",    "penalize_newline", "logits_all"};

const Known* Find(std::string_view name) {
  const auto found = std::ranges::find(kKnown, name, &Known::name);
  return found == kKnown.end() ? nullptr : &*found;
}

std::unexpected<Error> Wrong(std::string_view name, std::string_view what) {
  return Fail(Code::kInvalidArgument, fmt::format("the parameter {} {}", name, what),
              std::string(name));
}

Result<json::Value> Stops(std::string_view name, const json::Value& value) {
  json::Array all;
  if (const json::Array* several = value.AsArray()) {
    all = *several;
  } else {
    all.push_back(value);
  }
  if (all.size() > kStopsMax)
    return Wrong(name, fmt::format("is there more than {} times", kStopsMax));
  for (const json::Value& each : all) {
    const std::string* text = each.AsString();
    if (text == nullptr || text->empty() || text->size() > kStopBytesMax)
      return Wrong(name, fmt::format("is a text of 1 to {} bytes", kStopBytesMax));
  }
  return json::Value(std::move(all));
}

}  // namespace

bool IsParameter(std::string_view name) { return Find(name) != nullptr; }
bool IsForeignParameter(std::string_view name) {
  return std::ranges::find(kForeign, name) != kForeign.end();
}

Result<Parameter> CheckParameter(std::string_view name, const json::Value& value) {
  const Known* known = Find(name);
  if (known == nullptr) return Wrong(name, "is not known");
  if (known->kind == Kind::kStrings) {
    auto stops = Stops(name, value);
    if (!stops) return Fail(stops.error());
    return Parameter{std::string(name), json::Print(*stops)};
  }
  double number = 0;
  if (const int64_t* whole = value.AsInt()) {
    number = static_cast<double>(*whole);
  } else if (const double* real = value.AsDouble(); real != nullptr) {
    number = *real;
    if (known->kind == Kind::kInteger) return Wrong(name, "is a whole number");
  } else {
    return Wrong(name, "is a number");
  }
  if (number < known->min || number > known->max)
    return Wrong(name, fmt::format("lies between {} and {}", known->min, known->max));
  return Parameter{std::string(name), json::Print(value)};
}

Result<Parameter> CheckParameterText(std::string_view name, std::string_view text) {
  const Known* known = Find(name);
  if (known == nullptr || known->kind == Kind::kStrings)
    return CheckParameter(name, json::Value(std::string(text)));
  const auto value = json::Parse(text, {.depth = 1, .bytes = 64, .values = 1});
  return value ? CheckParameter(name, *value) : Wrong(name, "is a number");
}

void PutParameter(std::vector<Parameter>& all, Parameter parameter) {
  const auto found = std::ranges::find(all, parameter.name, &Parameter::name);
  if (found == all.end()) {
    all.push_back(std::move(parameter));
    return;
  }
  if (parameter.name != "stop") {
    found->value = std::move(parameter.value);
    return;
  }
  auto joined = json::Parse(found->value);
  const auto more = json::Parse(parameter.value);
  if (!joined || !more || joined->AsArray() == nullptr || more->AsArray() == nullptr) return;
  for (const json::Value& each : *more->AsArray()) {
    if (joined->AsArray()->size() < kStopsMax) joined->AsArray()->push_back(each);
  }
  found->value = json::Print(*joined);
}

}  // namespace weir::models
