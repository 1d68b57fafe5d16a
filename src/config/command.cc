#include "config/command.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/nearest.h"

namespace weir::config {
namespace {

bool IsProgram(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

Problem ProblemAt(const Settings& settings, const Place& at, std::string message) {
  return {fmt::format("{}:{}:{}", settings.file, at.line, at.column), std::move(message)};
}

}  // namespace

Parsed<std::string> FindProgram(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) {
    if (IsProgram(name)) return name;
    return std::unexpected(fmt::format("names {}, which is no program", Quoted(name)));
  }
  while (!path.empty()) {
    const std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), folder.size() + 1));
    // An empty or relative entry would mean whatever folder the server happens to run in.
    if (!folder.starts_with('/')) continue;
    std::string found = fmt::format("{}/{}", folder, name);
    if (IsProgram(found)) return found;
  }
  return std::unexpected(
      fmt::format("names {}, which is in no folder of PATH; write its whole path", Quoted(name)));
}

std::vector<Problem> FileProblems(const Settings& settings) {
  std::vector<Problem> problems;
  const auto check = [&](const Text& file, std::string_view key) {
    if (file->empty()) return;
    struct stat facts{};
    const bool readable = stat(file->c_str(), &facts) == 0 && access(file->c_str(), R_OK) == 0;
    const bool empty = readable && S_ISREG(facts.st_mode) && facts.st_size == 0;
    if (readable && !empty) return;
    problems.push_back(ProblemAt(settings, file.place,
                                 fmt::format("backend.{} names {}, which {}", key, *file,
                                             empty ? "is empty" : "cannot be read")));
  };
  for (const Backend& backend : settings.backends) {
    check(backend.key_file, "key_file");
    check(backend.ca_file, "ca_file");
  }
  return problems;
}

std::vector<Problem> CommandProblems(const Settings& settings, std::string_view path) {
  std::vector<Problem> problems;
  for (const Backend& backend : settings.backends) {
    if (backend.command->empty()) continue;
    const auto found = FindProgram(backend.command->front(), path);
    if (found) continue;
    problems.push_back(ProblemAt(settings, backend.command.place,
                                 fmt::format("backend.command {}", found.error())));
  }
  return problems;
}

}  // namespace weir::config
