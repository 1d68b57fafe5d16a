// backend add, list and probe: places beyond this machine where models run.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "chat/label.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "config/nearest.h"
#include "config/preset.h"
#include "config/units.h"
#include "json/writer.h"
#include "routing/from_settings.h"

namespace weir::cli {
namespace {

int Refuse(std::string_view what, Exit code = Exit::kUsage) {
  fmt::print(stderr, "weir: {}\n", what);
  return static_cast<int>(code);
}

std::string PresetNames() {
  std::string names;
  for (const config::Preset& preset : config::Presets()) {
    names += (names.empty() ? "" : ", ") + preset.name;
  }
  return names;
}

// The operator decides how far text may go; there is no default that a command could take for it.
std::optional<std::string> AskCeiling(const config::Preset& preset) {
  if (isatty(STDIN_FILENO) == 0) return std::nullopt;
  for (;;) {
    fmt::print(
        "{} is in tier {}. The highest label that may go there (public, internal, personal, "
        "secret): ",
        preset.title, config::TierName(preset.tier));
    std::fflush(stdout);
    std::string answer;
    if (!std::getline(std::cin, answer)) return std::nullopt;
    if (chat::LabelFromName(answer)) return answer;
    fmt::print("{} is none of these.\n", config::Quoted(answer));
  }
}

// A server's own address often comes without the path that its dialect needs behind it.
std::string UrlOf(const BackendOptions& options, const config::Preset& preset) {
  const auto path_of = [](std::string_view url) {
    const size_t host = url.find("://");
    const size_t path = host == url.npos ? url.npos : url.find('/', host + 3);
    return path == url.npos ? std::string_view() : url.substr(path);
  };
  if (options.url.empty()) return preset.url;
  const std::string_view path = path_of(options.url);
  if (!path.empty() && path != "/") return options.url;
  return options.url.substr(0, options.url.size() - path.size()) + std::string(path_of(preset.url));
}

std::string BlockOf(const BackendOptions& options, const config::Preset& preset,
                    const std::string& ceiling, const std::string& url) {
  std::string block = "\n[[backend]]\n";
  const auto add = [&block](std::string_view key, std::string_view value) {
    block += fmt::format("{} = {}\n", key, config::TomlText(value));
  };
  add("name", options.name.empty() ? preset.name : options.name);
  add("kind", config::BackendKindName(preset.kind));
  add("tier", config::TierName(preset.tier));
  add("url", url);
  add("ceiling", ceiling);
  add("preset", preset.name);
  const std::string key_env = options.key_env.empty() ? preset.key_env : options.key_env;
  if (!options.key_file.empty()) {
    add("key_file", options.key_file);
  } else if (!key_env.empty()) {
    add("key_env", key_env);
  }
  if (!preset.region.empty()) add("region", preset.region);
  return block;
}

// Where a configuration is looked for first that nobody named.
std::filesystem::path UsualFile() {
  const char* home = std::getenv("XDG_CONFIG_HOME");
  const std::filesystem::path folder =
      home != nullptr && *home != '\0'
          ? std::filesystem::path(home)
          : std::filesystem::path(std::getenv("HOME") == nullptr ? "." : std::getenv("HOME")) /
                ".config";
  return folder / "weir" / "weir.toml";
}

// As a server would judge it at its start. What is wrong is told.
Exit Judge(const std::vector<std::string>& words, const config::File& file) {
  const auto settings = LoadFor(words, file);
  if (!settings) return static_cast<Exit>(ReportProblems(settings.error()));
  const std::vector<std::string> problems = routing::PolicyProblems(*settings);
  for (const std::string& problem : problems) fmt::print(stderr, "weir: {}\n", problem);
  return problems.empty() ? Exit::kGood : Exit::kRefusedByPolicy;
}

// Checked as a whole first, then beside the file, then in its place with its permissions: a
// configuration that is wrong is never written.
int WriteChecked(const std::vector<std::string>& words, config::File file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::weakly_canonical(file.path, error);
  if (error) return Refuse(fmt::format("{} cannot be found", file.path), Exit::kFailed);
  file.path = path.string();
  if (const Exit exit = Judge(words, file); exit != Exit::kGood) return static_cast<int>(exit);
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  const std::filesystem::path fresh = path.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << file.text;
    if (!out.flush()) {
      return Refuse(fmt::format("{} cannot be written", fresh.string()), Exit::kFailed);
    }
  }
  if (const auto old = std::filesystem::status(path, error); std::filesystem::exists(old)) {
    std::filesystem::permissions(fresh, old.permissions(), error);
  }
  std::filesystem::rename(fresh, path, error);
  if (error) return Refuse(fmt::format("{} cannot be replaced", path.string()), Exit::kFailed);
  return 0;
}

}  // namespace

int AddBackend(const Common& common, const BackendOptions& options,
               const std::vector<std::string>& words) {
  const config::Preset* preset = config::FindPreset(options.preset);
  if (preset == nullptr) {
    return Refuse(
        fmt::format("there is no preset '{}'; take one of {}", options.preset, PresetNames()),
        Exit::kNothingThere);
  }
  // A file that is named and not there yet is made. What is wrong in one that is there may be what
  // this mends: it is judged with the new block.
  const bool made = !common.config.empty() && !std::filesystem::exists(common.config);
  auto file = made ? config::File{common.config} : FileFor(words);
  if (!file) return ReportProblems({file.error()});
  if (file->path.empty()) file->path = UsualFile().string();
  const std::string url = UrlOf(options, *preset);
  if (url.find("RESOURCE") != std::string::npos) {
    return Refuse(fmt::format("{} has an address of your own; say it with --url, like {}",
                              preset->title, url));
  }
  std::optional<std::string> ceiling =
      options.ceiling.empty() ? AskCeiling(*preset) : std::optional(options.ceiling);
  if (!ceiling || !chat::LabelFromName(*ceiling)) {
    return Refuse(
        "say which label may go there at most, with --ceiling public, internal, personal "
        "or secret");
  }
  const std::string block = BlockOf(options, *preset, *ceiling, url);
  file->text += block;
  if (const int code = WriteChecked(words, *file); code != 0) return code;
  fmt::print("{}:{}", file->path, block);
  fmt::print(
      "add a [[target]] for each model that you want to use; 'weir backend probe {}' lists "
      "them once the server has reloaded (SIGHUP)\n",
      options.name.empty() ? preset->name : options.name);
  return 0;
}

namespace {

// How the servers are doing that the running Weir runs for backends; nothing without it, or for
// somebody who may not ask.
std::optional<json::Value> BackendsOfServer(const Common& common) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return std::nullopt;
  auto found = link->Get("/weir/v1/backends");
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

std::string ServerState(const std::optional<json::Value>& running, const config::Backend& backend) {
  if (backend.command->empty()) return "";
  if (!running) return "unknown";
  for (const json::Value& server : ListAt(*running, "servers")) {
    if (TextAt(server, "backend") == *backend.name) return TextAt(server, "state");
  }
  return "not running";
}

}  // namespace

int ListBackends(const Common& common, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return ReportProblems(settings.error());
  const bool runs_some = std::ranges::any_of(
      settings->backends, [](const config::Backend& backend) { return !backend.command->empty(); });
  const auto running = runs_some ? BackendsOfServer(common) : std::nullopt;
  if (common.json) {
    std::string text;
    json::Writer writer(&text);
    writer.BeginArray();
    for (const config::Backend& backend : settings->backends) {
      writer.BeginObject()
          .Field("name", *backend.name)
          .Field("kind", config::BackendKindName(*backend.kind))
          .Field("tier", config::TierName(*backend.tier))
          .Field("url", *backend.url)
          .Field("ceiling", chat::LabelName(*backend.ceiling))
          .Field("region", *backend.region)
          .Field("key", !backend.key_env->empty() || !backend.key_file->empty());
      if (!backend.command->empty()) {
        writer.Key("command").BeginArray();
        for (const std::string& word : *backend.command) writer.String(word);
        writer.EndArray().Field("server", ServerState(running, backend));
      }
      writer.EndObject();
    }
    writer.EndArray();
    fmt::print("{}\n", text);
    return 0;
  }
  std::vector<std::string> heads = {"NAME", "KIND", "TIER", "CEILING", "REGION", "URL"};
  if (runs_some) heads.emplace_back("SERVER");
  Table table(heads);
  for (const config::Backend& backend : settings->backends) {
    std::vector<std::string> row = {*backend.name,
                                    std::string(config::BackendKindName(*backend.kind)),
                                    std::string(config::TierName(*backend.tier)),
                                    std::string(chat::LabelName(*backend.ceiling)),
                                    backend.region->empty() ? "-" : *backend.region,
                                    backend.url->empty() ? "-" : *backend.url};
    const std::string state = ServerState(running, backend);
    if (runs_some) row.push_back(state.empty() ? "-" : state);
    table.Add(std::move(row));
  }
  fmt::print("{}", table.Text());
  return 0;
}

int ProbeBackend(const Common& common, const std::string& name) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto found = link->Post("/weir/v1/probe/" + PathPiece(name), json::Value(json::Object{}));
  if (!found) return Report(found.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*found));
    return 0;
  }
  Table table({"MODEL", "CONTEXT", "VISION", "TOOLS", "JSON SCHEMA", "TRANSCRIPTION"});
  const auto cell = [](const json::Value& model, std::string_view key) -> std::string {
    const json::Value* value = model.Find(key);
    if (value == nullptr || value->is_null()) return "unknown";
    if (value->AsBool() != nullptr) return *value->AsBool() ? "yes" : "no";
    return fmt::format("{}", static_cast<int64_t>(NumberAt(model, key)));
  };
  for (const json::Value& model : ListAt(*found, "models")) {
    table.Add({TextAt(model, "name"), cell(model, "context"), cell(model, "vision"),
               cell(model, "tools"), cell(model, "json_schema"), cell(model, "transcription")});
  }
  fmt::print("{}", table.Text());
  fmt::print("'unknown': the provider does not list it; declare it in [[target]]\n");
  return 0;
}

}  // namespace weir::cli
