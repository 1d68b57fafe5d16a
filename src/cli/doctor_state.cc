// weir doctor on what processes leave behind, and on where the server would listen.
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "cli/finding.h"
#include "cli/table.h"
#include "http/listen.h"
#include "keys/key_store.h"
#include "models/writer.h"
#include "process/fd.h"
#include "process/file_lock.h"
#include "sqlite/database.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

// What killed pulls left: data, how much of it, and whose it still is.
struct Leftovers {
  size_t working = 0;       // somebody works on them
  size_t waiting = 0;       // to be gone on with
  size_t stale = 0;         // of waiting: for longer than they are kept
  uint64_t bytes = 0;       // of waiting
  size_t unfinished = 0;    // manifests that were not renamed
  std::string folder = {};  // one of waiting
};

uint64_t BytesOnDisk(const fs::path& file) {
  struct stat data{};
  return stat(file.c_str(), &data) == 0 ? static_cast<uint64_t>(data.st_blocks) * 512 : 0;
}

bool IsStale(const fs::path& partial) {
  struct stat state{};
  if (stat((partial / "state").c_str(), &state) != 0) return true;
  const WallTime written{std::chrono::seconds(state.st_mtim.tv_sec)};
  return SystemClock().WallNow() - written > models::kPartialStaleAfter;
}

Leftovers LeftoversOf(const std::string& store) {
  Leftovers left;
  std::error_code error;
  for (const auto& each : fs::directory_iterator(store + "/partial", error)) {
    if (LockHolder((each.path() / "lock").string())) {
      ++left.working;
      continue;
    }
    ++left.waiting;
    left.bytes += BytesOnDisk(each.path() / "data");
    if (IsStale(each.path())) ++left.stale;
    left.folder = each.path().string();
  }
  for (const char* top : {"/manifests", "/previous"}) {
    for (const auto& model : fs::directory_iterator(store + top, error)) {
      for (const auto& file : fs::directory_iterator(model.path(), error)) {
        if (file.path().filename().string().starts_with(".weir-")) ++left.unfinished;
      }
    }
  }
  return left;
}

std::string WhoText(pid_t holder) {
  return holder > 0 ? fmt::format("process {}", holder) : "another process";
}

void CheckStoreLock(const std::string& store, std::vector<Finding>& findings) {
  const auto holder = LockHolder(store + "/lock");
  if (!holder) {
    findings.push_back({State::kGood, "store lock", "free"});
    return;
  }
  findings.push_back(
      {State::kNote, "store lock", fmt::format("held by {}", WhoText(*holder)),
       "it is held for moments; if a second 'weir doctor' says the same, that process hangs: pulls "
       "and removals wait for it until it ends"});
}

// Without a server; nothing where another process has the data folder.
std::optional<bool> HasKeys(const std::string& data) {
  if (!fs::exists(data + "/weir.db")) return false;
  const auto lock = FileLock::Acquire(data);
  if (!lock) return std::nullopt;
  auto database = sqlite::Database::Open(data + "/weir.db");
  if (!database) return std::nullopt;
  const auto keys = keys::KeyStore::Open(*database);
  if (!keys) return std::nullopt;
  return (*keys)->HasKeys();
}

void CheckReach(const std::string& address, const Folders& folders, bool serves,
                std::vector<Finding>& findings) {
  // A server that runs there has keys, or would not.
  if (http::IsLoopbackAddress(address) || address.starts_with("localhost:") || serves) return;
  const auto has_keys = HasKeys(folders.data);
  if (!has_keys) return;
  findings.push_back(
      *has_keys ? Finding{State::kGood, fmt::format("keys for {}", address), "there"}
                : Finding{State::kBad, fmt::format("keys for {}", address),
                          "none, and other machines reach it: the server will not start",
                          "make one with 'weir keys create NAME', or listen on 127.0.0.1"});
}

}  // namespace

void CheckLeftovers(const std::string& store, std::vector<Finding>& findings) {
  CheckStoreLock(store, findings);
  const Leftovers left = LeftoversOf(store);
  if (left.working > 0) {
    findings.push_back({State::kGood, "pulls under way", std::to_string(left.working)});
  }
  if (left.waiting > 0) {
    const std::string stale = left.stale == 0 ? "" : fmt::format(", {} of them stale", left.stale);
    findings.push_back(
        {State::kNote, "unfinished pulls",
         fmt::format("{} with {}, and nobody works on them{}", left.waiting, Bytes(left.bytes),
                     stale),
         fmt::format("run the same pull again to go on; stale ones (of a week) go with the next "
                     "pull of anything, or now with 'rm -r {}'",
                     left.folder)});
  }
  if (left.unfinished > 0) {
    findings.push_back({State::kNote, "unfinished manifests", std::to_string(left.unfinished),
                        "the next pull takes them away"});
  }
}

void CheckDataFolder(const Folders& folders, bool server_answers, std::vector<Finding>& findings) {
  const auto holder = LockHolder(folders.data + "/lock");
  if (!holder) {
    findings.push_back({State::kGood, "data folder lock", "free"});
    if (!server_answers && fs::exists(folders.data + "/serve.json")) {
      findings.push_back({State::kNote, "serve.json", "stale: the server that wrote it is gone",
                          "nothing to do; the next 'weir serve' replaces it"});
    }
    return;
  }
  if (server_answers) {
    findings.push_back({State::kGood, "data folder lock",
                        fmt::format("held by {}, the server", WhoText(*holder))});
    return;
  }
  findings.push_back(
      {State::kBad, "data folder lock",
       fmt::format("held by {}, and no server answers", WhoText(*holder)),
       *holder > 0 ? fmt::format("it may be starting, or be another command; if it stays, end it "
                                 "with 'kill {}'",
                                 *holder)
                   : "it may be starting, or be another command; if it stays, end it"});
}

void CheckListening(const config::Settings& settings, const Folders& folders,
                    const std::string& server, std::vector<Finding>& findings) {
  for (const config::Endpoint& endpoint : *settings.listen) {
    const std::string address = config::ToText(endpoint);
    const bool serves = !server.empty() && server.ends_with(fmt::format(":{}", endpoint.port));
    const std::string what = fmt::format("port of {}", address);
    auto socket = http::Listen(address);
    if (socket) {
      const Fd closes(socket->fd);
      findings.push_back({State::kGood, what, "free"});
    } else if (serves) {
      findings.push_back({State::kGood, what, "the server's"});
    } else if (socket.error().code == Code::kConflict) {
      findings.push_back({State::kBad, what, "taken by another program",
                          "end that one, or have this one listen elsewhere: weir serve --listen "
                          "127.0.0.1:PORT"});
    } else {
      findings.push_back({State::kBad, what, socket.error().message,
                          "choose another address or port with --listen"});
    }
    CheckReach(address, folders, serves, findings);
  }
}

}  // namespace weir::cli
