// bench --tune: which attention kernel and micro-batch serve a model best on this machine
// (models/kernel_choice.h has the rule). Each is run in a server of its own over a data folder of
// its own, where rates.json says to run with it: the way in which the choice works afterwards too.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/time_text.h"
#include "cli/bench.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/table.h"
#include "cli/trial_folder.h"
#include "json/writer.h"
#include "models/kernel_choice.h"
#include "models/rates.h"
#include "models/store.h"

namespace weir::cli {
namespace {

using models::KernelChoice;
using models::KernelFigures;

// The first is what runs when nobody measured.
constexpr std::array<KernelChoice, 4> kKernels{
    {{true, 512}, {false, 512}, {true, 64}, {false, 64}}};
// There and back, so that a machine that grows warm, or is busy for a while, is not one kernel's
// fault.
constexpr int kPasses = 2;
constexpr int64_t kContextTokens = 768;
constexpr int64_t kStreams = 8;

std::string NameOf(const KernelChoice& kernel) {
  return fmt::format("flash attention {}, micro-batch {}", kernel.flash_attention ? "on" : "off",
                     kernel.micro_batch);
}

Result<KernelFigures> MeasureWith(Bench& bench) {
  if (auto loaded = bench.Load(); !loaded) return std::unexpected(loaded.error());
  if (!bench.generates()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("'{}' generates no text; there is nothing to choose", bench.model()),
                "model");
  }
  const int64_t room = bench.room() - Bench::kStreamTokens - 1;
  const int64_t context = std::clamp<int64_t>(room, 1, kContextTokens);
  const auto prompt = bench.Prefill(context);
  if (!prompt) return std::unexpected(prompt.error());
  const auto alone = bench.Decode(1, context);
  if (!alone) return std::unexpected(alone.error());
  const auto streams = bench.Decode(kStreams, context);
  if (!streams) return std::unexpected(streams.error());
  return KernelFigures{prompt->tokens_per_s, alone->tokens_per_s, streams->tokens_per_s};
}

// One kernel in a fresh server.
Result<KernelFigures> Try(const Common& common, const std::string& model, const std::string& sha256,
                          const KernelChoice& kernel) {
  auto folder = TrialFolder::Create();
  if (!folder) return std::unexpected(folder.error());
  const models::ModelRates rates{.measured = TimeText(SystemClock().WallNow()),
                                 .version = WEIR_VERSION,
                                 .sha256 = sha256,
                                 .kernel = kernel};
  auto stored = models::StoreRates(folder->path(), model, rates);
  if (!stored) return std::unexpected(stored.error());
  const Folders folders{.data = folder->path(), .models = common.folders.models};
  auto server = PrivateServer::Start(folders);
  if (!server) return std::unexpected(server.error());
  ServerLink link = ServerLink::At((*server)->url(), folders);
  Bench bench(link, model);
  return MeasureWith(bench);
}

void Keep(KernelFigures& best, const KernelFigures& measured) {
  best.prompt = std::max(best.prompt, measured.prompt);
  best.alone = std::max(best.alone, measured.alone);
  best.streams = std::max(best.streams, measured.streams);
}

void PrintFigures(const std::array<KernelFigures, kKernels.size()>& figures, size_t best) {
  Table table({"KERNEL", "PROMPT", "ALONE", "8 STREAMS", ""});
  for (size_t i = 0; i < kKernels.size(); ++i) {
    const auto rate = [](double value) { return value > 0 ? fmt::format("{:.1f}", value) : "-"; };
    table.Add({NameOf(kKernels[i]), rate(figures[i].prompt), rate(figures[i].alone),
               rate(figures[i].streams), i == best ? "chosen" : ""});
  }
  fmt::print("{}", table.Text());
}

void PrintFiguresAsJson(const std::string& model,
                        const std::array<KernelFigures, kKernels.size()>& figures, size_t best) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Field("model", model).Key("kernels").BeginArray();
  for (size_t i = 0; i < kKernels.size(); ++i) {
    writer.BeginObject()
        .Field("flash_attention", kKernels[i].flash_attention)
        .Field("micro_batch", kKernels[i].micro_batch)
        .Field("prompt_tokens_per_s", figures[i].prompt)
        .Field("alone_tokens_per_s", figures[i].alone)
        .Field("streams_tokens_per_s", figures[i].streams)
        .Field("chosen", i == best)
        .EndObject();
  }
  writer.EndArray().EndObject();
  fmt::print("{}\n", text);
}

Result<void> Store(const std::string& data, const std::string& model, const std::string& sha256,
                   const KernelChoice& kernel) {
  models::ModelRates rates;
  if (const auto all = models::ReadRates(data); all && all->contains(model)) rates = all->at(model);
  // What was measured of another file, or with another kernel, is no longer true.
  if (rates.sha256 != sha256 || rates.kernel.value_or(kKernels[0]) != kernel) {
    rates.prefill.clear();
    rates.decode.clear();
  }
  rates.measured = TimeText(SystemClock().WallNow());
  rates.version = WEIR_VERSION;
  rates.sha256 = sha256;
  rates.kernel = kernel;
  return models::StoreRates(data, model, rates);
}

}  // namespace

int TuneModel(const Common& common, const std::string& asked) {
  const auto manifest = models::Store(common.folders.models).Resolve(asked);
  if (!manifest) return Report(manifest.error());
  if (manifest->sha256.empty()) {
    return Report(Error{.code = Code::kInvalidArgument,
                        .message = "the model's file lies outside of the store; set micro_batch "
                                   "and flash_attention in its [model] instead",
                        .param = "model"});
  }
  // First, so that minutes of measuring are not lost for want of a folder.
  std::error_code error;
  std::filesystem::create_directories(common.folders.data, error);
  if (error) return Report(SystemError("cannot make the data folder", error.value()));
  const std::string model = manifest->name.ToString();
  std::array<KernelFigures, kKernels.size()> figures{};
  for (int pass = 0; pass < kPasses; ++pass) {
    for (size_t step = 0; step < kKernels.size(); ++step) {
      const size_t i = pass % 2 == 0 ? step : kKernels.size() - 1 - step;
      fmt::print(stderr, "weir: {} of {}: {}\n",
                 static_cast<size_t>(pass) * kKernels.size() + step + 1, kPasses * kKernels.size(),
                 NameOf(kKernels[i]));
      const auto measured = Try(common, model, manifest->sha256, kKernels[i]);
      if (!measured && i == 0) return Report(measured.error());
      if (measured) {
        Keep(figures[i], *measured);
      } else {
        fmt::print(stderr, "weir: it does not run with {}: {}\n", NameOf(kKernels[i]),
                   measured.error().message);
      }
    }
  }
  const size_t best = models::BestKernel(figures);
  auto stored = Store(common.folders.data, model, manifest->sha256, kKernels[best]);
  if (!stored) return Report(stored.error());
  if (common.json) {
    PrintFiguresAsJson(model, figures, best);
  } else {
    PrintFigures(figures, best);
  }
  return 0;
}

}  // namespace weir::cli
