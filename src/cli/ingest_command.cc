// weir ingest: documents into a collection, one request each. The server knows what it has seen:
// what did not change costs one request and no work, so that a broken run is gone on with by the
// same command.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "chat/label.h"
#include "cli/document.h"
#include "cli/document_walk.h"
#include "cli/exit_code.h"
#include "cli/folder_watch.h"
#include "cli/ingest_display.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "cli/web_page.h"
#include "fetch/surroundings.h"
#include "process/signals.h"
#include "wire/document.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

// Between two looks at folders that are watched, whether or not the kernel told of a change.
constexpr Duration kLookEvery = std::chrono::seconds(60);
constexpr Duration kLookOftenEvery =
    std::chrono::seconds(5);  // where the kernel cannot tell of all
constexpr Duration kServerRetry = std::chrono::seconds(5);
constexpr int kInterruptedCode = 128 + SIGINT;

Result<std::string> ReadAll(const FoundDocument& document) {
  if (document.path.empty()) {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  std::error_code error;
  const uintmax_t size = fs::file_size(document.path, error);
  if (!error && size > wire::kDocumentBytesMax) {
    return Fail(Code::kTooLarge,
                fmt::format("it has {} bytes; the most is {}", size, wire::kDocumentBytesMax), {},
                "document_too_large");
  }
  std::ifstream in(document.path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (error || in.bad() || !in.is_open())
    return Fail(Code::kNotFound, "it cannot be read", {}, "unreadable_file");
  return bytes;
}

std::string DocumentPath(const std::string& collection, const std::string& name) {
  return fmt::format("/weir/v1/collections/{}/documents/{}", PathPiece(collection),
                     PathPiece(name));
}

// A server that is gone, or does not know us, ends the whole run; a document fails by itself.
bool EndsTheRun(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kUnauthenticated ||
         error.code == Code::kForbidden || error.reason == "embedding_model_missing" ||
         error.reason == "model_not_found" || error.reason == "no_server";
}

// A collection on a server, and documents on their way into it.
class Ingestion {
 public:
  Ingestion(ServerLink link, std::string collection, std::string label)
      : link_(std::move(link)), collection_(std::move(collection)), label_(std::move(label)) {}

  const std::string& collection() const { return collection_; }

  // An Error ends the run (EndsTheRun).
  Result<IngestOutcome> Give(const FoundDocument& document) {
    IngestOutcome outcome{.name = document.name, .status = "failed"};
    Result<std::string> bytes;
    if (document.url.empty()) {
      bytes = ReadAll(document);
    } else if (auto page = FetchWebPage(document.url)) {
      outcome.name = std::move(page->name);
      bytes = std::move(page->bytes);
    } else {
      bytes = Fail(page.error());
    }
    http::Headers headers;
    if (!label_.empty()) headers.Add("x-weir-label", label_);
    const auto answer =
        bytes ? link_.Put(DocumentPath(collection_, outcome.name), std::move(*bytes), headers)
              : std::unexpected(bytes.error());
    if (!answer) {
      if (bytes && EndsTheRun(answer.error())) return Fail(answer.error());
      outcome.reason = answer.error().reason;
      outcome.message = answer.error().message;
      return outcome;
    }
    outcome.status = FlagAt(*answer, "unchanged") ? "unchanged" : TextAt(*answer, "status");
    outcome.chunks = static_cast<int64_t>(NumberAt(*answer, "chunks"));
    outcome.embedded = static_cast<int64_t>(NumberAt(*answer, "embedded"));
    if (outcome.status == "duplicate")
      outcome.message = "the same as " + TextAt(*answer, "duplicate_of");
    return outcome;
  }

  Result<void> Remove(const std::string& name) {
    if (auto done = link_.Delete(DocumentPath(collection_, name)); !done) return Fail(done.error());
    return {};
  }

  // Names of documents under these folders that are not among those that were found.
  Result<std::vector<std::string>> Gone(const DocumentWalk& walk) {
    std::set<std::string> there;
    for (const FoundDocument& document : walk.documents) there.insert(document.name);
    std::vector<std::string> gone;
    std::string after;
    for (;;) {
      const auto page =
          link_.Get(fmt::format("/weir/v1/collections/{}/documents?limit=1000&after={}",
                                PathPiece(collection_), PathPiece(after)));
      if (!page) return Fail(page.error());
      for (const json::Value& document : ListAt(*page, "data")) {
        after = TextAt(document, "name");
        // What came as a kept file is not this folder's, whatever it is called.
        const bool ours = TextAt(document, "file_id").empty() &&
                          std::ranges::any_of(walk.roots, [&](const std::string& root) {
                            return after.starts_with(root);
                          });
        if (ours && !there.contains(after)) gone.push_back(after);
      }
      if (!FlagAt(*page, "has_more")) return gone;
    }
  }

 private:
  ServerLink link_;
  std::string collection_;
  std::string label_;
};

std::string CollectionOf(const IngestOptions& options, const DocumentWalk& walk) {
  if (!options.collection.empty()) return options.collection;
  if (!walk.roots.empty()) return walk.roots.front().substr(0, walk.roots.front().size() - 1);
  for (const FoundDocument& document : walk.documents) {
    if (!document.url.empty()) return HostOf(document.url);
  }
  return "documents";
}

// Ctrl-C and its like, where a command goes on until then; elsewhere they end the process.
class Interrupt {
 public:
  static Result<Interrupt> Open(bool listens) {
    Interrupt interrupt;
    if (!listens) return interrupt;
    auto signals = SignalQueue::Open({SIGINT, SIGTERM, SIGHUP});
    if (!signals) return Fail(signals.error());
    interrupt.signals_ = std::move(*signals);
    return interrupt;
  }
  bool Came() {
    came_ = came_ || (signals_ && signals_->Next());
    return came_;
  }
  int poll_fd() const { return signals_ ? signals_->poll_fd() : -1; }

 private:
  std::optional<SignalQueue> signals_ = {};
  bool came_ = false;
};

// By what a file is told from what it was.
struct Stamp {
  uint64_t size = 0;
  int64_t changed_ns = 0;
  uint64_t inode = 0;
  bool operator==(const Stamp&) const = default;
};
using Stamps = std::map<std::string, Stamp>;  // by documents' names

Stamps StampsOf(const DocumentWalk& walk) {
  Stamps stamps;
  for (const FoundDocument& document : walk.documents) {
    struct stat now{};
    if (document.path.empty() || stat(document.path.c_str(), &now) != 0) continue;
    constexpr int64_t kNsPerSecond = 1'000'000'000;
    stamps[document.name] = {.size = static_cast<uint64_t>(now.st_size),
                             .changed_ns = now.st_mtim.tv_sec * kNsPerSecond + now.st_mtim.tv_nsec,
                             .inode = now.st_ino};
  }
  return stamps;
}

// Goes on with folders that were read, for as long as nobody interrupts it.
class Watching {
 public:
  Watching(Ingestion& ingestion, const IngestOptions& options, bool json, Stamps known)
      : ingestion_(ingestion), options_(options), json_(json), known_(std::move(known)) {
    std::erase_if(options_.paths, [](const std::string& path) { return !IsLocal(path); });
  }

  Result<void> Run(Interrupt& interrupt) {
    auto watch = FolderWatch::Open();
    if (!watch) return Fail(watch.error());
    if (!json_) fmt::print("watching; Ctrl-C ends it\n");
    std::fflush(stdout);
    for (;;) {
      // What changes while it is looked at is told by a watch that was there before.
      const bool all = watch->Watch(Folders(WalkDocuments(options_, {})));
      const bool done = Look(interrupt);
      if (interrupt.Came()) return {};
      const Duration patience = !done ? kServerRetry : all ? kLookEvery : kLookOftenEvery;
      watch->Wait(interrupt.poll_fd(), patience);
    }
  }

 private:
  // Those of single files too: programs replace a file more often than they write into it.
  static std::set<fs::path> Folders(const DocumentWalk& walk) {
    std::set<fs::path> folders = walk.folders;
    for (const FoundDocument& document : walk.documents) {
      if (!document.path.empty()) folders.insert(fs::absolute(document.path).parent_path());
    }
    return folders;
  }

  // False when the server could not be asked; what was not done is still to do.
  bool Look(Interrupt& interrupt) {
    const DocumentWalk walk = WalkDocuments(options_, {});
    if (walk.error) return Tell(*walk.error);
    const Stamps now = StampsOf(walk);
    for (const FoundDocument& document : walk.documents) {
      const auto stamp = now.find(document.name);
      if (stamp == now.end()) continue;
      const auto before = known_.find(document.name);
      if (before != known_.end() && before->second == stamp->second) continue;
      if (interrupt.Came()) return true;
      const auto outcome = ingestion_.Give(document);
      if (!outcome) return Tell(outcome.error());
      known_[document.name] = stamp->second;
      if (outcome->status != "unchanged") PrintIngestLine(*outcome, json_);
    }
    return Forget(now);
  }

  bool Forget(const Stamps& now) {
    for (auto it = known_.begin(); it != known_.end();) {
      if (now.contains(it->first)) {
        ++it;
        continue;
      }
      if (options_.prune) {
        const auto removed = ingestion_.Remove(it->first);
        if (!removed && removed.error().code != Code::kNotFound) return Tell(removed.error());
        PrintIngestLine({.name = it->first, .status = "removed"}, json_);
      }
      it = known_.erase(it);
    }
    told_.clear();
    return true;
  }

  // Once, not at every look.
  bool Tell(const Error& error) {
    if (std::exchange(told_, error.message) != error.message) Report(error);
    return false;
  }

  Ingestion& ingestion_;
  IngestOptions options_;
  const bool json_;
  Stamps known_;
  std::string told_ = {};
};

Result<std::vector<IngestOutcome>> GiveAll(Ingestion& ingestion, const DocumentWalk& walk,
                                           bool json, Interrupt& interrupt) {
  IngestDisplay display(json, walk.documents.size());
  std::vector<IngestOutcome> outcomes;
  for (const FoundDocument& document : walk.documents) {
    if (interrupt.Came()) break;
    display.Begin(outcomes.size(), document.name);
    auto outcome = ingestion.Give(document);
    if (!outcome) {
      display.Clear();
      return Fail(outcome.error());
    }
    if (outcome->status == "failed") display.Failed(*outcome);
    outcomes.push_back(std::move(*outcome));
  }
  display.Clear();
  return outcomes;
}

// What it removed.
Result<std::vector<std::string>> Prune(Ingestion& ingestion, const DocumentWalk& walk) {
  auto gone = ingestion.Gone(walk);
  if (!gone) return gone;
  for (const std::string& name : *gone) {
    if (auto done = ingestion.Remove(name); !done) return Fail(done.error());
  }
  return gone;
}

int Usage(std::string_view what) {
  fmt::print(stderr, "weir: {}\n", what);
  return static_cast<int>(Exit::kUsage);
}

}  // namespace

int Ingest(const Common& common, const IngestOptions& options) {
  if (!options.label.empty() && !chat::LabelFromName(options.label)) {
    return Usage("--label takes public, internal, personal or secret");
  }
  if (options.watch && !std::ranges::any_of(options.paths, IsLocal)) {
    return Usage("--watch needs a file or a folder of this machine");
  }
  auto interrupt = Interrupt::Open(options.watch);
  if (!interrupt) return Report(interrupt.error());
  const DocumentWalk walk = WalkDocuments(options, fetch::JobOfSurroundings().cache);
  if (walk.error) return Report(*walk.error);
  if (walk.documents.empty() && !options.prune && !options.watch) {
    fmt::print(stderr, "weir: there is no document there; see weir ingest --help\n");
    return static_cast<int>(Exit::kNothingThere);
  }
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  Ingestion ingestion(*link, CollectionOf(options, walk), options.label);
  const Stamps stamps = StampsOf(walk);
  const auto outcomes = GiveAll(ingestion, walk, common.json, *interrupt);
  if (!outcomes) return Report(outcomes.error());
  const bool prunes = options.prune && !walk.roots.empty() && !interrupt->Came();
  const auto removed = prunes ? Prune(ingestion, walk) : std::vector<std::string>();
  if (!removed) return Report(removed.error());
  if (common.json) {
    PrintIngestJson(ingestion.collection(), *outcomes, *removed, walk.skipped);
  } else {
    PrintIngestSummary(ingestion.collection(), *outcomes, removed->size(), walk.skipped);
  }
  if (interrupt->Came()) return kInterruptedCode;
  if (options.watch) {
    const auto watched = Watching(ingestion, options, common.json, stamps).Run(*interrupt);
    return watched ? 0 : Report(watched.error());
  }
  const bool failed =
      std::ranges::find(*outcomes, "failed", &IngestOutcome::status) != outcomes->end();
  return failed ? static_cast<int>(Exit::kFailed) : 0;
}

}  // namespace weir::cli
