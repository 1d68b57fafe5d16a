#include "engine/defaults.h"

#include <algorithm>

namespace weir::engine {
namespace {

template <class T>
void Fill(std::optional<T>& asked, const std::optional<T>& otherwise) {
  if (!asked) asked = otherwise;
}

void FillSampling(const chat::Sampling& defaults, chat::Sampling& asked) {
  Fill(asked.temperature, defaults.temperature);
  Fill(asked.top_k, defaults.top_k);
  Fill(asked.top_p, defaults.top_p);
  Fill(asked.min_p, defaults.min_p);
  Fill(asked.typical_p, defaults.typical_p);
  Fill(asked.repeat_penalty, defaults.repeat_penalty);
  Fill(asked.frequency_penalty, defaults.frequency_penalty);
  Fill(asked.presence_penalty, defaults.presence_penalty);
  Fill(asked.penalty_last_n, defaults.penalty_last_n);
  Fill(asked.mirostat, defaults.mirostat);
  Fill(asked.mirostat_tau, defaults.mirostat_tau);
  Fill(asked.mirostat_eta, defaults.mirostat_eta);
  Fill(asked.seed, defaults.seed);
}

bool IsSystem(const chat::Message& message) {
  return message.role == chat::Role::kSystem || message.role == chat::Role::kDeveloper;
}

void FillMessages(const wire::ModelDefaults& defaults, std::vector<chat::Message>& messages) {
  const bool has_system = std::ranges::any_of(messages, IsSystem);
  if (!has_system && !defaults.system.empty()) {
    chat::Message system{.role = chat::Role::kSystem};
    system.parts.push_back({.text = defaults.system});
    messages.insert(messages.begin(), std::move(system));
  }
  const auto behind = std::ranges::find_if_not(messages, IsSystem);
  messages.insert(behind, defaults.messages.begin(), defaults.messages.end());
}

}  // namespace

void ApplyDefaults(const wire::ModelDefaults& defaults, chat::GenerateRequest& request) {
  FillSampling(defaults.sampling, request.sampling);
  if (request.stop.empty()) request.stop = defaults.stop;
  Fill(request.max_tokens, defaults.max_tokens);
  const bool begins = !request.messages.empty() && request.context.empty();
  if (begins) FillMessages(defaults, request.messages);
}

}  // namespace weir::engine
