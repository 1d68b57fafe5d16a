// pull, rm, cp: what changes the model store.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/pull.h"
#include "cli/table.h"
#include "json/writer.h"
#include "models/store.h"
#include "models/writer.h"

namespace weir::cli {
namespace {

constexpr int kInterrupted = 130;

void OnInterrupt(int) {
  constexpr std::string_view kLine = "\nweir: interrupted; run the same command again to go on\n";
  [[maybe_unused]] const ssize_t put = write(STDERR_FILENO, kLine.data(), kLine.size());
  _exit(kInterrupted);
}

// Whether the running server has this model loaded now.
bool IsLoaded(const Common& common, const std::string& name) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return false;
  const auto engines = link->Get("/weir/v1/models");
  if (!engines) return false;
  return std::ranges::any_of(ListAt(*engines, "data"), [&](const json::Value& engine) {
    return TextAt(engine, "model") == name;
  });
}

}  // namespace

int PullModel(const Common& common, const PullOptions& options) {
  std::signal(SIGINT, OnInterrupt);
  PullDisplay display(common.json);
  const auto done = Pull({.reference = options.reference,
                          .name = options.name,
                          .store = common.folders.models,
                          .connections = options.connections,
                          .again = options.again},
                         [&](const fetch::Event& event) { display.Show(event); });
  display.End(done);
  return done ? 0 : Report(done.error());
}

int RemoveModels(const Common& common, const std::vector<std::string>& names, bool force) {
  auto writer = models::Writer::Open(common.folders.models, SystemClock().WallNow());
  if (!writer) return Report(writer.error());
  int code = 0;
  for (const std::string& text : names) {
    const auto whole = writer->store().WholeName(text);
    if (!whole) {
      code = Report(whole.error());
      continue;
    }
    if (!force && IsLoaded(common, whole->ToString())) {
      code = Report(
          {Code::kConflict, fmt::format("{} is in use; stop it with 'weir stop {}', or use --force",
                                        whole->ToString(), whole->ToString())});
      continue;
    }
    const auto removed = writer->Remove(*whole);
    if (!removed) {
      code = Report(removed.error());
      continue;
    }
    if (common.json) {
      std::string out;
      json::Writer(&out)
          .BeginObject()
          .Field("name", removed->name)
          .Field("bytes_freed", removed->bytes_freed)
          .EndObject();
      fmt::print("{}\n", out);
    } else {
      fmt::print("{} removed ({} freed)\n", removed->name, Bytes(removed->bytes_freed));
    }
  }
  return code;
}

int CopyModel(const Common& common, const std::string& from, const std::string& to) {
  auto writer = models::Writer::Open(common.folders.models, SystemClock().WallNow());
  if (!writer) return Report(writer.error());
  auto manifest = writer->store().Resolve(from);
  if (!manifest) return Report(manifest.error());
  auto name = models::ParseName(to);
  if (!name) return Report(name.error());
  if (name->tag.empty()) name->tag = models::kDefaultTag;
  manifest->name = *name;
  if (auto named = writer->GiveName(*manifest, false); !named) return Report(named.error());
  fmt::print("{} is {}\n", name->ToString(), from);
  return 0;
}

}  // namespace weir::cli
