#include "llama/embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"
#include "llama/chat_template.h"
#include "llama/completion_prompt.h"
#include "llama/rank_prompt.h"
#include "wire/engine_defaults.h"

namespace weir::llama {
namespace {

// Of a model that generates beside it: its second context takes so many cells, and logits of so
// many rows for the whole vocabulary, twice.
constexpr int32_t kGenerativeInputTokensMax = 2048;
constexpr int32_t kGenerativeStepRows = 128;
// Attention of a step looks at every row of it, also at other inputs' rows, which are masked: with
// many rows most of the work is thrown away, with few the matrices are too small. Measured with
// all-minilm:l6 and sentences of 35 tokens: 147, 162, 168, 163, 114 inputs/s at 96, 192, 320, 512,
// 2,048 rows.
constexpr int32_t kStepRows = 320;
// Inputs that share a step; each is a sequence of its own.
constexpr size_t kStepInputsMax = 64;

Error Stopped() { return {Code::kCancelled, "the request was cancelled"}; }
Error NotComputed() {
  return {Code::kBackendFailed, "the engine could not compute the embeddings"};
}

// Qwen3's rerankers: the chances of "yes" and "no", already a softmax (build_pooling of libllama).
bool GivesChances(const ModelFacts& facts) {
  return facts.rank_outputs == 2 && facts.architecture.starts_with("qwen3");
}

// From 0 to 1, as Jina's and Cohere's scores are; the others' heads give a logit.
float RankOf(const ModelFacts& facts, std::span<const float> outputs) {
  return GivesChances(facts) ? outputs[0] : 1 / (1 + std::exp(-outputs[0]));
}

void Normalise(std::span<float> vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (!(sum > 0)) return;
  const auto scale = static_cast<float>(1 / std::sqrt(sum));
  for (float& x : vector) x *= scale;
}

}  // namespace

Result<std::unique_ptr<Embedder>> Embedder::Create(const Model& model,
                                                   const EmbedderSettings& settings) {
  const ModelFacts& facts = model.facts();
  const bool generates = facts.pooling == Pooling::kNone;
  const bool ranks = facts.pooling == Pooling::kRank;
  if (ranks && facts.rank_outputs != 1 && !GivesChances(facts)) {
    return Fail(Code::kUnprocessable,
                fmt::format("this model sorts texts into {} classes; it is no reranker",
                            facts.rank_outputs),
                "model", "embeddings_unsupported");
  }
  if (generates && (facts.has_encoder || !facts.causal)) {
    return Fail(Code::kUnprocessable, "this model makes no embeddings", "model",
                "embeddings_unsupported");
  }
  const int32_t trained = std::max(1, facts.context_tokens_trained);
  const int32_t wanted = settings.input_tokens_max > 0 ? settings.input_tokens_max : trained;
  const int32_t longest =
      std::min({wanted, trained, generates ? kGenerativeInputTokensMax : wire::kEmbedTokensMax});
  // libllama keeps logits of all rows of a generative model's step, though nobody reads them here.
  const int32_t step_rows = generates ? kGenerativeStepRows : kStepRows;
  ContextSettings context_settings;
  context_settings.cells = std::max(step_rows, longest);
  // A sequence must fit into one micro batch when attention looks both ways.
  context_settings.batch_rows = generates ? step_rows : context_settings.cells;
  context_settings.micro_rows = context_settings.batch_rows;
  context_settings.sequences = static_cast<int32_t>(kStepInputsMax);
  context_settings.threads = settings.threads;
  context_settings.threads_batch = settings.threads;
  context_settings.embeddings = true;
  std::unique_ptr<Embedder> embedder(new Embedder(model, context_settings, longest, step_rows));
  if (!settings.on_first_use) {
    if (auto made = embedder->MakeContext(); !made) return Fail(made.error());
  }
  return embedder;
}

Embedder::Embedder(const Model& model, ContextSettings settings, int32_t input_tokens_max,
                   int32_t step_rows)
    : model_(model),
      settings_(settings),
      size_(model.facts().pooling == Pooling::kRank ? 1 : model.facts().embedding_size),
      input_tokens_max_(input_tokens_max),
      step_rows_(step_rows),
      mean_(model.facts().pooling == Pooling::kNone),
      ranks_(model.facts().pooling == Pooling::kRank) {}

Result<void> Embedder::MakeContext() {
  auto context = Context::Create(model_, settings_);
  if (!context) return Fail(context.error());
  context_ = std::move(*context);
  return {};
}

Result<void> Embedder::CheckMayFit(std::string_view text) const {
  const size_t longest = model_.vocabulary().piece_bytes_max();
  if (longest > 0 && text.size() / longest > static_cast<size_t>(input_tokens_max_)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("an input has at least {} tokens; this model takes at most {}",
                            text.size() / longest, input_tokens_max_),
                "input", "context_length_exceeded");
  }
  return {};
}

// What can be of use of a text that is cut: no token stands for more bytes than the longest.
std::string_view Embedder::Readable(std::string_view text) const {
  const size_t longest = model_.vocabulary().piece_bytes_max();
  const size_t most = longest * static_cast<size_t>(input_tokens_max_);
  if (longest == 0 || text.size() <= most) return text;
  return text.substr(0, CompleteUtf8Prefix(text.substr(0, most)));
}

// What the model wants at the end of a text stays there.
void Embedder::Cut(std::vector<Token>& tokens, int32_t most) const {
  const auto size = static_cast<size_t>(std::min(most, input_tokens_max_));
  if (tokens.size() <= size) return;
  const Token last = tokens.back();
  tokens.resize(size);
  if (model_.vocabulary().IsControl(last)) tokens.back() = last;
}

Result<std::vector<Token>> Embedder::Prepare(std::string_view text,
                                             std::optional<int32_t> cut_to) const {
  CHECK(!ranks_, "a model that ranks takes pairs");
  if (cut_to) text = Readable(text);
  if (auto may = CheckMayFit(text); !may) return Fail(may.error());
  if (text.empty()) return Fail(Code::kInvalidArgument, "an input is empty", "input");
  // Tokenised with the model's own beginning and separator; user-defined tokens of an embedding
  // model are words, not controls. Those of a generative one may be controls.
  auto tokens = mean_ ? CompletionTokens(model_.vocabulary(), {.text = std::string(text)})
                      : model_.vocabulary().Tokenize(text, /*parse_special=*/false,
                                                     /*add_special=*/true);
  if (tokens && cut_to) Cut(*tokens, *cut_to);
  return Checked(std::move(tokens));
}

Result<std::vector<Token>> Embedder::PreparePair(std::string_view query, std::string_view document,
                                                 std::optional<int32_t> cut_to) const {
  CHECK(ranks_, "a model that embeds takes texts");
  if (cut_to) document = Readable(document);
  for (const std::string_view text : {query, document}) {
    if (auto may = CheckMayFit(text); !may) return Fail(may.error());
    if (text.empty()) return Fail(Code::kInvalidArgument, "an input is empty", "input");
  }
  if (!cut_to) return Checked(RankPrompt(model_, query, document));
  const auto around = Checked(RankPrompt(model_, query, {}));
  if (!around) return around;
  const int32_t room = input_tokens_max_ - static_cast<int32_t>(around->size());
  if (room < 1) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the query leaves no room for a document; this model takes at most {} "
                            "tokens",
                            input_tokens_max_),
                "input", "context_length_exceeded");
  }
  return Checked(RankPrompt(model_, query, document, std::min(*cut_to, room)));
}

// As an input of the model, which has to fit.
Result<std::vector<Token>> Embedder::Checked(Result<std::vector<Token>> tokens) const {
  if (!tokens) return tokens;
  if (tokens->empty()) {
    return Fail(Code::kInvalidArgument, "an input is empty", "input");
  }
  if (tokens->size() > static_cast<size_t>(input_tokens_max_)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("an input has {} tokens; this model takes at most {}", tokens->size(),
                            input_tokens_max_),
                "input", "context_length_exceeded");
  }
  return tokens;
}

Result<std::vector<std::vector<float>>> Embedder::Embed(std::span<const std::vector<Token>> inputs,
                                                        const std::function<bool()>& stop) {
  if (context_ == nullptr) {
    if (auto made = MakeContext(); !made) return Fail(made.error());
  }
  std::vector<std::vector<float>> vectors(inputs.size());
  size_t first = 0;
  while (first < inputs.size()) {
    const Result<size_t> count = CountTogether(inputs, first);
    if (!count) return Fail(count.error());
    if (auto filled = Fill(inputs.subspan(first, *count)); !filled) return Fail(filled.error());
    const auto together = std::span(vectors).subspan(first, *count);
    if (!mean_ && stop && stop()) return Fail(Stopped());
    const Result<void> done = mean_ ? EmbedMean(together, stop) : EmbedPooled(together);
    if (!done) return Fail(done.error());
    for (std::vector<float>& vector : together) {
      if (!ranks_) Normalise(vector);
    }
    first += *count;
  }
  return vectors;
}

Result<size_t> Embedder::CountTogether(std::span<const std::vector<Token>> inputs,
                                       size_t first) const {
  size_t count = 0;
  size_t rows = 0;
  while (first + count < inputs.size() && count < kStepInputsMax) {
    const size_t tokens = inputs[first + count].size();
    if (tokens == 0 || tokens > static_cast<size_t>(input_tokens_max_)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("an input has 1 to {} tokens", input_tokens_max_), "input",
                  "context_length_exceeded");
    }
    if (count > 0 && rows + tokens > static_cast<size_t>(step_rows_)) break;
    rows += tokens;
    ++count;
  }
  return count;
}

Result<void> Embedder::Fill(std::span<const std::vector<Token>> inputs) {
  rows_.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    int32_t position = 0;
    for (const Token token : inputs[i]) {
      if (!model_.vocabulary().Contains(token)) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("an input holds token {}, but this model's tokens are 0 to {}",
                                token, model_.vocabulary().size() - 1),
                    "input");
      }
      rows_.push_back({.token = token,
                       .position = position++,
                       .sequence = static_cast<int32_t>(i),
                       .output = true});
    }
  }
  return {};
}

Result<void> Embedder::EmbedPooled(std::span<std::vector<float>> vectors) {
  context_->Clear();
  if (context_->Decode(rows_) != DecodeOutcome::kOk) return Fail(NotComputed());
  for (size_t i = 0; i < vectors.size(); ++i) {
    const std::span<const float> raw = context_->SequenceEmbedding(static_cast<int32_t>(i));
    if (raw.empty()) return Fail(Code::kBackendFailed, "the model gave no pooled vector");
    if (ranks_) {
      vectors[i].assign(1, RankOf(model_.facts(), raw));
    } else {
      vectors[i].assign(raw.begin(), raw.end());
    }
  }
  return {};
}

// libllama's own mean would be over the rows of one step alone.
Result<void> Embedder::EmbedMean(std::span<std::vector<float>> vectors,
                                 const std::function<bool()>& stop) {
  std::vector<std::vector<double>> sums(vectors.size(),
                                        std::vector<double>(static_cast<size_t>(size_), 0.0));
  const auto step_rows = static_cast<size_t>(context_->batch_rows());
  context_->Clear();
  for (size_t first = 0; first < rows_.size(); first += step_rows) {
    if (stop && stop()) return Fail(Stopped());
    const auto rows = std::span(rows_).subspan(first, std::min(step_rows, rows_.size() - first));
    if (context_->Decode(rows) != DecodeOutcome::kOk) return Fail(NotComputed());
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::span<const float> raw = context_->RowEmbedding(static_cast<int32_t>(i));
      if (raw.empty()) return Fail(Code::kBackendFailed, "the model gave no vector of a token");
      std::vector<double>& sum = sums[static_cast<size_t>(rows[i].sequence)];
      for (size_t k = 0; k < sum.size(); ++k) sum[k] += static_cast<double>(raw[k]);
    }
  }
  // The direction is what counts: the vectors get unit length.
  for (size_t i = 0; i < vectors.size(); ++i) vectors[i].assign(sums[i].begin(), sums[i].end());
  return {};
}

std::vector<float> Shortened(std::span<const float> vector, int32_t dimensions) {
  CHECK(dimensions > 0 && static_cast<size_t>(dimensions) <= vector.size(),
        "fewer dimensions than the vector has");
  std::vector<float> shorter(vector.begin(), vector.begin() + dimensions);
  Normalise(shorter);
  return shorter;
}

}  // namespace weir::llama
