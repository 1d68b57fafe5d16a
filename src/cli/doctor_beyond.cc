// weir doctor on what lies beyond this machine.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/time_text.h"
#include "cli/document.h"
#include "cli/finding.h"
#include "config/command.h"
#include "policy/unknown_names.h"
#include "privacy/detectors_from_settings.h"
#include "routing/from_settings.h"

namespace weir::cli {
namespace {

void CheckKeyFile(const config::Backend& backend, std::vector<Finding>& findings) {
  const std::string what = fmt::format("key of {}", *backend.name);
  const std::string& path = *backend.key_file;
  struct stat file{};
  if (stat(path.c_str(), &file) != 0 || access(path.c_str(), R_OK) != 0) {
    findings.push_back({State::kBad, what, fmt::format("{} cannot be read", path),
                        "write the key into it, readable by the user of 'weir serve'"});
  } else if (!S_ISREG(file.st_mode) || file.st_size == 0) {
    findings.push_back({State::kBad, what, fmt::format("{} holds no key", path),
                        "write the key into it, and nothing else"});
  } else if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    findings.push_back({State::kBad, what, fmt::format("{} is open to other users", path),
                        fmt::format("chmod 600 {}", path)});
  } else {
    findings.push_back({State::kGood, what, fmt::format("in {}", path)});
  }
}

void CheckPlace(const config::Settings& settings, const config::Backend& backend,
                std::vector<Finding>& findings) {
  if (!backend.key_file->empty()) CheckKeyFile(backend, findings);
  if (!backend.ca_file->empty() && access(backend.ca_file->c_str(), R_OK) != 0) {
    findings.push_back({State::kBad, fmt::format("certificates of {}", *backend.name),
                        fmt::format("{} cannot be read", *backend.ca_file),
                        "nothing of this backend is trusted without it; correct its ca_file"});
  }
  const auto declared = routing::DeclaredTargets(settings);
  const bool used = std::ranges::any_of(declared, [&](const routing::Declared& target) {
    return *target.backend->name == *backend.name;
  });
  if (!used) {
    findings.push_back(
        {State::kNote, fmt::format("backend {}", *backend.name), "no target uses it",
         fmt::format("'weir backend probe {}' lists its models; add a [[target]]", *backend.name)});
  }
}

// The day that stands there in Unix time, with a word before it; nothing without one.
std::string DayAt(const json::Value& target, std::string_view key, std::string_view before) {
  const json::Value* at = target.Find(key);
  if (at == nullptr || at->is_null()) return "";
  const WallTime time(std::chrono::seconds(static_cast<int64_t>(NumberAt(target, key))));
  return fmt::format("{}{}", before, TimeText(time).substr(0, std::size("2026-01-02") - 1));
}

void CheckDeprecation(const json::Value& target, std::vector<Finding>& findings) {
  if (!FlagAt(target, "deprecated")) return;
  findings.push_back({State::kNote, fmt::format("target {}", TextAt(target, "target")),
                      fmt::format("the provider announces the end of its model{}{}",
                                  DayAt(target, "deprecated_since", ": deprecated from "),
                                  DayAt(target, "sunset", ", gone from ")),
                      "choose another in its [[target]]; 'weir backend probe' lists them"});
}

void CheckTarget(const json::Value& target, std::vector<Finding>& findings) {
  const std::string what = fmt::format("target {}", TextAt(target, "target"));
  const json::Value* retired = target.Find("retired_since");
  if (retired != nullptr && !retired->is_null() && !FlagAt(target, "backend_answered")) {
    findings.push_back({State::kBad, what,
                        "nothing was ever answered there: the provider has no such model, or its "
                        "url another path",
                        "look at the path of the backend's url (of kind openai it mostly ends in "
                        "/v1) and at the model of the [[target]]"});
  } else if (retired != nullptr && !retired->is_null()) {
    findings.push_back({State::kBad, what, "the provider has no such model (any more)",
                        "choose another in its [[target]]; 'weir backend probe' lists them"});
  } else if (TextAt(target, "last_error") == "provider_refused_key" && !FlagAt(target, "may_ask")) {
    findings.push_back(
        {State::kBad, what, "the provider refuses Weir's key or account",
         "correct the key in its key_env or key_file and reload, or look at the account"});
  } else if (!FlagAt(target, "may_ask")) {
    findings.push_back({State::kNote, what,
                        fmt::format("left alone for a while: {}", TextAt(target, "last_error")),
                        "it is tried again by itself"});
  } else if (const json::Array& replicas = ListAt(target, "left_alone"); !replicas.empty()) {
    std::string numbers;
    for (const json::Value& number : replicas) {
      if (number.AsInt() == nullptr) continue;
      numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", *number.AsInt());
    }
    findings.push_back({State::kNote, what,
                        fmt::format("replica {} (0 is its url) left alone for a while: {}", numbers,
                                    TextAt(target, "last_error")),
                        "the others answer meanwhile, and it is tried again by itself"});
  }
}

void CheckServer(const json::Value& server, std::vector<Finding>& findings) {
  const std::string what = fmt::format("server of {}", TextAt(server, "backend"));
  const std::string state = TextAt(server, "state");
  const std::string problem = TextAt(server, "problem");
  const auto restarts = static_cast<int64_t>(NumberAt(server, "restarts"));
  if (state == "up") {
    findings.push_back({restarts > 0 ? State::kNote : State::kGood, what,
                        fmt::format("process {}, {} restart(s)",
                                    static_cast<int64_t>(NumberAt(server, "pid")), restarts)});
  } else if (state == "failed") {
    findings.push_back(
        {State::kBad, what, problem,
         "it is started again after a while; what it said stands in the server's log"});
  } else {
    findings.push_back(
        {State::kNote, what,
         problem.empty() ? "it is starting" : fmt::format("it is starting again: {}", problem)});
  }
}

std::vector<std::string> TextsAt(const json::Value& value, std::string_view key) {
  std::vector<std::string> texts;
  for (const json::Value& line : ListAt(value, key)) {
    if (line.AsString() != nullptr) texts.push_back(*line.AsString());
  }
  return texts;
}

}  // namespace

void CheckPlaces(const config::Settings& settings, std::vector<Finding>& findings) {
  const std::vector<std::string> problems = routing::PolicyProblems(settings);
  for (const std::string& problem : problems) {
    findings.push_back({State::kBad, "policy", problem,
                        "the server does not start with it, and a reload keeps the old one"});
  }
  if (problems.empty()) {
    findings.push_back({State::kGood, "policy",
                        fmt::format("{} target(s) declared, {} rule(s)", settings.targets.size(),
                                    settings.rules.size())});
  }
  for (const std::string& problem : privacy::DetectorProblems(settings)) {
    findings.push_back({State::kBad, "detectors", problem,
                        "the server does not start with it, and a reload keeps the old ones"});
  }
  if (const auto chosen = routing::PredictorOf(settings); !chosen.note.empty()) {
    findings.push_back({State::kBad, "prediction", chosen.note,
                        "`prediction` in the configuration names the file; without it the built-in "
                        "weights are used"});
  }
  for (const std::string& line : routing::WithoutEffect(settings)) {
    findings.push_back({State::kNote, "policy", line});
  }
  for (const std::string& line : policy::UnknownNames(settings)) {
    findings.push_back({State::kNote, "policy", line, "correct the name, or pull the model"});
  }
  const char* path = std::getenv("PATH");
  for (const config::Problem& problem :
       config::CommandProblems(settings, path == nullptr ? "" : path)) {
    findings.push_back({State::kBad, "command of a backend", config::ToText(problem),
                        "the server does not start with it, and a reload keeps the old one"});
  }
  for (const config::Backend& backend : settings.backends) {
    if (*backend.kind != config::BackendKind::kEngine) CheckPlace(settings, backend, findings);
  }
}

void CheckDoor(ServerLink& link, std::vector<Finding>& findings) {
  const auto beyond = link.Get("/weir/v1/backends");
  if (!beyond) return;  // not an administrator; it was said already
  if (const auto levels = TextsAt(*beyond, "gateway_sandbox"); !levels.empty()) {
    findings.push_back({State::kGood, "sandbox of the gateway", Words(levels)});
  }
  const json::Value* door = beyond->Find("door");
  if (door == nullptr || !FlagAt(*door, "wanted")) return;
  if (FlagAt(*door, "open")) {
    findings.push_back({State::kGood, "the door", Words(TextsAt(*door, "sandbox"))});
  } else {
    findings.push_back({State::kBad, "the door", TextAt(*door, "problem"),
                        "nothing beyond this machine can be reached; see the server's log"});
  }
  for (const json::Value& key : ListAt(*beyond, "keys")) {
    if (!FlagAt(key, "wanted") || FlagAt(key, "present")) continue;
    findings.push_back(
        {State::kBad, fmt::format("key of {}", TextAt(key, "backend")), "the server has none",
         "start 'weir serve' anew with its key_env, or write its key_file and reload"});
  }
  for (const json::Value& server : ListAt(*beyond, "servers")) CheckServer(server, findings);
  for (const json::Value& target : ListAt(*beyond, "data")) {
    CheckTarget(target, findings);
    CheckDeprecation(target, findings);
  }
}

}  // namespace weir::cli
