// Known servers: where they are, how they want their key, and where they differ from their dialect.
// Read once from data/presets.json, which is compiled in; docs/providers.md is the page for people.
// Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "chat/provider.h"
#include "config/settings.h"

namespace weir::config {

struct Preset {
  std::string name = {};   // "groq": what [[backend]] preset and `weir backend add` take
  std::string title = {};  // for people
  BackendKind kind = BackendKind::kOpenAi;
  Tier tier = Tier::kCloud;
  std::string url = {};      // may hold the word RESOURCE, for the user to replace
  std::string key_env = {};  // the variable that people keep the key in; empty: no key is needed
  std::string region = {};   // empty: the user must say
  std::string source = {};   // where this was read
  std::string checked = {};  // when, "2026-11-21"
  chat::Quirks quirks = {};
};

// In the order of the file.
std::span<const Preset> Presets();
// Null when there is none of that name.
const Preset* FindPreset(std::string_view name);
// The preset whose public host an https URL has; null when there is none. Addresses of this machine
// and private networks match nothing: any server may be there.
const Preset* PresetOfUrl(std::string_view url);

// The quirks of a backend: of its preset, else of its URL's; an openai backend of the device or the
// edge without either is taken for "compatible". `preset` must be known or empty (CHECK).
const chat::Quirks& QuirksOf(std::string_view preset, std::string_view url, BackendKind kind,
                             Tier tier);

}  // namespace weir::config
