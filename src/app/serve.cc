#include "app/serve.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>

#include "app/configuration_copy.h"
#include "app/server_specs.h"
#include "base/log.h"
#include "config/command.h"
#include "config/load.h"
#include "config/named_files.h"
#include "http/listen.h"
#include "models/found.h"
#include "process/environment.h"
#include "process/fd.h"
#include "process/file_lock.h"
#include "process/signals.h"
#include "supervisor/launcher.h"

extern char** environ;

namespace weir::app {
namespace {

constexpr int kExitUsage = 2;  // as for every other mistake in the configuration

int Refuse(std::string_view what) {
  fmt::print(stderr, "weir: {}\n", what);
  return 1;
}

// The egress process alone gets all of it: provider keys may stand there. It reads those that the
// configuration names and clears the rest.
std::vector<std::string> WholeEnvironment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

// What a pull may need: proxies, trust roots, pip's own variables, and of what looks like a secret
// the hub's token alone.
std::vector<std::string> FetchEnvironment(const std::vector<std::string>& secrets) {
  std::vector<std::string> kept = EnvironmentWithoutSecrets(secrets);
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"}) {
    if (const char* value = std::getenv(name)) kept.push_back(fmt::format("{}={}", name, value));
  }
  return kept;
}

// The variables that hold keys, which are nobody's here but the door's.
std::vector<std::string> KeyVariables(const config::Settings& settings) {
  std::vector<std::string> names = {"WEIR_API_KEY"};  // that the command line asks a server with
  for (const config::Backend& backend : settings.backends) {
    if (!backend.key_env->empty()) names.push_back(*backend.key_env);
  }
  return names;
}

// What children need of the environment: where configuration and data are, the language.
std::vector<std::string> ChildEnvironment(const std::vector<std::string>& secrets) {
  constexpr std::string_view kKept[] = {"HOME=",
                                        "HF_HOME=",
                                        "HF_HUB_CACHE=",
                                        "OLLAMA_MODELS=",
                                        "PATH=",
                                        "LANG=",
                                        "TZ=",
                                        "XDG_",
                                        "WEIR_",
                                        "ASAN_OPTIONS=",
                                        "UBSAN_OPTIONS=",
                                        "TSAN_OPTIONS=",
                                        "LLVM_PROFILE_FILE="};
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const bool secret = std::ranges::find(secrets, line.substr(0, line.find('='))) != secrets.end();
    const bool wanted = std::ranges::any_of(
        kKept, [line](std::string_view prefix) { return line.starts_with(prefix); });
    if (wanted && !secret) kept.emplace_back(line);
  }
  return kept;
}

Result<void> MakeDataFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return Fail(Code::kInternal,
                fmt::format("the data folder {} cannot be made: {}; choose another with --data",
                            path, error.message()));
  }
  // Keys, labels and the queue will lie here: nobody else reads it.
  chmod(path.c_str(), S_IRWXU);
  return {};
}

// Children close themselves off from what is not there when they start, and models come later. A
// store that cannot be made is one that somebody else has to bring.
void MakeModelsFolder(const std::string& path) {
  std::error_code ignored;
  std::filesystem::create_directories(path, ignored);
}

Result<std::vector<Fd>> Bind(const std::vector<config::Endpoint>& endpoints) {
  std::vector<Fd> listeners;
  for (const config::Endpoint& endpoint : endpoints) {
    auto socket = http::Listen(config::ToText(endpoint));
    if (!socket) return std::unexpected(socket.error());
    listeners.emplace_back(socket->fd);
  }
  return listeners;
}

std::vector<std::string> AllowedModels(const config::Settings& settings) {
  std::vector<std::string> allowed = {*settings.models};
  for (std::string& folder : models::Places::Of(config::ProcessVariable).Folders())
    allowed.push_back(std::move(folder));
  std::ranges::move(config::ModelFilesOf(settings), std::back_inserter(allowed));
  return allowed;
}

std::string SearchPath() { return config::ProcessVariable("PATH").value_or(""); }

std::vector<std::string> ServerProblemsOf(const config::Settings& settings) {
  std::vector<std::string> lines;
  for (const config::Problem& problem : config::CommandProblems(settings, SearchPath())) {
    lines.push_back(config::ToText(problem));
  }
  return lines;
}

std::vector<std::string> FileProblemsOf(const config::Settings& settings) {
  std::vector<std::string> lines;
  for (const config::Problem& problem : config::FileProblems(settings)) {
    lines.push_back(config::ToText(problem));
  }
  return lines;
}

std::optional<std::vector<ServerSpec>> ServersIn(const ServeArguments& arguments,
                                                 int configuration) {
  auto file = ReadCopy(configuration);
  if (!file) return std::nullopt;
  const auto settings = LoadSettings(arguments, *std::move(file));
  if (!settings) return std::nullopt;
  return ServerSpecsOf(*settings, SearchPath());
}

// The environment is what it was at the start: a variable that only a reload names may not be in
// it, or in that of others than the door, too.
void WarnOfKeyVariables(const config::Settings& next, const std::vector<std::string>& secrets) {
  std::vector<std::string> others = ChildEnvironment(secrets);
  std::ranges::move(EnvironmentWithoutSecrets(secrets), std::back_inserter(others));
  for (const config::Backend& backend : next.backends) {
    const std::string& name = *backend.key_env;
    if (name.empty()) continue;
    if (std::getenv(name.c_str()) == nullptr) {
      LogWarning(
          "backend {}: {} is not in the environment of weir serve, and a reload cannot put "
          "it there; start it anew with it, or use key_file",
          *backend.name, name);
    } else if (std::ranges::any_of(
                   others, [&](const std::string& line) { return line.starts_with(name + "="); })) {
      LogWarning(
          "backend {}: {} is in the environment of other processes than the door, too, "
          "until weir serve is started anew",
          *backend.name, name);
    }
  }
}

// What the gateway, closed off, cannot see is looked at here: whether the programs, and the files
// of keys and certificates, are there. What else is wrong with the file is its to say.
std::expected<Fd, std::vector<std::string>> ConfigurationNow(
    const ServeArguments& arguments, const std::vector<std::string>& secrets) {
  const auto refuse = [](std::string what) {
    return std::unexpected(std::vector{std::move(what)});
  };
  auto file = ReadConfiguration(arguments);
  if (!file) return refuse(file.error());
  if (const auto settings = LoadSettings(arguments, *file)) {
    file->named = config::ReadNamedFiles(*settings);
    auto problems = ServerProblemsOf(*settings);
    std::ranges::move(FileProblemsOf(*settings), std::back_inserter(problems));
    if (!problems.empty()) return std::unexpected(std::move(problems));
    WarnOfKeyVariables(*settings, secrets);
  }
  auto copy = SealedCopy(*file);
  if (!copy) return refuse(copy.error().message);
  return *std::move(copy);
}

}  // namespace

int RunServe(const std::vector<std::string>& words, const ServeArguments& arguments,
             const config::File& file, const config::Settings& settings) {
  IgnoreBrokenPipes();
  if (const auto problems = ServerProblemsOf(settings); !problems.empty()) {
    for (const std::string& line : problems) fmt::print(stderr, "weir: {}\n", line);
    return kExitUsage;
  }
  // One place without its key stops no other.
  for (const std::string& line : FileProblemsOf(settings)) LogWarning("{}", line);
  auto signals = SignalQueue::Open({SIGTERM, SIGINT, SIGHUP});
  if (!signals) return Refuse(signals.error().message);
  if (auto made = MakeDataFolder(*settings.data); !made) return Refuse(made.error().message);
  MakeModelsFolder(*settings.models);
  auto lock = FileLock::Acquire(*settings.data);
  if (!lock) return Refuse(lock.error().message);
  auto listeners = Bind(*settings.listen);
  if (!listeners) return Refuse(listeners.error().message);
  auto folder = ProgramFolder();
  if (!folder) return Refuse(folder.error().message);
  config::File handed_down = file;
  handed_down.named = config::ReadNamedFiles(settings);
  const auto configuration = SealedCopy(handed_down);
  if (!configuration) return Refuse(configuration.error().message);

  const std::vector<std::string> secrets = KeyVariables(settings);
  LauncherOptions options;
  options.gateway.program = *folder + "/weir-serve";
  options.gateway.arguments = {"gateway-process"};
  options.gateway.arguments.insert(options.gateway.arguments.end(), words.begin(), words.end());
  options.gateway.environment = ChildEnvironment(secrets);
  for (const Fd& listener : *listeners) options.gateway.listeners.push_back(listener.get());
  options.gateway.lock = lock->fd();
  options.gateway.configuration = configuration->get();
  options.engine.program = *folder + "/weir-engine";
  options.engine.environment = ChildEnvironment(secrets);
  std::erase_if(options.engine.environment,
                [](const std::string& line) { return line.starts_with("WEIR_LOG_LEVEL="); });
  options.engine.environment.push_back("WEIR_LOG_LEVEL=" + *settings.log_level);
  options.engine.models_allowed = AllowedModels(settings);
  options.engine.restarts.restarts_max = static_cast<int>(*settings.engine.restarts);
  options.engine.restarts.window = *settings.engine.restart_window;
  options.door.program = *folder + "/weir-egress";
  options.door.arguments = words;
  options.door.environment = WholeEnvironment();
  options.reader.program = *folder + "/weir-reader";
  options.reader.environment = options.engine.environment;
  // The launcher keeps it, so that a gateway that was taken over cannot do otherwise.
  if (*settings.limits.model_changes > 0) options.fetch.program = *folder + "/weir-fetch";
  options.fetch.arguments = {"for-server", *settings.models};
  options.fetch.environment = FetchEnvironment(secrets);
  options.servers.program = *folder + "/weir-serve";
  options.servers.arguments = {"server-process"};
  options.servers.environment = EnvironmentWithoutSecrets(secrets);
  options.load_servers = [&](int in_force) { return ServersIn(arguments, in_force); };
  options.read_configuration = [&] { return ConfigurationNow(arguments, secrets); };
  options.data_folder = *settings.data;
  options.drain_timeout = *settings.drain_timeout;
  return RunLauncher(options, *signals, SystemClock());
}

}  // namespace weir::app
