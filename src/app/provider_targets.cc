#include "app/provider_targets.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "app/backend_places.h"
#include "base/fnv.h"
#include "config/preset.h"
#include "dialects/anthropic/provider.h"
#include "dialects/gemini/provider.h"
#include "dialects/ollama/provider.h"
#include "dialects/openai/provider.h"
#include "dialects/whisper/provider.h"

namespace weir::app {
namespace {

uint32_t Ms(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(ms, 1, wire::kEgressTimeoutMsMax));
}

// A file that was written anew is another, whatever is in it: a key is the door's alone to read.
void AddFile(Fnv1a& hash, const std::string& path) {
  hash.Add(path).Add(uint64_t{0});
  struct stat file{};
  if (path.empty() || stat(path.c_str(), &file) != 0) return;
  hash.Add(static_cast<uint64_t>(file.st_ino))
      .Add(static_cast<uint64_t>(file.st_size))
      .Add(static_cast<uint64_t>(file.st_ctim.tv_sec))
      .Add(static_cast<uint64_t>(file.st_ctim.tv_nsec));
}

uint64_t ReachedBy(const config::Backend& backend) {
  Fnv1a hash;
  for (const std::string& url : UrlsOf(backend)) hash.Add(url).Add(uint64_t{0});
  hash.Add(*backend.proxy).Add(uint64_t{0}).Add(*backend.key_env).Add(uint64_t{0});
  hash.Add(uint64_t{*backend.tier == config::Tier::kCloud || *backend.allow_public});
  AddFile(hash, *backend.key_file);
  AddFile(hash, *backend.ca_file);
  return hash.value();
}

}  // namespace

const chat::ProviderDialect* DialectOf(config::BackendKind kind) {
  switch (kind) {
    case config::BackendKind::kOpenAi:
      return &openai::kProvider;
    case config::BackendKind::kAnthropic:
      return &anthropic::kProvider;
    case config::BackendKind::kGemini:
      return &gemini::kProvider;
    case config::BackendKind::kOllama:
      return &ollama::kProvider;
    case config::BackendKind::kWhisper:
      return &whisper::kProvider;
    default:
      return nullptr;
  }
}

wire::EgressTimeouts TimeoutsOf(const config::Backend& backend) {
  return {.connect_ms = Ms(*backend.connect_timeout),
          .first_byte_ms = Ms(*backend.first_byte_timeout),
          .gap_ms = Ms(*backend.gap_timeout),
          .total_ms = Ms(*backend.total_timeout)};
}

backends::ProviderTarget ProviderTargetOf(const config::Backend& backend,
                                          const config::Target& target) {
  return {.name = *target.name,
          .backend = *backend.name,
          .dialect = DialectOf(*backend.kind),
          .model = {.name = *target.model,
                    .context_tokens = *target.context,
                    .max_output_tokens = *target.max_output,
                    .vision = target.vision->value_or(false),
                    .audio = target.audio->value_or(false),
                    .tools = target.tools->value_or(false),
                    .json_schema = target.json_schema->value_or(false),
                    .reasoning = target.reasoning->value_or(false)},
          .quirks = config::QuirksOf(*backend.preset, *backend.url, *backend.kind, *backend.tier),
          .reached_by = ReachedBy(backend),
          .replicas = static_cast<uint32_t>(UrlsOf(backend).size()),
          .concurrency = static_cast<int32_t>(*backend.concurrency),
          .queue = static_cast<int32_t>(*backend.queue),
          .retries = static_cast<int32_t>(*backend.retries),
          .timeouts = TimeoutsOf(backend),
          .whole_ms =
              *backend.whole_answers ? std::optional(Ms(*backend.whole_timeout)) : std::nullopt};
}

std::vector<gateway::ImageSource> ImageSourcesOf(const config::Settings& settings) {
  std::vector<gateway::ImageSource> sources;
  for (const config::Backend& backend : settings.backends) {
    if (*backend.kind != config::BackendKind::kImages) continue;
    sources.push_back(
        {.backend = *backend.name, .url = *backend.url, .timeouts = TimeoutsOf(backend)});
  }
  return sources;
}

}  // namespace weir::app
