#include "config/preset.h"

#include <gtest/gtest.h>

#include <set>

#include "config/url.h"

namespace weir::config {
namespace {

TEST(Presets, AreThoseThatTheManualNames) {
  for (const char* name :
       {"openai", "anthropic", "google", "groq", "cerebras", "openrouter", "mistral", "deepseek",
        "together", "azure", "vllm", "llama-server", "lmstudio", "ollama"}) {
    EXPECT_NE(FindPreset(name), nullptr) << name;
  }
  EXPECT_EQ(FindPreset("nobody"), nullptr);
  EXPECT_EQ(FindPreset(""), nullptr);
}

TEST(Presets, HaveNamesOfTheirOwnAndUrlsThatTheConfigurationTakes) {
  std::set<std::string> names;
  for (const Preset& preset : Presets()) {
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
    EXPECT_TRUE(ParseUrl(preset.url)) << preset.url;
    EXPECT_FALSE(preset.source.empty());
    EXPECT_FALSE(preset.checked.empty());
    // A cloud needs a key, and this machine does not.
    EXPECT_EQ(preset.key_env.empty(), preset.tier == Tier::kEdge) << preset.name;
    EXPECT_EQ(preset.url.starts_with("https://"), preset.tier == Tier::kCloud) << preset.name;
  }
}

TEST(Presets, AreFoundByTheHostOfTheirUrl) {
  ASSERT_NE(PresetOfUrl("https://api.groq.com/openai/v1"), nullptr);
  EXPECT_EQ(PresetOfUrl("https://api.groq.com/openai/v1")->name, "groq");
  EXPECT_EQ(PresetOfUrl("https://mine.openai.azure.com/openai/v1")->name, "azure");
  EXPECT_EQ(PresetOfUrl("https://mine.openai.azure.com")->name, "azure-deployments");
  EXPECT_EQ(PresetOfUrl("https://api.groq.com.evil.example/v1"), nullptr);
  EXPECT_EQ(PresetOfUrl("http://127.0.0.1:8000/v1"), nullptr);
  EXPECT_EQ(PresetOfUrl(""), nullptr);
}

TEST(Quirks, AreThePresetsElseTheUrlsElseThoseOfAnyCompatibleServer) {
  constexpr auto kOpenAi = BackendKind::kOpenAi;
  const std::string groq = "https://api.groq.com/openai/v1";
  EXPECT_EQ(QuirksOf("mistral", groq, kOpenAi, Tier::kCloud), FindPreset("mistral")->quirks);
  EXPECT_EQ(QuirksOf("", groq, kOpenAi, Tier::kCloud), FindPreset("groq")->quirks);
  EXPECT_EQ(QuirksOf("", "http://10.0.0.1/v1", kOpenAi, Tier::kEdge),
            FindPreset("compatible")->quirks);
  EXPECT_EQ(QuirksOf("", "https://llm.example.org/v1", kOpenAi, Tier::kCloud), chat::Quirks());
  EXPECT_EQ(QuirksOf("", "http://10.0.0.1", BackendKind::kOllama, Tier::kEdge), chat::Quirks());
  // A dialect's quirks are not another's.
  EXPECT_EQ(QuirksOf("", groq, BackendKind::kAnthropic, Tier::kCloud), chat::Quirks());
}

}  // namespace
}  // namespace weir::config
