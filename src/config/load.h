// The effective settings of a program start: flag over environment over file over default.
//
// The file is the first of --config, WEIR_CONFIG, $XDG_CONFIG_HOME/weir/weir.toml (~/.config when
// unset) and /etc/weir/weir.toml; the first two must exist, and without any the defaults rule.
// Paths in the file are relative to its folder, all others to the working directory. The data
// folder is by default $XDG_DATA_HOME/weir (~/.local/share when unset), the model store `models` in
// it. Nothing is created.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problems.h"
#include "config/settings.h"

namespace weir::config {

// A file as it was read.
struct File {
  std::string path = {};  // empty: there is none
  std::string text = {};
  std::map<std::string, std::string> named = {};  // for Settings::named_files
};

struct Invocation {
  // Name without dashes and value, in the order of the command line: {"config", "a.toml"},
  // {"listen", "127.0.0.1:0"}. A flag that stands twice: the addresses of listen add up, of all
  // others the last one counts.
  std::vector<std::pair<std::string, std::string>> flags = {};
  // A variable of the environment; an empty one counts as unset.
  std::function<std::optional<std::string>(const std::string&)> variable = {};
  std::string system_file = "/etc/weir/weir.toml";
  // In place of the one that is there now.
  std::optional<File> file = {};
};

// The environment of this process.
std::optional<std::string> ProcessVariable(const std::string& name);

// The file that Load would read, as it is now.
std::expected<File, Problem> ReadFile(const Invocation& invocation);

// All problems at once, in the order file, environment, flags.
std::expected<Settings, std::vector<Problem>> Load(const Invocation& invocation);

// The names that Load takes as flags ("listen", "limits-body"), for the command line's parser.
std::vector<std::string> FlagNames();

}  // namespace weir::config
