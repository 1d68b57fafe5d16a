#include "config/settings.h"

#include <fmt/format.h>

#include "base/check.h"

namespace weir::config {

std::string_view TierName(Tier tier) {
  switch (tier) {
    case Tier::kDevice:
      return "device";
    case Tier::kEdge:
      return "edge";
    case Tier::kCloud:
      return "cloud";
  }
  CHECK(false, "tier out of range");
}

std::string_view BackendKindName(BackendKind kind) {
  switch (kind) {
    case BackendKind::kEngine:
      return "engine";
    case BackendKind::kOpenAi:
      return "openai";
    case BackendKind::kAnthropic:
      return "anthropic";
    case BackendKind::kGemini:
      return "gemini";
    case BackendKind::kOllama:
      return "ollama";
    case BackendKind::kWhisper:
      return "whisper";
    case BackendKind::kImages:
      return "images";
  }
  CHECK(false, "kind out of range");
}

std::vector<std::string> ModelFilesOf(const Settings& settings) {
  std::vector<std::string> files;
  for (const Model& model : settings.model_settings) {
    for (const Text* file : {&model.file, &model.projector}) {
      if (!(*file)->empty()) files.push_back(**file);
    }
  }
  return files;
}

std::string ToText(const Endpoint& endpoint) {
  if (endpoint.host.find(':') != std::string::npos) {
    return fmt::format("[{}]:{}", endpoint.host, endpoint.port);
  }
  return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace weir::config
