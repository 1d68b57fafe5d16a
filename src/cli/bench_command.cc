// bench: how fast this machine runs a model, measured through the public API, told as a table and
// kept in rates.json for routing (docs/formats/rates.md).
//
// Every prompt is new, so that no cached prefix makes it look faster than it is, and times are the
// engine's own, so that the network and this program do not count. Each figure is the best of
// kRounds: what else the machine does meanwhile only makes it slower.
#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/table.h"
#include "json/writer.h"
#include "models/rates.h"
#include "models/store.h"

namespace weir::cli {
namespace {

using models::RatePoint;

constexpr int kRounds = 2;
constexpr int64_t kPromptTokens[] = {128, 512, 2048};
constexpr int64_t kStreams[] = {1, 2, 4, 8};
constexpr int64_t kStreamTokens = 48;
constexpr int64_t kTexts[] = {1, 16, 64};
constexpr int64_t kTokensOfAText = 64;
// Plain words: what a tokenizer makes of them is what it makes of ordinary text.
constexpr std::string_view kWords =
    "the river carries water from high hills to a wide sea while people build towns beside it and "
    "boats move slowly under old bridges where children look for fish every warm evening";

class Bench {
 public:
  Bench(ServerLink& link, std::string model)
      : link_(link), model_(std::move(model)), random_(std::random_device{}()) {}

  Result<void> Learn() {
    const auto tokens =
        link_.Post("/tokenize",
                   json::Value(json::Object{{"model", model_}, {"content", std::string(kWords)}}));
    if (!tokens) return std::unexpected(tokens.error());
    tokens_ = ListAt(*tokens, "tokens");
    if (tokens_.empty()) return Fail(Code::kInternal, "the model made no tokens of plain words");
    return {};
  }

  Result<RatePoint> Prefill(int64_t count) {
    RatePoint best{.at = count};
    for (int round = 0; round < kRounds; ++round) {
      const auto answer = Complete(Prompt(count), 1, 1);
      if (!answer) return std::unexpected(answer.error());
      Keep(best, TokensOf(*answer, "prompt_tokens") - Cached(*answer),
           Timing(*answer, "prompt_ms"));
    }
    return best;
  }

  // Streams that share a short prompt: their decoding is what counts.
  Result<RatePoint> Decode(int64_t streams) {
    RatePoint best{.at = streams};
    for (int round = 0; round < kRounds; ++round) {
      const auto answer = Complete(Prompt(16), kStreamTokens, streams);
      if (!answer) return std::unexpected(answer.error());
      // The first token of each is the prompt's work.
      Keep(best, TokensOf(*answer, "completion_tokens") - static_cast<double>(streams),
           Timing(*answer, "decode_ms"));
    }
    return best;
  }

  Result<RatePoint> Embed(int64_t texts) {
    RatePoint best{.at = texts};
    for (int round = 0; round < kRounds; ++round) {
      json::Array inputs;
      for (int64_t i = 0; i < texts; ++i) inputs.push_back(json::Value(Prompt(kTokensOfAText)));
      const auto start = std::chrono::steady_clock::now();
      const auto answer =
          link_.Post("/v1/embeddings",
                     json::Value(json::Object{{"model", model_}, {"input", std::move(inputs)}}));
      if (!answer) return std::unexpected(answer.error());
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - start;
      Keep(best, TokensOf(*answer, "prompt_tokens"), took.count());
    }
    return best;
  }

 private:
  json::Array Prompt(int64_t count) {
    std::uniform_int_distribution<size_t> any(0, tokens_.size() - 1);
    json::Array prompt;
    for (int64_t i = 0; i < count; ++i) prompt.push_back(tokens_[any(random_)]);
    return prompt;
  }
  Result<json::Value> Complete(json::Array prompt, int64_t tokens, int64_t choices) {
    return link_.Post("/v1/completions", json::Value(json::Object{{"model", model_},
                                                                  {"prompt", std::move(prompt)},
                                                                  {"max_tokens", tokens},
                                                                  {"n", choices},
                                                                  {"ignore_eos", true},
                                                                  {"temperature", 0.8}}));
  }
  static double TokensOf(const json::Value& answer, std::string_view kind) {
    const json::Value* usage = answer.Find("usage");
    return usage == nullptr ? 0 : NumberAt(*usage, kind);
  }
  static double Cached(const json::Value& answer) {
    const json::Value* usage = answer.Find("usage");
    const json::Value* details = usage == nullptr ? nullptr : usage->Find("prompt_tokens_details");
    return details == nullptr ? 0 : NumberAt(*details, "cached_tokens");
  }
  static double Timing(const json::Value& answer, std::string_view which) {
    const json::Value* weir = answer.Find("weir");
    const json::Value* timings = weir == nullptr ? nullptr : weir->Find("timings");
    return timings == nullptr ? 0 : NumberAt(*timings, which);
  }
  static void Keep(RatePoint& best, double tokens, double ms) {
    if (ms > 0 && tokens > 0) best.tokens_per_s = std::max(best.tokens_per_s, tokens * 1000 / ms);
  }

  ServerLink& link_;
  std::string model_;
  std::mt19937_64 random_;
  json::Array tokens_ = {};
};

Result<json::Value> StatusOf(ServerLink& link, const std::string& model) {
  const auto engines = link.Get("/weir/v1/models");
  if (!engines) return std::unexpected(engines.error());
  for (const json::Value& engine : ListAt(*engines, "data")) {
    if (TextAt(engine, "model") == model) return engine;
  }
  return Fail(Code::kNotFound, fmt::format("'{}' is not loaded", model), "model");
}

Result<void> Measure(Bench& bench, const json::Value& engine, models::ModelRates& rates) {
  if (auto learnt = bench.Learn(); !learnt) return learnt;
  const auto add = [](std::vector<RatePoint>& points, Result<RatePoint> point) -> Result<void> {
    if (!point) return std::unexpected(point.error());
    if (point->tokens_per_s > 0) points.push_back(*point);
    return {};
  };
  const auto room = static_cast<int64_t>(NumberAt(engine, "request_tokens_max"));
  if (!FlagAt(engine, "generates")) {
    for (const int64_t texts : kTexts) {
      if (auto kept = add(rates.embed, bench.Embed(texts)); !kept) return kept;
    }
    return {};
  }
  for (const int64_t tokens : kPromptTokens) {
    if (tokens + 1 > room && !rates.prefill.empty()) break;
    auto kept = add(rates.prefill, bench.Prefill(std::min(tokens, room - 1)));
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
  const auto loaded =
      link->Post("/weir/v1/models/load", json::Value(json::Object{{"model", asked}}));
  if (!loaded) return Report(loaded.error());
  const std::string model = TextAt(*loaded, "model");
  const auto engine = StatusOf(*link, model);
  if (!engine) return Report(engine.error());

  models::ModelRates rates{
      .measured = fmt::format(
          "{:%Y-%m-%dT%H:%M:%SZ}",
          fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()))),
      .version = WEIR_VERSION,
      .threads = static_cast<int64_t>(NumberAt(*engine, "threads"))};
  const auto manifest = models::Store(common.folders.models).Resolve(model);
  if (manifest) rates.sha256 = manifest->sha256;
  Bench bench(*link, model);
  if (auto measured = Measure(bench, *engine, rates); !measured) return Report(measured.error());
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
