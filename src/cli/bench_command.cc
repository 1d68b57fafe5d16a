// bench: how fast this machine runs a model, told as a table and kept in rates.json for routing
// (docs/formats/rates.md).
#include <fmt/core.h>

#include <algorithm>

#include "base/time_text.h"
#include "cli/bench.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/table.h"
#include "models/rates.h"
#include "models/store.h"

namespace weir::cli {
namespace {

using models::RatePoint;

constexpr int64_t kPromptTokens[] = {128, 512, 2048};
constexpr int64_t kStreams[] = {1, 2, 4, 8};
constexpr int64_t kTexts[] = {1, 16, 64};

Result<void> Measure(Bench& bench, models::ModelRates& rates) {
  const auto add = [](std::vector<RatePoint>& points, Result<RatePoint> point) -> Result<void> {
    if (!point) return std::unexpected(point.error());
    if (point->tokens_per_s > 0) points.push_back(*point);
    return {};
  };
  if (!bench.generates()) {
    for (const int64_t texts : kTexts) {
      if (auto kept = add(rates.embed, bench.Embed(texts)); !kept) return kept;
    }
    return {};
  }
  for (const int64_t tokens : kPromptTokens) {
    if (tokens + 1 > bench.room() && !rates.prefill.empty()) break;
    auto kept = add(rates.prefill, bench.Prefill(std::min(tokens, bench.room() - 1)));
    if (!kept) return kept;
  }
  for (const int64_t streams : kStreams) {
    if (auto kept = add(rates.decode, bench.Decode(streams)); !kept) return kept;
  }
  return {};
}

void PrintRates(const std::string& model, const models::ModelRates& rates) {
  Table table({"MODEL", "WHAT", "AT", "TOKENS/S"});
  const auto add = [&](std::string_view what, std::string_view unit,
                       const std::vector<RatePoint>& points) {
    for (const RatePoint& point : points) {
      table.Add({model, std::string(what), fmt::format("{} {}", point.at, unit),
                 fmt::format("{:.1f}", point.tokens_per_s)});
    }
  };
  add("prefill", "tokens", rates.prefill);
  add("decode", "streams", rates.decode);
  add("embed", "texts", rates.embed);
  fmt::print("{}", table.Text());
}

}  // namespace

int BenchModel(const Common& common, const std::string& asked) {
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  Bench bench(*link, asked);
  if (auto loaded = bench.Load(); !loaded) return Report(loaded.error());

  const std::string& model = bench.model();
  models::ModelRates rates{.measured = TimeText(SystemClock().WallNow()),
                           .version = WEIR_VERSION,
                           .threads = static_cast<int64_t>(NumberAt(bench.engine(), "threads"))};
  const auto manifest = models::Store(common.folders.models).Resolve(model);
  if (manifest) rates.sha256 = manifest->sha256;
  if (auto measured = Measure(bench, rates); !measured) return Report(measured.error());
  rates.kernel = models::KernelOf(common.folders.data, model, rates.sha256);
  if (auto stored = models::StoreRates(common.folders.data, model, rates); !stored) {
    return Report(stored.error());
  }
  if (common.json) {
    fmt::print("{}", models::PrintRates({{model, rates}}));
  } else {
    PrintRates(model, rates);
  }
  return 0;
}

}  // namespace weir::cli
