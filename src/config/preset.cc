#include "config/preset.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "config/preset_data.h"
#include "json/fields.h"
#include "json/parse.h"

namespace weir::config {
namespace {

constexpr size_t kTextBytesMax = 256;

std::string Text(json::Fields& fields, std::string_view key) {
  return fields.Require().String(key, kTextBytesMax).value_or("");
}

void ReadFlag(json::Fields& fields, std::string_view key, bool& flag) {
  flag = fields.Bool(key).value_or(flag);
}

chat::Quirks ReadQuirks(json::Fields& fields) {
  using chat::CredentialStyle;
  using chat::SamplingNames;
  chat::Quirks out;
  ReadFlag(fields, "stream_usage", out.stream_usage);
  ReadFlag(fields, "max_completion_tokens", out.max_completion_tokens);
  ReadFlag(fields, "developer_role", out.developer_role);
  ReadFlag(fields, "grammar", out.grammar);
  ReadFlag(fields, "short_call_ids", out.short_call_ids);
  ReadFlag(fields, "random_seed", out.random_seed);
  ReadFlag(fields, "any_tool", out.any_tool);
  ReadFlag(fields, "reasoning_object", out.reasoning_object);
  ReadFlag(fields, "base64_embeddings", out.base64_embeddings);
  ReadFlag(fields, "azure", out.azure);
  ReadFlag(fields, "provider_fields", out.provider_fields);
  out.reasoning_field = fields.String("reasoning_field", kTextBytesMax).value_or("");
  out.reasoning_history = fields.String("reasoning_history", kTextBytesMax).value_or("");
  out.sampling =
      fields
          .Word<SamplingNames>("sampling", {{"vllm", SamplingNames::kVllm},
                                            {"llama_server", SamplingNames::kLlamaServer}})
          .value_or(SamplingNames::kNone);
  if (const auto most = fields.Int("stop_max", 1, 64)) out.stop_max = static_cast<size_t>(*most);
  out.refuses = fields.Strings("refuses", 64, kTextBytesMax);
  out.credential =
      fields.Word<CredentialStyle>("credential", {{"api-key", CredentialStyle::kApiKey}});
  fields.RefuseUnread();
  return out;
}

Preset ReadPreset(json::Fields& fields, const std::string& checked) {
  Preset out;
  out.name = Text(fields, "name");
  out.title = Text(fields, "title");
  out.kind = fields.Require()
                 .Word<BackendKind>("kind", {{"openai", BackendKind::kOpenAi},
                                             {"anthropic", BackendKind::kAnthropic},
                                             {"gemini", BackendKind::kGemini},
                                             {"ollama", BackendKind::kOllama},
                                             {"whisper", BackendKind::kWhisper}})
                 .value_or(BackendKind::kOpenAi);
  out.tier = fields.Require()
                 .Word<Tier>("tier", {{"edge", Tier::kEdge}, {"cloud", Tier::kCloud}})
                 .value_or(Tier::kCloud);
  out.url = Text(fields, "url");
  out.key_env = Text(fields, "key_env");
  out.region = Text(fields, "region");
  out.source = Text(fields, "source");
  out.checked = checked;
  if (auto quirks = fields.Require().Nested("quirks")) out.quirks = ReadQuirks(*quirks);
  fields.RefuseUnread();
  return out;
}

std::vector<Preset> ReadPresets() {
  const auto document = json::Parse(kPresetsJson);
  CHECK(document.has_value(), "data/presets.json is not JSON");
  json::Problem problem;
  json::Fields fields(problem, *document);
  fields.Require().Int("version", 1, 1);
  const std::string checked = Text(fields, "checked");
  const json::Array* list = fields.Require().List("presets", 100);
  std::vector<Preset> out;
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    json::Fields preset(problem, (*list)[i], fields.PathOf("presets", i));
    out.push_back(ReadPreset(preset, checked));
  }
  CHECK(!problem, problem ? problem.error().message.c_str() : "");
  return out;
}

// "api.groq.com" of "https://api.groq.com/openai/v1"; empty of what is not https.
std::string_view HostOf(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return {};
  url.remove_prefix(kScheme.size());
  return url.substr(0, url.find_first_of(":/"));
}

constexpr std::string_view kAzureHost = ".openai.azure.com";

}  // namespace

std::span<const Preset> Presets() {
  static const std::vector<Preset> presets = ReadPresets();
  return presets;
}

const Preset* FindPreset(std::string_view name) {
  const auto found = std::ranges::find(Presets(), name, &Preset::name);
  return found == Presets().end() ? nullptr : &*found;
}

const Preset* PresetOfUrl(std::string_view url) {
  const std::string_view host = HostOf(url);
  if (host.empty()) return nullptr;
  if (host.ends_with(kAzureHost))
    return FindPreset(url.find("/openai/v1") == url.npos ? "azure-deployments" : "azure");
  const auto found =
      std::ranges::find(Presets(), host, [](const Preset& preset) { return HostOf(preset.url); });
  return found == Presets().end() ? nullptr : &*found;
}

const chat::Quirks& QuirksOf(std::string_view preset, std::string_view url, BackendKind kind,
                             Tier tier) {
  const Preset* found = preset.empty() ? PresetOfUrl(url) : FindPreset(preset);
  CHECK(found != nullptr || preset.empty(), "a preset that is not known");
  // The same host may speak several dialects; quirks belong to one.
  if (found != nullptr && found->kind == kind) return found->quirks;
  if (kind == BackendKind::kOpenAi && tier != Tier::kCloud) return FindPreset("compatible")->quirks;
  static const chat::Quirks none;
  return none;
}

}  // namespace weir::config
