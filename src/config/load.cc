#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "config/document.h"
#include "config/nearest.h"
#include "config/parse.h"
#include "config/references.h"
#include "config/scalars.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

class Loading {
 public:
  explicit Loading(const Invocation& invocation) : invocation_(invocation) {}

  std::expected<File, Problem> Read() { return Read(Flags()); }

  std::expected<Settings, std::vector<Problem>> Run() {
    const auto flags = Flags();
    ParseFile(flags);
    ReadEnvironment();
    ApplyFlags(flags);
    FillFolders();
    if (!problems_.empty()) return std::unexpected(std::move(problems_).Take());
    return std::move(settings_);
  }

 private:
  std::optional<std::string> Variable(const std::string& name) const {
    if (!invocation_.variable) return std::nullopt;
    auto value = invocation_.variable(name);
    return value && !value->empty() ? value : std::nullopt;
  }

  std::map<std::string, std::string> Flags() {
    std::map<std::string, std::string> flags;
    const std::vector<std::string> known = FlagNames();
    const std::vector<std::string_view> names(known.begin(), known.end());
    for (const auto& [name, value] : invocation_.flags) {
      if (std::ranges::find(names, name) == names.end()) {
        problems_.Add("--" + name, "unknown flag" + Suggestion(name, names));
      } else if (name == "listen" && flags.contains(name)) {
        flags[name] += "," + value;
      } else {
        flags[name] = value;
      }
    }
    return flags;
  }

  // The file to read and who named it; nothing when there is none.
  std::optional<std::pair<fs::path, std::string>> FindFile(
      const std::map<std::string, std::string>& flags) const {
    if (const auto flag = flags.find("config"); flag != flags.end()) {
      return std::pair(fs::path(flag->second), "--config");
    }
    if (const auto named = Variable("WEIR_CONFIG"))
      return std::pair(fs::path(*named), "WEIR_CONFIG");
    std::error_code ignored;
    const auto user = UserFolder("XDG_CONFIG_HOME", ".config");
    if (user && fs::exists(*user / "weir.toml", ignored)) return std::pair(*user / "weir.toml", "");
    if (fs::exists(invocation_.system_file, ignored)) {
      return std::pair(fs::path(invocation_.system_file), "");
    }
    return std::nullopt;
  }

  // $variable/weir, or ~/fallback/weir; a relative $variable is ignored, as its specification says.
  std::optional<fs::path> UserFolder(const std::string& variable, std::string_view fallback) const {
    if (const auto base = Variable(variable); base && fs::path(*base).is_absolute()) {
      return fs::path(*base) / "weir";
    }
    if (const auto home = Variable("HOME")) return fs::path(*home) / fallback / "weir";
    return std::nullopt;
  }

  std::expected<File, Problem> Read(const std::map<std::string, std::string>& flags) const {
    const auto found = FindFile(flags);
    if (!found) return File();
    const auto& [path, named_by] = *found;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) {
      return std::unexpected(
          Problem{named_by.empty() ? path.string() : named_by,
                  fmt::format("there is no configuration file {}", Quoted(path.string()))});
    }
    std::ifstream in(path, std::ios::binary);
    // One byte more than may be, so that too much is seen.
    std::string text(kBytesMax + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || !in.is_open()) {
      return std::unexpected(Problem{path.string(), "cannot be read; check its permissions"});
    }
    text.resize(static_cast<size_t>(in.gcount()));
    return File{path.string(), std::move(text)};
  }

  void ParseFile(const std::map<std::string, std::string>& flags) {
    const auto file = invocation_.file ? *invocation_.file : Read(flags);
    if (!file) return problems_.Add(file.error().where, file.error().message);
    settings_.named_files = file->named;
    if (file->path.empty()) return AddDefaultBackend(settings_);
    settings_.file = file->path;
    ParseInto(file->text, file->path, settings_, problems_);
    std::error_code error;
    ResolveAgainst(fs::absolute(file->path, error).parent_path());
  }

  static void Resolve(Text& setting, const fs::path& folder) {
    if (setting.place.origin != Origin::kFile || setting->empty()) return;
    setting.value = (folder / setting.value).lexically_normal().string();
  }

  // What has no slash is looked for in PATH when it is started.
  static void ResolveProgram(Names& command, const fs::path& folder) {
    if (command->empty() || command->front().find('/') == std::string::npos) return;
    command.value.front() = (folder / command->front()).lexically_normal().string();
  }

  void ResolveAgainst(const fs::path& folder) {
    Resolve(settings_.data, folder);
    Resolve(settings_.models, folder);
    if (*settings_.prices != kBuiltInPrices) Resolve(settings_.prices, folder);
    if (*settings_.prediction != kBuiltInPrediction) Resolve(settings_.prediction, folder);
    if (*settings_.calibration != kBuiltInCalibration) Resolve(settings_.calibration, folder);
    for (Backend& backend : settings_.backends) {
      Resolve(backend.key_file, folder);
      Resolve(backend.ca_file, folder);
      ResolveProgram(backend.command, folder);
    }
    for (Model& model : settings_.model_settings) {
      Resolve(model.file, folder);
      Resolve(model.projector, folder);
    }
  }

  void ReadEnvironment() {
    for (const Scalar& scalar : Scalars()) {
      const std::string name = EnvironmentName(scalar);
      const auto value = Variable(name);
      if (!value) continue;
      if (auto set = SetFromText(scalar, *value, Origin::kEnvironment, settings_); !set) {
        problems_.Add(name, set.error());
      }
    }
  }

  void ApplyFlags(const std::map<std::string, std::string>& flags) {
    for (const Scalar& scalar : Scalars()) {
      const auto flag = flags.find(FlagName(scalar));
      if (flag == flags.end()) continue;
      if (auto set = SetFromText(scalar, flag->second, Origin::kFlag, settings_); !set) {
        problems_.Add("--" + flag->first, set.error());
      }
    }
  }

  void FillFolders() {
    if (settings_.data->empty()) {
      const auto folder = UserFolder("XDG_DATA_HOME", ".local/share");
      if (!folder) {
        return problems_.Add("", "no data folder: HOME is not set; use --data or WEIR_DATA");
      }
      settings_.data.value = folder->string();
    }
    settings_.data.value = Absolute(*settings_.data);
    if (settings_.models->empty()) {
      settings_.models.value = (fs::path(*settings_.data) / "models").string();
    }
    settings_.models.value = Absolute(*settings_.models);
  }

  static std::string Absolute(const std::string& path) {
    std::error_code error;
    const fs::path absolute = fs::absolute(path, error);
    return error ? path : absolute.lexically_normal().string();
  }

  const Invocation& invocation_;
  Settings settings_;
  Problems problems_;
};

}  // namespace

std::optional<std::string> ProcessVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::expected<File, Problem> ReadFile(const Invocation& invocation) {
  return Loading(invocation).Read();
}

std::expected<Settings, std::vector<Problem>> Load(const Invocation& invocation) {
  return Loading(invocation).Run();
}

std::vector<std::string> FlagNames() {
  std::vector<std::string> names = {"config"};
  for (const Scalar& scalar : Scalars()) names.push_back(FlagName(scalar));
  return names;
}

}  // namespace weir::config
