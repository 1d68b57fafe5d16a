#include "policy/model_defaults.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "json/parse.h"
#include "models/parameters.h"

namespace weir::policy {
namespace {

// The value of a parameter that keeps its type and range, else null.
json::Value ValueOf(const models::Manifest& manifest, std::string_view name) {
  const auto found = std::ranges::find(manifest.parameters, name, &models::Parameter::name);
  if (found == manifest.parameters.end()) return {};
  auto value = json::Parse(found->value);
  if (!value || !models::CheckParameter(name, *value)) return {};
  return std::move(*value);
}

template <class T>
void Take(const models::Manifest& manifest, std::string_view name, std::optional<T>& into) {
  const json::Value value = ValueOf(manifest, name);
  if (const int64_t* whole = value.AsInt()) into = static_cast<T>(*whole);
  if (const double* real = value.AsDouble()) into = static_cast<T>(*real);
}

std::vector<std::string> StopsOf(const models::Manifest& manifest) {
  std::vector<std::string> stops;
  const json::Value value = ValueOf(manifest, "stop");
  if (value.AsArray() == nullptr) return stops;
  for (const json::Value& each : *value.AsArray()) {
    if (each.AsString() != nullptr) stops.push_back(*each.AsString());
  }
  return stops;
}

chat::Role RoleOf(std::string_view word) {
  if (word == "system") return chat::Role::kSystem;
  return word == "assistant" ? chat::Role::kAssistant : chat::Role::kUser;
}

}  // namespace

wire::ModelDefaults DefaultsOf(const models::Manifest& manifest) {
  wire::ModelDefaults out{.stop = StopsOf(manifest), .system = manifest.system};
  chat::Sampling& sampling = out.sampling;
  Take(manifest, "temperature", sampling.temperature);
  Take(manifest, "top_k", sampling.top_k);
  Take(manifest, "top_p", sampling.top_p);
  Take(manifest, "min_p", sampling.min_p);
  Take(manifest, "typical_p", sampling.typical_p);
  Take(manifest, "repeat_penalty", sampling.repeat_penalty);
  Take(manifest, "repeat_last_n", sampling.penalty_last_n);
  Take(manifest, "presence_penalty", sampling.presence_penalty);
  Take(manifest, "frequency_penalty", sampling.frequency_penalty);
  Take(manifest, "mirostat", sampling.mirostat);
  Take(manifest, "mirostat_tau", sampling.mirostat_tau);
  Take(manifest, "mirostat_eta", sampling.mirostat_eta);
  Take(manifest, "seed", sampling.seed);
  Take(manifest, "num_predict", out.max_tokens);
  // Ollama's -1 (no bound) and -2 (the whole context) are what the engine does when nobody says.
  if (out.max_tokens && *out.max_tokens < 1) out.max_tokens.reset();
  for (const models::Turn& turn : manifest.turns) {
    chat::Message message{.role = RoleOf(turn.role)};
    message.parts.push_back({.text = turn.content});
    out.messages.push_back(std::move(message));
  }
  return out;
}

int32_t ContextTokensOf(const models::Manifest& manifest) {
  std::optional<int32_t> tokens;
  Take(manifest, "num_ctx", tokens);
  return tokens.value_or(0);
}

int32_t DimensionsMinOf(const models::Manifest& manifest) {
  std::optional<int32_t> dimensions;
  Take(manifest, "min_dimensions", dimensions);
  return dimensions.value_or(0);
}

}  // namespace weir::policy
