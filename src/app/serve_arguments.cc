#include "app/serve_arguments.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "config/units.h"

namespace weir::app {
namespace {

// llama-server's words for what a setting of ours or of the model says.
struct Alias {
  std::string_view word;
  std::string_view meaning;  // "model." in front: of the model that -m names
};
constexpr Alias kAliases[] = {
    {"-c", "model.context"},
    {"--ctx-size", "model.context"},
    {"-t", "model.threads"},
    {"--threads", "model.threads"},
    {"-b", "model.batch"},
    {"--batch-size", "model.batch"},
    {"-np", "model.parallel"},
    {"--parallel", "model.parallel"},
    {"-ngl", "model.gpu_layers"},
    {"--n-gpu-layers", "model.gpu_layers"},
    {"--gpu-layers", "model.gpu_layers"},
    {"-m", "model-file"},
    {"--model", "model-file"},
    {"--host", "host"},
    {"--port", "port"},
};

std::optional<std::string_view> MeaningOf(std::string_view word) {
  const auto found = std::ranges::find(kAliases, word, &Alias::word);
  if (found == std::end(kAliases)) return std::nullopt;
  return found->meaning;
}

// Sets one number of the model of -m.
std::optional<std::string> SetModel(config::Model& model, const std::string& name,
                                    const std::string& value) {
  const auto number = config::ParseInteger(value);
  if (!number) return fmt::format("{} {}", name, number.error());
  const bool negative_allowed = name == "gpu_layers";
  if (*number < (negative_allowed ? -1 : 0) || *number > (1 << 24)) {
    return fmt::format("{} is out of range", name);
  }
  const config::Optional<int64_t> setting{{*number}, {config::Origin::kFlag, 0, 0}};
  if (name == "context") model.context = setting;
  if (name == "threads") model.threads = setting;
  if (name == "batch") model.batch = setting;
  if (name == "parallel") model.parallel = setting;
  if (name == "gpu_layers") model.gpu_layers = setting;
  return std::nullopt;
}

// The name by which clients ask for a file: its stem, in the letters that names may have.
std::string NameOfFile(const std::string& path) {
  std::string name;
  for (const char c : std::filesystem::path(path).stem().string()) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else {
      name += letter ? c : '-';
    }
  }
  return name.empty() ? "model" : name;
}

}  // namespace

std::expected<ServeArguments, std::string> ParseServeArguments(std::span<const std::string> words) {
  ServeArguments arguments;
  std::string host = "127.0.0.1";
  std::optional<std::string> port;
  bool host_given = false;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    if (word == "-h" || word == "--help") {
      arguments.help = true;
      return arguments;
    }
    std::optional<std::string> value;
    const size_t equals = word.find('=');
    if (word.starts_with("--") && equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
    }
    const auto meaning = MeaningOf(word);
    if (!meaning && !word.starts_with("--")) {
      return std::unexpected(fmt::format("'{}' is no flag; see weir serve --help", word));
    }
    if (!value) {
      if (i + 1 == words.size())
        return std::unexpected(
            fmt::format("{} needs a value, or is no flag; see weir serve --help", word));
      value = words[++i];
    }
    if (!meaning) {
      arguments.flags.emplace_back(word.substr(2), *value);
    } else if (*meaning == "model-file") {
      arguments.model_file = *value;
    } else if (*meaning == "host") {
      host = *value;
      host_given = true;
    } else if (*meaning == "port") {
      port = *value;
    } else {
      arguments.model_flags.emplace_back(meaning->substr(std::string_view("model.").size()),
                                         *value);
    }
  }
  if (port || host_given) {
    const bool needs_brackets = host.find(':') != std::string::npos && !host.starts_with('[');
    const std::string shown = needs_brackets ? "[" + host + "]" : host;
    arguments.flags.emplace_back("listen", fmt::format("{}:{}", shown, port.value_or("9347")));
  }
  if (arguments.model_file.empty() && !arguments.model_flags.empty()) {
    return std::unexpected(
        "-c, -t, -b, -np and -ngl say how to run the model of -m; for models of the store use "
        "[model.\"NAME\"] in the configuration");
  }
  return arguments;
}

std::expected<config::Settings, std::vector<std::string>> LoadSettings(
    const ServeArguments& arguments) {
  std::vector<std::string> lines;
  auto settings = config::Load({.flags = arguments.flags, .variable = config::ProcessVariable});
  if (!settings) {
    for (const config::Problem& problem : settings.error()) {
      lines.push_back(config::ToText(problem));
    }
    return std::unexpected(std::move(lines));
  }
  if (arguments.model_file.empty()) return *settings;
  config::Model model{.name = NameOfFile(arguments.model_file)};
  std::error_code ignored;
  model.file.value = std::filesystem::absolute(arguments.model_file, ignored).string();
  model.file.place.origin = config::Origin::kFlag;
  model.preload.value = true;
  for (const auto& [name, value] : arguments.model_flags) {
    if (auto wrong = SetModel(model, name, value)) lines.push_back("--" + *wrong);
  }
  if (!lines.empty()) return std::unexpected(std::move(lines));
  settings->model_settings.insert(settings->model_settings.begin(), std::move(model));
  return *settings;
}

std::string ServeHelp() {
  std::string text =
      "Serves the OpenAI API (and Weir's own) with the models of this machine.\n\n"
      "usage: weir serve [FLAG VALUE]...\n\n"
      "examples:\n"
      "  weir serve                                  on 127.0.0.1:9347, models loaded on demand\n"
      "  weir serve --listen 127.0.0.1:0             on a free port; the ready line tells which\n"
      "  weir serve -m model.gguf -c 8192 --port 8080\n"
      "  weir serve --config /etc/weir/weir.toml --log-level debug\n\n"
      "flags that stand for llama-server's: -m FILE, -c TOKENS, -t THREADS, -b TOKENS, -np N, -ngl "
      "N,\n"
      "  --host ADDRESS, --port PORT\n"
      "flags for every setting of the configuration file (docs/formats/configuration.md), also as "
      "WEIR_<NAME>:\n";
  for (const std::string& name : config::FlagNames()) text += "  --" + name + "\n";
  return text;
}

}  // namespace weir::app
