// weir ingest: files and folders into a collection, one request each. The server knows what it has
// seen: what did not change costs one request and no work, so that a broken run is gone on with by
// the same command.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "chat/label.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "json/writer.h"
#include "knowledge/document_kind.h"
#include "wire/document.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFilesMax = 1'000'000;
constexpr int kFolderDepthMax = 64;
constexpr auto kDrawEvery = std::chrono::milliseconds(100);
constexpr size_t kBarCells = 24;
constexpr size_t kNameShown = 48;

struct Found {
  std::string name = {};  // "papers/tides.md"
  fs::path path = {};     // empty: standard input
};

struct Walk {
  std::vector<Found> files = {};
  std::vector<std::string> roots = {};  // "papers/": what --prune looks at
  size_t skipped = 0;                   // of no kind that can be read
  std::optional<Error> error = {};
};

Error Unreadable(const fs::path& path, const std::error_code& why) {
  return {Code::kNotFound, fmt::format("{} cannot be read: {}; name a file or a folder",
                                       path.string(), why.message())};
}

// Hidden files and links are left out: a folder may hold keys of programs, and links lead
// elsewhere.
void WalkFolder(const fs::path& folder, const std::string& prefix, int depth, Walk& walk) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    entries.push_back(*it);
  }
  if (error) {
    walk.error = Unreadable(folder, error);
    return;
  }
  std::ranges::sort(entries);
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || entry.is_symlink(error) || walk.error) continue;
    if (entry.is_directory(error)) {
      if (depth < kFolderDepthMax) WalkFolder(entry.path(), prefix + name + "/", depth + 1, walk);
    } else if (entry.is_regular_file(error)) {
      if (!knowledge::IsDocumentName(name)) {
        ++walk.skipped;
      } else if (walk.files.size() < kFilesMax) {
        walk.files.push_back({prefix + name, entry.path()});
      }
    }
  }
}

// "papers" for ~/papers, ~/papers/ and ~/papers/.
std::string FolderName(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.filename().string();
}

Walk WalkPaths(const IngestOptions& options) {
  Walk walk;
  for (const std::string& given : options.paths) {
    if (given == "-") {
      walk.files.push_back({options.name.empty() ? "standard input" : options.name, {}});
      continue;
    }
    const fs::path path(given);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
      walk.error = Unreadable(path, std::make_error_code(std::errc::no_such_file_or_directory));
      return walk;
    }
    if (fs::is_directory(status)) {
      walk.roots.push_back(FolderName(path) + "/");
      WalkFolder(path, walk.roots.back(), 0, walk);
    } else {
      const fs::path whole = fs::absolute(path, error).lexically_normal();
      const std::string parent = FolderName(whole.parent_path());
      const std::string name = whole.filename().string();
      walk.files.push_back({parent.empty() ? name : fmt::format("{}/{}", parent, name), path});
    }
  }
  return walk;
}

Result<std::string> ReadAll(const Found& file) {
  if (file.path.empty()) {
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  std::error_code error;
  const uintmax_t size = fs::file_size(file.path, error);
  if (!error && size > wire::kDocumentBytesMax) {
    return Fail(Code::kTooLarge,
                fmt::format("it has {} bytes; the most is {}", size, wire::kDocumentBytesMax), {},
                "document_too_large");
  }
  std::ifstream in(file.path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (error || in.bad() || !in.is_open())
    return Fail(Code::kNotFound, "it cannot be read", {}, "unreadable_file");
  return bytes;
}

struct Outcome {
  std::string name = {};
  std::string status = {};  // ready, unchanged, duplicate, failed
  std::string reason = {};
  std::string message = {};
  int64_t chunks = 0;
  int64_t embedded = 0;
};

// The bar on a terminal; a line for each document that failed, in any case.
class Display {
 public:
  Display(bool json, size_t total)
      : quiet_(json), terminal_(!json && isatty(STDERR_FILENO) != 0), total_(total) {}

  void Begin(size_t number, const std::string& name) {
    const MonotonicTime now = SystemClock().Now();
    if (!terminal_ || now - drawn_at_ < kDrawEvery) return;
    drawn_at_ = now;
    const size_t filled = total_ == 0 ? 0 : number * kBarCells / total_;
    std::string shown =
        name.size() > kNameShown ? "..." + name.substr(name.size() - kNameShown + 3) : name;
    fmt::print(stderr, "\r\033[K[{}{}] {} of {}  {}", std::string(filled, '#'),
               std::string(kBarCells - filled, '.'), number + 1, total_, shown);
    std::fflush(stderr);
  }
  void Failed(const Outcome& outcome) {
    if (quiet_) return;
    Clear();
    fmt::print(stderr, "weir: {}: {}\n", outcome.name, outcome.message);
  }
  void Clear() {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }

 private:
  const bool quiet_;
  const bool terminal_;
  const size_t total_;
  MonotonicTime drawn_at_ = {};
};

std::string DocumentPath(const std::string& collection, const std::string& name) {
  return fmt::format("/weir/v1/collections/{}/documents/{}", PathPiece(collection),
                     PathPiece(name));
}

// A server that is gone, or does not know us, ends the whole run; a document fails by itself.
bool EndsTheRun(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kUnauthenticated ||
         error.code == Code::kForbidden || error.reason == "other_model" ||
         error.reason == "model_not_found" || error.reason == "no_server";
}

Result<Outcome> Give(ServerLink& link, const std::string& collection, const std::string& label,
                     const Found& file) {
  Outcome outcome{.name = file.name, .status = "failed"};
  auto bytes = ReadAll(file);
  http::Headers headers;
  if (!label.empty()) headers.Add("x-weir-label", label);
  const auto answer =
      bytes ? link.Put(DocumentPath(collection, file.name), std::move(*bytes), headers)
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

// Names of documents under these folders that are not among the files.
Result<std::vector<std::string>> Gone(ServerLink& link, const std::string& collection,
                                      const Walk& walk) {
  std::set<std::string> there;
  for (const Found& file : walk.files) there.insert(file.name);
  std::vector<std::string> gone;
  std::string after;
  for (;;) {
    const auto page = link.Get(fmt::format("/weir/v1/collections/{}/documents?limit=1000&after={}",
                                           PathPiece(collection), PathPiece(after)));
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

void PrintJson(const std::string& collection, const std::vector<Outcome>& outcomes,
               const std::vector<std::string>& removed, size_t skipped) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("collection", collection).Key("documents").BeginArray();
  for (const Outcome& outcome : outcomes) {
    writer.BeginObject()
        .Field("name", outcome.name)
        .Field("status", outcome.status)
        .Field("chunks", outcome.chunks)
        .Field("embedded", outcome.embedded);
    if (!outcome.reason.empty()) writer.Field("reason", outcome.reason);
    if (!outcome.message.empty()) writer.Field("message", outcome.message);
    writer.EndObject();
  }
  writer.EndArray().Key("removed").BeginArray();
  for (const std::string& name : removed) writer.String(name);
  writer.EndArray().Field("skipped", skipped).EndObject();
  fmt::print("{}\n", out);
}

void PrintSummary(const std::string& collection, const std::vector<Outcome>& outcomes,
                  size_t removed, size_t skipped) {
  const auto count = [&](std::string_view status) {
    return std::ranges::count(outcomes, status, &Outcome::status);
  };
  std::string line =
      fmt::format("{}: {} read, {} unchanged", collection, count("ready"), count("unchanged"));
  for (const auto& [status, word] :
       {std::pair("duplicate", "duplicates"), std::pair("failed", "failed")}) {
    if (count(status) > 0) line += fmt::format(", {} {}", count(status), word);
  }
  if (removed > 0) line += fmt::format(", {} removed", removed);
  if (skipped > 0) line += fmt::format(", {} files of other kinds left out", skipped);
  fmt::print("{}\n", line);
}

std::string CollectionOf(const IngestOptions& options, const Walk& walk) {
  if (!options.collection.empty()) return options.collection;
  if (!walk.roots.empty()) return walk.roots.front().substr(0, walk.roots.front().size() - 1);
  return "documents";
}

}  // namespace

std::string PathPiece(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

int Ingest(const Common& common, const IngestOptions& options) {
  if (!options.label.empty() && !chat::LabelFromName(options.label)) {
    fmt::print(stderr, "weir: --label takes public, internal, personal or secret\n");
    return static_cast<int>(Exit::kUsage);
  }
  const Walk walk = WalkPaths(options);
  if (walk.error) return Report(*walk.error);
  if (walk.files.empty() && !options.prune) {
    fmt::print(stderr, "weir: there is no document there; see weir ingest --help\n");
    return static_cast<int>(Exit::kNothingThere);
  }
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  const std::string collection = CollectionOf(options, walk);
  Display display(common.json, walk.files.size());
  std::vector<Outcome> outcomes;
  for (const Found& file : walk.files) {
    display.Begin(outcomes.size(), file.name);
    auto outcome = Give(*link, collection, options.label, file);
    if (!outcome) {
      display.Clear();
      return Report(outcome.error());
    }
    if (outcome->status == "failed") display.Failed(*outcome);
    outcomes.push_back(std::move(*outcome));
  }
  display.Clear();
  std::vector<std::string> removed;
  if (options.prune && !walk.roots.empty()) {
    auto gone = Gone(*link, collection, walk);
    if (!gone) return Report(gone.error());
    for (const std::string& name : *gone) {
      if (auto done = link->Delete(DocumentPath(collection, name)); !done)
        return Report(done.error());
    }
    removed = std::move(*gone);
  }
  if (common.json) {
    PrintJson(collection, outcomes, removed, walk.skipped);
  } else {
    PrintSummary(collection, outcomes, removed.size(), walk.skipped);
  }
  const bool failed = std::ranges::find(outcomes, "failed", &Outcome::status) != outcomes.end();
  return failed ? static_cast<int>(Exit::kFailed) : 0;
}

}  // namespace weir::cli
