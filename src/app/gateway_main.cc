#include "app/gateway_main.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "app/backend_places.h"
#include "app/configuration_copy.h"
#include "app/ledger_rules.h"
#include "app/policy_source.h"
#include "app/provider_targets.h"
#include "app/server_specs.h"
#include "app/vector_store.h"
#include "async/loop.h"
#include "async/spawn.h"
#include "async/worker_pool.h"
#include "backends/document_reader.h"
#include "backends/door.h"
#include "backends/edge_servers.h"
#include "backends/engine_fleet.h"
#include "backends/launcher_link.h"
#include "backends/provider_fleet.h"
#include "base/log.h"
#include "base/random.h"
#include "config/load.h"
#include "config/preset.h"
#include "config/start_only.h"
#include "conversations/store.h"
#include "files/store.h"
#include "gateway/file_reading.h"
#include "gateway/gateway.h"
#include "gateway/model_changes.h"
#include "history/learned_file.h"
#include "history/store.h"
#include "http/listen.h"
#include "http/server.h"
#include "keys/key_store.h"
#include "knowledge/library.h"
#include "ledger/from_settings.h"
#include "ledger/ledger.h"
#include "policy/engine_settings.h"
#include "policy/unknown_names.h"
#include "policy/whole_policy.h"
#include "privacy/detectors_from_settings.h"
#include "process/probe.h"
#include "process/sandbox.h"
#include "server/front.h"
#include "server/upload_routes.h"
#include "sqlite/database.h"
#include "vectors/store.h"

namespace weir::app {
namespace {

constexpr size_t kHashesWaitingMax = 1024;
constexpr auto kLastUsedInterval = std::chrono::minutes(1);
constexpr auto kLedgerInterval = std::chrono::minutes(1);
// Within the launcher's own margin after the drain time.
constexpr auto kLastEventsMargin = std::chrono::seconds(2);

// The listening sockets that the launcher handed down: every open descriptor from the first on.
std::vector<int> InheritedListeners() {
  std::vector<int> listeners;
  for (int fd = wire::kGatewayListenFdFirst; fcntl(fd, F_GETFD) >= 0; ++fd) listeners.push_back(fd);
  return listeners;
}

uint64_t RandomSalt() {
  uint64_t salt = 0;
  FillRandom(std::as_writable_bytes(std::span(&salt, 1)));
  return salt;
}

http::ServerOptions HttpOptions(const config::Limits& limits) {
  http::ServerOptions options;
  options.limits.body_bytes = static_cast<uint64_t>(*limits.body);
  options.limits.larger_prefix = server::kUploadsPath;
  options.limits.larger_body_bytes =
      std::max(options.limits.body_bytes, uint64_t{server::kPartBodyBytesMax});
  options.limits.streamed_prefix = "/api/blobs/";
  options.limits.streamed_body_bytes = static_cast<uint64_t>(*limits.upload);
  options.limits.head_bytes = static_cast<size_t>(*limits.headers);
  options.limits.line_bytes = static_cast<size_t>(*limits.header_line);
  options.limits.header_count = static_cast<size_t>(*limits.header_count);
  options.connections_max = static_cast<size_t>(*limits.connections);
  options.head_timeout = *limits.header_timeout;
  options.idle_timeout = *limits.idle_timeout;
  options.write_stall = *limits.stall_timeout;
  options.render_refusal = server::RenderRefusal;
  return options;
}

// A new one for each start, in a file that only this user can read: the command line's way in when
// keys are required.
std::string WriteOperatorToken(const std::string& data_folder) {
  std::string token = NewId("weir_operator_");
  const std::string path = data_folder + "/operator.token";
  unlink(path.c_str());
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const bool written = file.valid() && write(file.get(), token.data(), token.size()) ==
                                           static_cast<ssize_t>(token.size());
  if (!written) {
    LogWarning("the operator's token could not be written; commands need WEIR_API_KEY");
    return "";
  }
  return token;
}

Duration KeepAliveOf(Duration setting) {
  return setting == config::kForever ? Duration(-1) : setting;
}

// `machine` was asked before the sandbox closed /proc.
backends::FleetOptions FleetOptionsOf(const config::Settings& settings, const Machine& machine) {
  const policy::MemoryBudget memory = policy::MemoryBudgetOf(settings, machine);
  return {.keep_alive = KeepAliveOf(*settings.keep_alive),
          .engines_max = static_cast<size_t>(*settings.engine.models),
          .memory_max = memory.bytes,
          .memory_is_guess = memory.is_default,
          .load_timeout = *settings.load_timeout,
          .step_timeout = *settings.engine.step_timeout,
          .salt = RandomSalt()};
}

std::vector<backends::EdgeServers::Wanted> ServersOf(const config::Settings& settings) {
  std::vector<backends::EdgeServers::Wanted> servers;
  for (const config::Backend& backend : settings.backends) {
    if (!backend.command->empty()) servers.push_back({*backend.name, ServerFingerprint(backend)});
  }
  return servers;
}

size_t ModelChangesMax(const config::Settings& settings) {
  return static_cast<size_t>(*settings.limits.model_changes);
}

// Everything that serves, built in the order of need and destroyed in the reverse.
class Gateway {
 public:
  Gateway(const ServeArguments& arguments, config::Settings settings, const Machine& machine,
          std::unique_ptr<sqlite::Database> database, std::unique_ptr<keys::KeyStore> keys)
      : arguments_(arguments),
        machine_(machine),
        database_(std::move(database)),
        keys_(std::move(keys)),
        store_(*settings.models, models::Places::Of(config::ProcessVariable)),
        policy_(std::move(settings), store_, models::Catalogue::BuiltIn(), SystemClock()),
        link_(loop_.executor(), wire::kGatewayControlFd),
        fleet_(
            loop_.executor(), SystemClock(), link_,
            [this](const std::string& model) { return policy_.FileOf(model); },
            FleetOptionsOf(policy_.settings(), machine_)),
        door_(loop_.executor(), SystemClock(), link_),
        servers_(loop_.executor(), SystemClock()),
        hashing_(loop_.executor(), /*threads=*/1, kHashesWaitingMax),
        providers_(loop_.executor(), SystemClock(), door_, servers_,
                   {.seed = RandomSalt(), .workers = &hashing_}),
        readers_(loop_.executor(), SystemClock(), link_, {}),
        model_changes_(loop_.executor(), link_, store_,
                       {.pulls_max = ModelChangesMax(policy_.settings()),
                        .changes_max = ModelChangesMax(policy_.settings())}),
        gateway_{.clock = SystemClock(),
                 .engines = fleet_,
                 .policy = [this] { return policy_.Current(); },
                 .default_label = *policy_.settings().default_label,
                 .still_valid =
                     [this](const chat::Principal& principal) {
                       return principal.key_id.empty()
                                  ? Result<void>()
                                  : keys_->StillValid(principal, SystemClock().WallNow());
                     },
                 .providers = &providers_},
        site_{.clock = SystemClock(),
              .gateway = gateway_,
              .fleet = fleet_,
              .keys = *keys_,
              .meter = meter_,
              .metrics = metrics_,
              .kept_answers = &kept_answers_,
              .list_models = [this] { return policy_.ListModels(); },
              .local_model = [this](const std::string& name) { return policy_.LocalModel(name); },
              .stored_model = [this](const std::string& name) { return policy_.Stored(name); },
              .probe_backend = [this](const std::string& name) { return ProbeBackendOf(name); },
              .door = &door_,
              .servers = &servers_,
              .model_changes = ModelChangesMax(policy_.settings()) > 0 ? &model_changes_ : nullptr,
              .on_model_change = [this] { policy_.LookAgain(); }},
        server_(loop_.executor(), HttpOptions(policy_.settings().limits),
                [this](http::Exchange& exchange) { return server::Serve(site_, exchange); }) {
    ApplyLimits();
    servers_.on_up = [this](const std::string& backend) { providers_.Forgive(backend); };
    site_.operator_token = WriteOperatorToken(*policy_.settings().data);
  }

  int Run(const std::vector<int>& listeners, std::vector<std::string> sandbox) {
    site_.sandbox = std::move(sandbox);
    std::vector<std::string> addresses;
    auto labels = privacy::LabelMemory::Open(*policy_.settings().data, loop_.executor(),
                                             SystemClock().WallNow());
    if (!labels) {
      LogError("labels of earlier requests cannot be read: {}", labels.error().message);
      return 1;
    }
    labels_ = std::move(*labels);
    gateway_.labels = labels_.get();
    auto ledger = ledger::Ledger::Open(*policy_.settings().data, loop_.executor(), SystemClock());
    if (!ledger) {
      LogError("the ledger cannot be read: {}", ledger.error().message);
      return 1;
    }
    ledger_ = std::move(*ledger);
    accounts_ = std::make_unique<gateway::LedgerAccounts>(*ledger_, SystemClock());
    accounts_->ShowKeys(
        [this](size_t most, std::string_view key_id) { return keys_->WithBudget(most, key_id); });
    gateway_.accounts = site_.accounts = accounts_.get();
    if (auto opened = OpenConversations(); !opened) {
      LogError("kept conversations cannot be read: {}", opened.error().message);
      return 1;
    }
    if (auto opened = OpenFiles(); !opened) {
      LogError("kept files cannot be read: {}", opened.error().message);
      return 1;
    }
    if (auto opened = OpenHistory(); !opened) {
      LogError("kept decisions cannot be read: {}", opened.error().message);
      return 1;
    }
    // A store that cannot be read stops no answer of a model.
    if (auto opened = OpenVectorStore(*policy_.settings().data, loop_.executor()); opened) {
      vectors_ = std::move(*opened);
      site_.vectors = vectors_.store.get();
      site_.workers = vectors_.workers.get();
      if (auto documents = OpenDocuments(); !documents) {
        LogError("documents cannot be read: {}", documents.error().message);
      }
    } else {
      LogError("collections cannot be read: {}", opened.error().message);
    }
    if (auto detector = privacy::DetectorOf(policy_.settings()); detector) {
      UseDetector(*std::move(detector));
      scan_thread_ = std::make_unique<privacy::ScanThread>(loop_.executor());
      gateway_.scan_thread = scan_thread_.get();
    } else {
      LogError("{}", detector.error());
      return 1;
    }
    for (const int listener : listeners) {
      addresses.push_back("http://" + http::LocalAddress(listener));
      if (auto accepting = server_.Accept(listener); !accepting) {
        LogError("{}", accepting.error().message);
        return 1;
      }
    }
    link_.Run({.on_engine_exited = [this](const auto& exited) { OnExited(exited); },
               .on_drain = [this](Duration grace) { Drain(grace); },
               .on_reload = [this](const Fd& copy) { Reload(copy.get()); },
               .on_server = [this](const auto& report) { servers_.Take(report); },
               // Handlers that run end before what they stand on is destroyed.
               .on_lost = [this] { Drain(Duration::zero()); }});
    Spawn(loop_.executor(), "save last used", SaveLastUsed(*this));
    Spawn(loop_.executor(), "ledger tick", TickLedger(*this));
    if (reading_ != nullptr) reading_->Begin();
    if (reembedding_ != nullptr) reembedding_->Begin();
    for (const config::Model& model : policy_.settings().model_settings) {
      if (*model.preload) Spawn(loop_.executor(), "preload", Preload(*this, model.name));
    }
    WarnOfSettings();
    UseExperience();
    UseBackends();
    if (auto prices = ledger::PricesOf(policy_.settings()); prices) UsePrices(*prices);
    link_.Ready(std::move(addresses));
    loop_.Run();
    if (auto saved = keys_->SaveLastUsed(); !saved) LogWarning("{}", saved.error().message);
    return 0;
  }

 private:
  // An egress process, a reader or a fetch process that ended is noticed by its socket.
  void OnExited(const wire::EngineExited& exited) {
    if (exited.engine < wire::kFetchIdFirst) fleet_.OnEngineExited(exited);
  }

  std::optional<server::ProbeBackend> ProbeBackendOf(const std::string& name) const {
    for (const config::Backend& backend : policy_.settings().backends) {
      if (*backend.name != name || DialectOf(*backend.kind) == nullptr) continue;
      return server::ProbeBackend{
          .dialect = DialectOf(*backend.kind),
          .quirks = config::QuirksOf(*backend.preset, *backend.url, *backend.kind, *backend.tier),
          .timeouts = TimeoutsOf(backend)};
    }
    return std::nullopt;
  }

  Result<void> OpenConversations() {
    const config::Limits& limits = policy_.settings().limits;
    if (*limits.kept_answers == 0) return {};
    auto opened = conversations::Store::Open(
        *policy_.settings().data, loop_.executor(), SystemClock(),
        {.answers_max = *limits.kept_answers, .retention = *limits.kept_for});
    if (!opened) return std::unexpected(opened.error());
    conversations_ = std::move(*opened);
    site_.conversations = conversations_.get();
    return {};
  }

  Result<void> OpenFiles() {
    const int64_t bytes_max = *policy_.settings().limits.kept_files;
    if (bytes_max == 0) return {};
    auto opened = files::Store::Open(*policy_.settings().data, loop_.executor(), SystemClock(),
                                     {.tenant_bytes_max = bytes_max});
    if (!opened) return std::unexpected(opened.error());
    files_ = std::move(*opened);
    site_.files = files_.get();
    return {};
  }

  Result<void> OpenHistory() {
    const std::filesystem::path folder(*policy_.settings().data);
    if (auto learned = history::ReadLearned(folder); learned) {
      gateway_.refit = std::make_shared<const routing::Refit>(std::move(*learned));
    } else {
      LogWarning("{}", learned.error().message);
    }
    const config::Limits& limits = policy_.settings().limits;
    if (*limits.kept_decisions == 0) return {};
    if (auto voters = history::Store::ReadVoters(folder, *gateway_.refit); voters) {
      gateway_.neighbours =
          std::make_shared<const routing::Neighbours>(std::move(voters->neighbours));
    }
    auto opened = history::Store::Open(
        folder, loop_.executor(), SystemClock(),
        {.decisions_max = *limits.kept_decisions, .kept_for = *limits.kept_decisions_for});
    if (!opened) return std::unexpected(opened.error());
    history_ = std::move(*opened);
    gateway_.history = history_.get();
    for (history::Pace& pace : history_->TakePaces()) gateway_.paces.Take(std::move(pace));
    site_.adopt = [this, folder](const routing::Refit& refit) -> Result<void> {
      if (auto written = history::WriteLearned(folder, refit); !written) return written;
      gateway_.refit = std::make_shared<const routing::Refit>(refit);
      return {};
    };
    return {};
  }

  Result<void> OpenDocuments() {
    auto library = knowledge::Library::Open(std::filesystem::path(*policy_.settings().data),
                                            *vectors_.store, loop_.executor(), SystemClock());
    if (!library) return std::unexpected(library.error());
    library_ = std::move(*library);
    documents_.emplace(gateway::Documents{
        .library = *library_, .reader = readers_, .model_name = [this](const std::string& name) {
          return policy_.LocalModel(name);
        }});
    site_.documents = &*documents_;
    reembedding_ = std::make_unique<gateway::Reembedding>(loop_.executor(), gateway_, *documents_);
    site_.reembedding = reembedding_.get();
    if (files_ != nullptr) {
      reading_ =
          std::make_unique<gateway::FileReading>(loop_.executor(), gateway_, *documents_, *files_);
      site_.reading = reading_.get();
    }
    return {};
  }

  void UseBackends() {
    const config::Settings& settings = policy_.settings();
    policy_.Current();
    providers_.Use(policy_.provider_targets());
    gateway_.image_sources = ImageSourcesOf(settings);
    servers_.Use(ServersOf(settings));
    door_.Use({.destinations = DestinationsOf(settings), .policy_hash = PolicyHashOf(settings)});
  }

  // What may be a mistake and stops nothing.
  void WarnOfSettings() {
    const config::Settings& settings = policy_.settings();
    for (const std::string& line : routing::WithoutEffect(settings)) LogWarning("{}", line);
    for (const std::string& line :
         policy::UnknownNames(settings, store_.List(), models::Catalogue::BuiltIn()))
      LogWarning("{}", line);
  }

  void UsePrices(const ledger::PriceList& prices) {
    for (const std::string& line : ledger::MoneyNotes(policy_.settings(), prices)) {
      LogWarning("{}", line);
    }
    accounts_->Use(LedgerRulesOf(policy_.settings(), prices));
  }

  void ApplyLimits() {
    const config::Limits& limits = policy_.settings().limits;
    site_.options = {.choices_max = static_cast<int32_t>(*limits.choices),
                     .json_depth_max = static_cast<size_t>(*limits.json_depth),
                     .body_bytes_max = static_cast<size_t>(*limits.body),
                     .heartbeat = *limits.heartbeat};
    gateway_.default_label = *policy_.settings().default_label;
    gateway_.label_rules = policy::LabelRulesOf(policy_.settings());
  }

  void UseBounds() {
    const backends::FleetOptions options = FleetOptionsOf(policy_.settings(), machine_);
    fleet_.SetBounds(options.memory_max, options.memory_is_guess, options.engines_max);
  }

  void UseExperience() {
    if (auto check = routing::DraftCheckOf(policy_.settings()))  // PolicyProblems has read it
      gateway_.draft_check = std::make_shared<const routing::DraftCheck>(*std::move(check));
    routing::ChosenPredictor chosen = routing::PredictorOf(policy_.settings());
    if (!chosen.note.empty()) LogWarning("{}", chosen.note);
    predictor_ = std::make_unique<const routing::Predictor>(std::move(chosen.predictor));
    gateway_.predictor = predictor_.get();
    gateway_.predictor_note = std::move(chosen.note);
  }

  void UseDetector(std::shared_ptr<const privacy::Detector> detector) {
    scanner_ = std::make_unique<privacy::RequestScanner>(std::move(detector));
    gateway_.scanner = scanner_.get();
  }

  void Drain(Duration grace) {
    if (std::exchange(draining_, true)) return;
    LogInfo("draining: {} request(s) run", server_.exchange_count());
    Spawn(loop_.executor(), "drain", DrainAndStop(*this, grace));
  }

  // A configuration that may come into force.
  struct Next {
    config::Settings settings;
    std::shared_ptr<const privacy::Detector> detector;
    ledger::PriceList prices;
  };

  std::expected<Next, std::vector<std::string>> ReadNext(int copy) const {
    const auto refuse = [](std::string what) {
      return std::unexpected(std::vector{std::move(what)});
    };
    auto file = ReadCopy(copy);
    if (!file) return refuse(file.error().message);
    auto settings = LoadSettings(arguments_, *std::move(file));
    if (!settings) return std::unexpected(std::move(settings.error()));
    if (auto problems = routing::PolicyProblems(*settings); !problems.empty())
      return std::unexpected(std::move(problems));
    auto detector = privacy::DetectorOf(*settings);
    if (!detector) return refuse(detector.error());
    auto prices = ledger::PricesOf(*settings);
    if (!prices) return refuse(prices.error().message);
    return Next{*std::move(settings), *std::move(detector), *std::move(prices)};
  }

  // All or nothing: a configuration with a problem changes nothing.
  void Reload(int copy) {
    auto next = ReadNext(copy);
    // Before anything is started that is to read the same: the door.
    link_.Reloaded(next.has_value());
    if (!next) {
      for (const std::string& line : next.error()) LogError("not reloaded: {}", line);
      return;
    }
    for (const std::string& line : config::StartOnlyChanges(policy_.settings(), next->settings))
      LogWarning("{}", line);
    UseDetector(std::move(next->detector));
    policy_.Replace(std::move(next->settings));
    WarnOfSettings();
    ApplyLimits();
    UseBounds();
    UseExperience();
    UseBackends();
    UsePrices(next->prices);
    if (auto refreshed = keys_->Refresh(); !refreshed) LogWarning("{}", refreshed.error().message);
    LogInfo("configuration reloaded");
  }

  // When the time is over, engines end first: their streams close with an error event, which is
  // more than a broken connection tells.
  static Task<void> StopEnginesAfter(Gateway& self, Duration grace) {
    if (co_await SleepFor(grace)) self.fleet_.StopAll();
  }

  static Task<void> DrainAndStop(Gateway& self, Duration grace) {
    const CancelHandle engines =
        Spawn(self.loop_.executor(), "stop engines", StopEnginesAfter(self, grace));
    co_await self.server_.Drain(grace + kLastEventsMargin);
    engines.Cancel();
    if (self.reading_ != nullptr) co_await self.reading_->End();
    if (self.reembedding_ != nullptr) co_await self.reembedding_->End();
    self.fleet_.StopAll();
    self.loop_.Stop();
  }

  static Task<void> Preload(Gateway& self, std::string model) {
    const auto info = co_await self.fleet_.Preload(model, std::nullopt);
    if (!info) LogError("{} could not be loaded: {}", model, info.error().message);
  }

  static Task<void> SaveLastUsed(Gateway& self) {
    while (co_await SleepFor(kLastUsedInterval)) {
      if (auto saved = self.keys_->SaveLastUsed(); !saved) LogWarning("{}", saved.error().message);
    }
  }

  static Task<void> TickLedger(Gateway& self) {
    while (co_await SleepFor(kLedgerInterval)) self.accounts_->Tick();
  }

  const ServeArguments& arguments_;
  const Machine machine_;
  Loop loop_;
  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<keys::KeyStore> keys_;
  models::Store store_;
  PolicySource policy_;
  backends::LauncherLink link_;
  backends::EngineFleet fleet_;
  backends::Door door_;
  backends::EdgeServers servers_;
  WorkerPool hashing_;  // of large calls to providers
  backends::ProviderFleet providers_;
  keys::Meter meter_;
  server::Metrics metrics_;
  server::KeptAnswers kept_answers_;
  std::unique_ptr<privacy::LabelMemory> labels_ = {};
  std::unique_ptr<privacy::RequestScanner> scanner_ = {};
  std::unique_ptr<privacy::ScanThread> scan_thread_ = {};
  std::unique_ptr<ledger::Ledger> ledger_ = {};
  std::unique_ptr<gateway::LedgerAccounts> accounts_ = {};
  std::unique_ptr<conversations::Store> conversations_ = {};
  std::unique_ptr<files::Store> files_ = {};
  std::unique_ptr<history::Store> history_ = {};
  std::unique_ptr<const routing::Predictor> predictor_ = {};
  VectorStore vectors_ = {};
  backends::ReaderProcesses readers_;
  gateway::ModelChanges model_changes_;
  std::unique_ptr<knowledge::Library> library_ = {};
  std::optional<gateway::Documents> documents_ = {};
  std::unique_ptr<gateway::FileReading> reading_ = {};
  std::unique_ptr<gateway::Reembedding> reembedding_ = {};
  gateway::Gateway gateway_;
  server::Site site_;
  http::Server server_;
  bool draining_ = false;
};

int Refuse(std::string_view what) {
  fmt::print(stderr, "weir: {}\n", what);
  return 1;
}

}  // namespace

int RunGateway(const ServeArguments& arguments, config::Settings settings) {
  const std::vector<int> listeners = InheritedListeners();
  if (listeners.empty()) return Refuse("this command is the launcher's; use weir serve");
  if (const auto problems = routing::PolicyProblems(settings); !problems.empty()) {
    for (const std::string& line : problems) fmt::print(stderr, "weir: {}\n", line);
    return Refuse("the policy is refused; see weir policy check");
  }
  if (const auto prices = ledger::PricesOf(settings); !prices)
    return Refuse(prices.error().message);
  const std::filesystem::path data(*settings.data);
  auto opened = sqlite::Database::Open(data / "weir.db");
  if (!opened) return Refuse(opened.error().message);
  auto database = std::make_unique<sqlite::Database>(std::move(*opened));
  auto keys = keys::KeyStore::Open(*database);
  if (!keys) return Refuse(keys.error().message);
  for (const int listener : listeners) {
    const std::string address = http::LocalAddress(listener);
    if (!http::IsLoopbackAddress(address) && !(*keys)->HasKeys()) {
      return Refuse(
          fmt::format("{} is reachable from other machines and there is no API key; make one with "
                      "'weir keys create NAME', or listen on 127.0.0.1",
                      address));
    }
  }
  std::vector<std::string> readable = {*settings.models};
  // Other programs' models are read where they are.
  for (std::string& folder : models::Places::Of(config::ProcessVariable).Folders())
    readable.push_back(std::move(folder));
  std::ranges::move(config::ModelFilesOf(settings), std::back_inserter(readable));
  const Machine machine = ProbeMachine();
  const SandboxReport sandbox = ApplySandbox(SandboxSpec::Gateway(*settings.data, readable));
  for (const std::string& line : sandbox.ToStrings()) LogInfo("sandbox: {}", line);

  Gateway gateway(arguments, std::move(settings), machine, std::move(database), std::move(*keys));
  return gateway.Run(listeners, sandbox.ToStrings());
}

}  // namespace weir::app
