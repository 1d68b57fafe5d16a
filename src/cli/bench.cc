#include "cli/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "cli/document.h"

namespace weir::cli {
namespace {

using models::RatePoint;

constexpr int64_t kTokensOfAText = 64;
// Plain words: what a tokenizer makes of them is what it makes of ordinary text.
constexpr std::string_view kWords =
    "the river carries water from high hills to a wide sea while people build towns beside it and "
    "boats move slowly under old bridges where children look for fish every warm evening";

double TokensOf(const json::Value& answer, std::string_view kind) {
  const json::Value* usage = answer.Find("usage");
  return usage == nullptr ? 0 : NumberAt(*usage, kind);
}

double Cached(const json::Value& answer) {
  const json::Value* usage = answer.Find("usage");
  const json::Value* details = usage == nullptr ? nullptr : usage->Find("prompt_tokens_details");
  return details == nullptr ? 0 : NumberAt(*details, "cached_tokens");
}

double Timing(const json::Value& answer, std::string_view which) {
  const json::Value* weir = answer.Find("weir");
  const json::Value* timings = weir == nullptr ? nullptr : weir->Find("timings");
  return timings == nullptr ? 0 : NumberAt(*timings, which);
}

void Keep(RatePoint& best, double tokens, double ms) {
  if (ms > 0 && tokens > 0) best.tokens_per_s = std::max(best.tokens_per_s, tokens * 1000 / ms);
}

Result<json::Value> StatusOf(ServerLink& link, const std::string& model) {
  const auto engines = link.Get("/weir/v1/models");
  if (!engines) return std::unexpected(engines.error());
  for (const json::Value& engine : ListAt(*engines, "data")) {
    if (TextAt(engine, "model") == model) return engine;
  }
  return Fail(Code::kNotFound, fmt::format("'{}' is not loaded", model), "model");
}

}  // namespace

Result<void> Bench::Load() {
  const auto loaded =
      link_.Post("/weir/v1/models/load", json::Value(json::Object{{"model", model_}}));
  if (!loaded) return std::unexpected(loaded.error());
  model_ = TextAt(*loaded, "model");
  auto engine = StatusOf(link_, model_);
  if (!engine) return std::unexpected(engine.error());
  engine_ = std::move(*engine);
  const auto tokens = link_.Post(
      "/tokenize", json::Value(json::Object{{"model", model_}, {"content", std::string(kWords)}}));
  if (!tokens) return std::unexpected(tokens.error());
  tokens_ = ListAt(*tokens, "tokens");
  if (tokens_.empty()) return Fail(Code::kInternal, "the model made no tokens of plain words");
  return {};
}

bool Bench::generates() const { return FlagAt(engine_, "generates"); }

int64_t Bench::room() const {
  return static_cast<int64_t>(NumberAt(engine_, "request_tokens_max"));
}

Result<RatePoint> Bench::Prefill(int64_t tokens) {
  RatePoint best{.at = tokens};
  for (int round = 0; round < kRounds; ++round) {
    const auto answer = Complete(Prompt(tokens), 1, 1);
    if (!answer) return std::unexpected(answer.error());
    Keep(best, TokensOf(*answer, "prompt_tokens") - Cached(*answer), Timing(*answer, "prompt_ms"));
  }
  return best;
}

Result<RatePoint> Bench::Decode(int64_t streams, int64_t prompt_tokens) {
  RatePoint best{.at = streams};
  for (int round = 0; round < kRounds; ++round) {
    const auto answer = Complete(Prompt(prompt_tokens), kStreamTokens, streams);
    if (!answer) return std::unexpected(answer.error());
    // The first token of each is the prompt's work.
    Keep(best, TokensOf(*answer, "completion_tokens") - static_cast<double>(streams),
         Timing(*answer, "decode_ms"));
  }
  return best;
}

Result<RatePoint> Bench::Embed(int64_t texts) {
  RatePoint best{.at = texts};
  for (int round = 0; round < kRounds; ++round) {
    json::Array inputs;
    for (int64_t i = 0; i < texts; ++i) inputs.push_back(json::Value(Prompt(kTokensOfAText)));
    const auto start = std::chrono::steady_clock::now();
    const auto answer =
        link_.Post("/v1/embeddings",
                   json::Value(json::Object{{"model", model_}, {"input", std::move(inputs)}}));
    if (!answer) return std::unexpected(answer.error());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    Keep(best, TokensOf(*answer, "prompt_tokens"), took.count());
  }
  return best;
}

json::Array Bench::Prompt(int64_t count) {
  std::uniform_int_distribution<size_t> any(0, tokens_.size() - 1);
  json::Array prompt;
  for (int64_t i = 0; i < count; ++i) prompt.push_back(tokens_[any(random_)]);
  return prompt;
}

Result<json::Value> Bench::Complete(json::Array prompt, int64_t tokens, int64_t choices) {
  json::Object body = {{"model", model_}, {"prompt", std::move(prompt)}, {"max_tokens", tokens},
                       {"n", choices},    {"ignore_eos", true},          {"temperature", 0.8}};
  // With a seed nothing is guessed (docs/load.md): what a guess is worth depends on the text.
  if (tokens > 1) body.push_back({"seed", static_cast<int64_t>(random_() % 1'000'000)});
  return link_.Post("/v1/completions", json::Value(std::move(body)));
}

}  // namespace weir::cli
