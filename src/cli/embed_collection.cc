#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/collections_commands.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/private_server.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "cli/url_path.h"
#include "json/writer.h"

namespace weir::cli {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(250);

int64_t CountAt(const json::Value& next, std::string_view key) {
  return static_cast<int64_t>(NumberAt(next, key));
}

// Until the change has come to its end, or has met what hinders it.
Result<json::Value> Wait(ServerLink& link, const std::string& path, json::Value state, bool json) {
  ProgressBar bar(!json);
  for (;;) {
    const json::Value* next = state.Find("next");
    if (next == nullptr || next->is_null()) return state;
    if (const std::string problem = TextAt(*next, "problem"); !problem.empty()) {
      return Fail(Code::kUnavailable, problem + " (the server tries again; --cancel gives it up)",
                  "model", "embedding_hindered");
    }
    const int64_t chunks = CountAt(*next, "chunks");
    const int64_t embedded = CountAt(*next, "embedded");
    const float share = chunks == 0 ? 0 : static_cast<float>(embedded) / static_cast<float>(chunks);
    bar.Show(
        fmt::format("{} of {} chunks embedded by {}", embedded, chunks, TextAt(*next, "model")),
        share);
    std::this_thread::sleep_for(kLookEvery);
    auto now = link.Get(path);
    if (!now) return now;
    state = std::move(*now);
  }
}

}  // namespace

int EmbedCollection(const Common& common, const CollectionOptions& options) {
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  if (options.detach && own != nullptr) {
    return Report({Code::kUnavailable, "no server runs that could go on with it: weir serve", "",
                   "no_server"});
  }
  const std::string path =
      fmt::format("/weir/v1/collections/{}/embedding", PathPiece(options.name));
  json::Object wanted;
  if (!options.model.empty()) wanted.push_back({"model", options.model});
  auto state =
      options.cancel ? link->Delete(path) : link->Post(path, json::Value(std::move(wanted)));
  if (!state) return Report(state.error());
  if (!options.detach) state = Wait(*link, path, std::move(*state), common.json);
  if (!state) return Report(state.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*state));
    return 0;
  }
  const json::Value* next = state->Find("next");
  if (next != nullptr && !next->is_null()) {
    fmt::print("{} is embedded by {}; the change to {} goes on in the server\n", options.name,
               TextAt(*state, "model"), TextAt(*next, "model"));
  } else {
    fmt::print("{} is embedded by {}\n", options.name, TextAt(*state, "model"));
  }
  return 0;
}

}  // namespace weir::cli
