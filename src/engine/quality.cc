#include "engine/quality.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "llama/context.h"
#include "llama/distributions.h"
#include "llama/token_stats.h"

namespace weir::engine {
namespace {

using llama::Context;
using llama::Model;
using llama::Token;

// Computed at once: enough for a processor's matrix units, and few enough logits.
constexpr int32_t kRows = 128;
constexpr int32_t kThreadsMax = 1024;

// As an engine runs by itself, and `weir bench` measures: prompts in steps of 512, one stream, the
// best of two rounds.
constexpr int32_t kPrefillTokens = 512;
constexpr int32_t kDecodeTokens = 48;
constexpr int32_t kDecodeAfter = 16;
constexpr int kRounds = 2;
constexpr int64_t kRateCost = 2048;  // of a model's rates, in tokens of a prompt

class Progress {
 public:
  Progress(const std::function<void(float)>& tell, int64_t all) : tell_(tell), all_(all) {}
  void Add(int64_t tokens) {
    done_ += tokens;
    if (tell_) tell_(static_cast<float>(done_) / static_cast<float>(all_));
  }

 private:
  const std::function<void(float)>& tell_;
  const int64_t all_;
  int64_t done_ = 0;
};

Error NoStep() {
  return {Code::kInternal, "libllama failed in a step; the figures are lost", {}, "step_failed"};
}

Result<void> CheckModel(const Model& model, const wire::Measure& asked) {
  const llama::ModelFacts& facts = model.facts();
  if (facts.pooling != llama::Pooling::kNone || !facts.causal || facts.has_encoder) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} does not predict the next token, so it has no perplexity; name a "
                            "model that generates text",
                            facts.description),
                "model", "does_not_generate");
  }
  if (facts.context_tokens_trained > 0 && asked.context_tokens > facts.context_tokens_trained) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the model was trained for {} tokens; give a --context of at most that",
                            facts.context_tokens_trained),
                "context");
  }
  return {};
}

Result<void> CheckAsked(const wire::Measure& asked) {
  if (asked.context_tokens < wire::kQualityContextMin ||
      asked.context_tokens > wire::kQualityContextMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("context must lie between {} and {} tokens", wire::kQualityContextMin,
                            wire::kQualityContextMax),
                "context");
  }
  if (asked.windows_max < 0) return Fail(Code::kInvalidArgument, "windows is negative", "windows");
  if (asked.threads < 0 || asked.threads > kThreadsMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("threads must lie between 0 and {}", kThreadsMax), "threads");
  }
  if (asked.text.size() > wire::kQualityTextBytesMax) {
    return Fail(Code::kTooLarge,
                fmt::format("the text has over {} bytes", wire::kQualityTextBytesMax), "text");
  }
  return {};
}

Result<void> CheckVocabularies(const Model& one, const Model& other) {
  const llama::Vocabulary& a = one.vocabulary();
  const llama::Vocabulary& b = other.vocabulary();
  bool same = a.size() == b.size() && a.adds_beginning() == b.adds_beginning() &&
              a.beginning() == b.beginning();
  for (Token token = 0; same && token < a.size(); ++token)
    same = a.Piece(token, /*special=*/true) == b.Piece(token, /*special=*/true);
  if (same) return {};
  return Fail(Code::kInvalidArgument,
              "the models have different vocabularies, so their distributions cannot be compared; "
              "name quantisations of one model",
              "model", "other_vocabulary");
}

Result<std::vector<Token>> TokensOf(const Model& model, const wire::Measure& asked) {
  auto tokens = model.vocabulary().Tokenize(asked.text, /*parse_special=*/false,
                                            /*add_special=*/true);
  if (!tokens) return tokens;
  if (model.vocabulary().adds_end() && !tokens->empty()) tokens->pop_back();
  const size_t least = 2 * static_cast<size_t>(asked.context_tokens);
  if (tokens->size() < least) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the text has {} tokens, and windows of {} need {}; give a longer text "
                            "or a smaller --context",
                            tokens->size(), asked.context_tokens, least),
                "text", "text_too_short");
  }
  return tokens;
}

Result<std::unique_ptr<Context>> MakeContext(const Model& model, int32_t cells, int32_t rows,
                                             int32_t threads) {
  return Context::Create(model, {.cells = cells,
                                 .batch_rows = rows,
                                 .micro_rows = rows,
                                 .sequences = 1,
                                 .threads = threads,
                                 .threads_batch = threads});
}

// Both models over one text, window by window.
class Reading {
 public:
  Reading(const wire::Measure& asked, std::vector<Token> tokens)
      : asked_(asked), tokens_(std::move(tokens)) {}

  Result<void> Open(std::span<const Model* const> models) {
    for (const Model* model : models) {
      auto context = MakeContext(*model, asked_.context_tokens, kRows, asked_.threads);
      if (!context) return Fail(context.error());
      contexts_.push_back(std::move(*context));
    }
    surprise_.resize(models.size());
    const llama::Vocabulary& vocabulary = models.front()->vocabulary();
    if (vocabulary.adds_beginning()) beginning_ = vocabulary.beginning();
    return {};
  }

  int32_t windows() const {
    const auto all = static_cast<int32_t>(tokens_.size()) / asked_.context_tokens;
    return asked_.windows_max > 0 ? std::min(asked_.windows_max, all) : all;
  }

  Result<void> Run(Progress& progress) {
    for (int32_t window = 0; window < windows(); ++window) {
      for (auto& context : contexts_) context->Clear();
      for (int32_t from = 0; from < asked_.context_tokens; from += kRows) {
        const int32_t to = std::min(from + kRows, asked_.context_tokens);
        if (auto done = Block(window, from, to); !done) return done;
        progress.Add(static_cast<int64_t>(to - from) * static_cast<int64_t>(contexts_.size()));
      }
    }
    return {};
  }

  wire::Measured Figures() const {
    wire::Measured measured{.windows = windows(),
                            .tokens = static_cast<uint64_t>(surprise_.front().count()),
                            .threads = contexts_.front()->threads(),
                            .models = {}};
    for (size_t i = 0; i < contexts_.size(); ++i) {
      wire::TextQuality& quality = measured.models.emplace_back();
      quality.perplexity = llama::Perplexity(surprise_[i]);
      quality.perplexity_error = llama::PerplexityError(surprise_[i]);
      if (i == 0) continue;
      quality.divergence = divergence_.Mean();
      quality.divergence_error = divergence_.Error();
      quality.same_top = static_cast<double>(same_top_) / static_cast<double>(divergence_.count());
    }
    return measured;
  }

 private:
  Token At(int32_t window, int32_t position) const {
    if (position == 0 && beginning_ != llama::kNoToken) return beginning_;
    return tokens_[static_cast<size_t>(window) * static_cast<size_t>(asked_.context_tokens) +
                   static_cast<size_t>(position)];
  }

  // Positions [from, to) of a window. What a position predicts is the next, so the last one has
  // nothing to be held against.
  Result<void> Block(int32_t window, int32_t from, int32_t to) {
    const int32_t first = std::max(asked_.context_tokens / 2, from);
    const int32_t last = std::min(asked_.context_tokens - 1, to);
    std::vector<llama::Row> rows;
    for (int32_t position = from; position < to; ++position) {
      rows.push_back({.token = At(window, position),
                      .position = position,
                      .output = position >= first && position < last});
    }
    for (auto& context : contexts_)
      if (context->Decode(rows) != llama::DecodeOutcome::kOk) return Fail(NoStep());
    for (int32_t position = first; position < last; ++position)
      Score(position - from, At(window, position + 1));
    return {};
  }

  void Score(int32_t row, Token next) {
    for (size_t i = 0; i < contexts_.size(); ++i) {
      const auto logits = contexts_[i]->Logits(row);
      surprise_[i].Add(-static_cast<double>(llama::Logprob(logits, next)));
    }
    if (contexts_.size() < 2) return;
    const llama::Apart apart =
        llama::Compare(contexts_[0]->Logits(row), contexts_[1]->Logits(row), scratch_);
    divergence_.Add(apart.divergence);
    same_top_ += apart.same_top ? 1 : 0;
  }

  const wire::Measure& asked_;
  const std::vector<Token> tokens_;
  Token beginning_ = llama::kNoToken;
  std::vector<std::unique_ptr<Context>> contexts_ = {};
  std::vector<llama::Moments> surprise_ = {};
  llama::Moments divergence_ = {};
  int64_t same_top_ = 0;
  std::vector<float> scratch_ = {};
};

// The text's tokens, again from its start where it is short.
std::vector<llama::Row> Prompt(const std::vector<Token>& tokens, int32_t from, int32_t count) {
  std::vector<llama::Row> rows;
  for (int32_t position = from; position < from + count; ++position) {
    rows.push_back(
        {.token = tokens[static_cast<size_t>(position) % tokens.size()], .position = position});
  }
  rows.back().output = true;
  return rows;
}

double PerSecond(int32_t tokens, Duration time) {
  const double ms = Milliseconds(time);
  return ms > 0 ? tokens * 1000.0 / ms : 0;
}

Result<void> MeasureRates(const Model& model, const std::vector<Token>& tokens, int32_t threads,
                          wire::TextQuality& quality) {
  const int32_t trained = std::max(model.facts().context_tokens_trained, kDecodeAfter);
  const int32_t prompt = std::min(kPrefillTokens, trained);
  const int32_t cells = std::max(prompt, kDecodeAfter + kDecodeTokens);
  auto context = MakeContext(model, cells, kPrefillTokens, threads);
  if (!context) return Fail(context.error());
  const Clock& clock = SystemClock();
  for (int round = 0; round < kRounds; ++round) {
    (*context)->Clear();
    MonotonicTime start = clock.Now();
    if ((*context)->Decode(Prompt(tokens, 0, prompt)) != llama::DecodeOutcome::kOk)
      return Fail(NoStep());
    quality.prefill_tokens_per_s =
        std::max(quality.prefill_tokens_per_s, PerSecond(prompt, clock.Now() - start));
    (*context)->Clear();
    if ((*context)->Decode(Prompt(tokens, 0, kDecodeAfter)) != llama::DecodeOutcome::kOk)
      return Fail(NoStep());
    start = clock.Now();
    for (int32_t i = 0; i < kDecodeTokens; ++i) {
      if ((*context)->Decode(Prompt(tokens, kDecodeAfter + i, 1)) != llama::DecodeOutcome::kOk)
        return Fail(NoStep());
    }
    quality.decode_tokens_per_s =
        std::max(quality.decode_tokens_per_s, PerSecond(kDecodeTokens, clock.Now() - start));
  }
  return {};
}

bool HasNumbers(const wire::TextQuality& quality) {
  return std::isfinite(quality.perplexity) && std::isfinite(quality.divergence);
}

}  // namespace

Result<wire::Measured> MeasureQuality(std::span<const Model* const> models,
                                      const wire::Measure& asked,
                                      const std::function<void(float)>& on_progress) {
  if (auto good = CheckAsked(asked); !good) return Fail(good.error());
  for (const Model* model : models)
    if (auto good = CheckModel(*model, asked); !good) return Fail(good.error());
  if (models.size() > 1) {
    if (auto same = CheckVocabularies(*models[0], *models[1]); !same) return Fail(same.error());
  }
  auto tokens = TokensOf(*models.front(), asked);
  if (!tokens) return Fail(tokens.error());
  const size_t first_rated = asked.rates_of_all ? 0 : models.size() - 1;

  wire::Measured measured;
  const auto count = static_cast<int64_t>(models.size());
  std::optional<Reading> reading(std::in_place, asked, *tokens);
  const int64_t windows = reading->windows();
  Progress progress(on_progress, windows * asked.context_tokens * count +
                                     (count - static_cast<int64_t>(first_rated)) * kRateCost);
  if (auto opened = reading->Open(models); !opened) return Fail(opened.error());
  if (auto read = reading->Run(progress); !read) return Fail(read.error());
  measured = reading->Figures();
  reading.reset();  // its cells and logits are not needed any more
  if (!std::ranges::all_of(measured.models, HasNumbers)) {
    return Fail(Code::kUnprocessable,
                "the model gives no numbers for this text (NaN); its file is damaged, or its type "
                "does not suit it",
                "model", "no_numbers");
  }
  for (size_t i = first_rated; i < models.size(); ++i) {
    auto rated = MeasureRates(*models[i], *tokens, asked.threads, measured.models[i]);
    if (!rated) return Fail(rated.error());
    progress.Add(kRateCost);
  }
  return measured;
}

}  // namespace weir::engine
