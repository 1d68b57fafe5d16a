#include "app/serve_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
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
    {"-ub", "model.micro_batch"},
    {"--ubatch-size", "model.micro_batch"},
    {"-fa", "model.flash_attention"},
    {"--flash-attn", "model.flash_attention"},
    {"--spec-type", "model.prompt_lookup"},
    {"-ctk", "model.kv_type_k"},
    {"--cache-type-k", "model.kv_type_k"},
    {"-ctv", "model.kv_type_v"},
    {"--cache-type-v", "model.kv_type_v"},
    {"-np", "model.parallel"},
    {"--parallel", "model.parallel"},
    {"-ngl", "model.gpu_layers"},
    {"--n-gpu-layers", "model.gpu_layers"},
    {"--gpu-layers", "model.gpu_layers"},
    {"-ts", "model.tensor_split"},
    {"--tensor-split", "model.tensor_split"},
    {"-ncmoe", "model.cpu_moe_layers"},
    {"--n-cpu-moe", "model.cpu_moe_layers"},
    {"-cmoe", "model.cpu_moe"},
    {"--cpu-moe", "model.cpu_moe"},
    {"-mm", "model.projector"},
    {"--mmproj", "model.projector"},
    {"-m", "model-file"},
    {"--model", "model-file"},
    {"-a", "model-name"},
    {"--alias", "model-name"},
    {"--host", "host"},
    {"--port", "port"},
};

// Flags of llama-server without a value that ask for what is so anyway.
constexpr std::string_view kAsItIs[] = {"--jinja",      "-cb",     "--cont-batching",
                                        "--metrics",    "--slots", "--embedding",
                                        "--embeddings", "--props", "--no-webui"};

// Whether the value behind -fa belongs to it: llama-server took none for long.
bool IsSwitch(std::string_view word) { return word == "on" || word == "off" || word == "auto"; }

std::optional<std::string_view> MeaningOf(std::string_view word) {
  const auto found = std::ranges::find(kAliases, word, &Alias::word);
  if (found == std::end(kAliases)) return std::nullopt;
  return found->meaning;
}

constexpr int64_t kLayersAll = 10'000;

// Sets one thing of the model of -m; what is wrong otherwise.
std::optional<std::string> SetModel(config::Model& model, const std::string& name,
                                    const std::string& value) {
  constexpr config::Place kFlag{config::Origin::kFlag, 0, 0};
  if (name == "flash_attention") {
    if (!IsSwitch(value)) return "flash_attention is on, off or auto";
    if (value != "auto") model.flash_attention = {{value == "on"}, kFlag};
    return std::nullopt;
  }
  if (name == "projector") {
    std::error_code ignored;
    model.projector = {{std::filesystem::absolute(value, ignored).string()}, kFlag};
    return std::nullopt;
  }
  if (name == "prompt_lookup") {
    if (value != "none" && !value.starts_with("ngram-")) {
      return "speculation is none or one of the ngram- kinds, which are all Weir's own";
    }
    model.prompt_lookup = {{value != "none"}, kFlag};
    return std::nullopt;
  }
  if (name == "kv_type_k" || name == "kv_type_v") {
    if (std::ranges::find(config::kCellTypes, value) == std::end(config::kCellTypes)) {
      return fmt::format("{} is one of {}", name, fmt::join(config::kCellTypes, ", "));
    }
    (name == "kv_type_k" ? model.kv_type_k : model.kv_type_v) = {value, kFlag};
    return std::nullopt;
  }
  if (name == "tensor_split") {
    auto shares = config::ParseShares(value);
    if (!shares) return fmt::format("{} {}", name, shares.error());
    model.tensor_split = {*std::move(shares), kFlag};
    return std::nullopt;
  }
  if (name == "cpu_moe") {
    model.cpu_moe_layers = {{kLayersAll}, kFlag};
    return std::nullopt;
  }
  if (name == "gpu_layers" && (value == "auto" || value == "all")) {
    if (value == "all") model.gpu_layers = {{kLayersAll}, kFlag};
    return std::nullopt;
  }
  const auto number = config::ParseInteger(value);
  if (!number) return fmt::format("{} {}", name, number.error());
  const bool negative_allowed = name == "gpu_layers";
  if (*number < (negative_allowed ? -1 : 0) || *number > (1 << 24)) {
    return fmt::format("{} is out of range", name);
  }
  const config::Optional<int64_t> setting{{*number}, kFlag};
  if (name == "context") model.context = setting;
  if (name == "threads") model.threads = setting;
  if (name == "batch") model.batch = setting;
  if (name == "micro_batch") model.micro_batch = setting;
  if (name == "parallel") model.parallel = setting;
  if (name == "gpu_layers") model.gpu_layers = setting;
  if (name == "cpu_moe_layers") model.cpu_moe_layers = setting;
  return std::nullopt;
}

constexpr size_t kNameMax = 128;

// As clients may write it.
bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._:/-").find(c) != std::string_view::npos;
  });
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
    if (!value && std::ranges::find(kAsItIs, word) != std::end(kAsItIs)) continue;
    const auto meaning = MeaningOf(word);
    if (!meaning && !word.starts_with("--")) {
      return std::unexpected(fmt::format("'{}' is no flag; see weir serve --help", word));
    }
    if (!value && meaning == "model.flash_attention" &&
        (i + 1 == words.size() || !IsSwitch(words[i + 1]))) {
      value = "on";
    }
    if (!value && meaning == "model.cpu_moe") value = "all";
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
    } else if (*meaning == "model-name") {
      if (!IsName(*value)) {
        return std::unexpected(fmt::format(
            "{} takes a name of at most {} letters, digits and . _ : / -", word, kNameMax));
      }
      arguments.model_name = *value;
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
  const bool of_model = !arguments.model_flags.empty() || !arguments.model_name.empty();
  if (arguments.model_file.empty() && of_model) {
    return std::unexpected(
        "-a, -c, -t, -b, -ub, -fa, -ctk, -ctv, -np, -ngl, -ts, -ncmoe, -cmoe and --mmproj say how "
        "to run the "
        "model of -m; for "
        "models of the store use [model.\"NAME\"] in the configuration");
  }
  return arguments;
}

std::expected<config::File, std::string> ReadConfiguration(const ServeArguments& arguments) {
  auto file = config::ReadFile({.flags = arguments.flags, .variable = config::ProcessVariable});
  if (!file) return std::unexpected(config::ToText(file.error()));
  return *std::move(file);
}

std::expected<config::Settings, std::vector<std::string>> LoadSettings(
    const ServeArguments& arguments, config::File file) {
  std::vector<std::string> lines;
  auto settings = config::Load(
      {.flags = arguments.flags, .variable = config::ProcessVariable, .file = std::move(file)});
  if (!settings) {
    for (const config::Problem& problem : settings.error()) {
      lines.push_back(config::ToText(problem));
    }
    return std::unexpected(std::move(lines));
  }
  if (arguments.model_file.empty()) return *settings;
  const bool named = !arguments.model_name.empty();
  config::Model model{.name = named ? arguments.model_name : NameOfFile(arguments.model_file)};
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
      "flags that stand for llama-server's: -m FILE, -a NAME, -c TOKENS, -t THREADS, -b TOKENS,\n"
      "  -ub TOKENS, -fa on|off|auto, -ctk TYPE, -ctv TYPE, -np N, -ngl N, -ts SHARE,..., -ncmoe "
      "N,\n"
      "  -cmoe, --mmproj FILE, --host ADDRESS, --port PORT\n"
      "flags for every setting of the configuration file (docs/formats/configuration.md), also as "
      "WEIR_<NAME>:\n";
  for (const std::string& name : config::FlagNames()) text += "  --" + name + "\n";
  return text;
}

}  // namespace weir::app
