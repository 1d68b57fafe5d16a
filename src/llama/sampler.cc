#include "llama/sampler.h"

#include <fmt/format.h>
#include <llama.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <unordered_map>

#include "base/check.h"
#include "llama/encoded_image.h"
#include "llama/grammar_gate.h"
#include "llama/truncation.h"

namespace weir::llama {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

Result<void> InRange(std::string_view field, double value, double least, double most) {
  if (std::isfinite(value) && value >= least && value <= most) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("{} must be between {} and {}", field, least, most), std::string(field));
}

template <class T>
Result<void> InRange(std::string_view field, const std::optional<T>& value, double least,
                     double most) {
  return value ? InRange(field, static_cast<double>(*value), least, most) : Result<void>{};
}

// Seeds of forks must differ and must not follow one another.
uint32_t ForkSeed(uint32_t seed, uint32_t fork) {
  if (fork == 0) return seed;
  uint64_t z = (static_cast<uint64_t>(seed) << 32 | fork) + 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<uint32_t>(z ^ (z >> 31));
}

struct SamplerDeleter {
  void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
};
using LlamaSampler = std::unique_ptr<llama_sampler, SamplerDeleter>;

Truncation TruncationOf(const chat::Sampling& sampling) {
  Truncation t;
  t.temperature = sampling.temperature.value_or(t.temperature);
  t.top_k = std::max(0, sampling.top_k.value_or(t.top_k));
  t.typical_p = sampling.typical_p.value_or(t.typical_p);
  t.top_p = sampling.top_p.value_or(t.top_p);
  t.min_p = sampling.min_p.value_or(t.min_p);
  t.xtc_probability = sampling.xtc_probability.value_or(t.xtc_probability);
  t.xtc_threshold = sampling.xtc_threshold.value_or(t.xtc_threshold);
  t.mirostat = sampling.mirostat.value_or(t.mirostat);
  t.mirostat_tau = sampling.mirostat_tau.value_or(t.mirostat_tau);
  t.mirostat_eta = sampling.mirostat_eta.value_or(t.mirostat_eta);
  return t;
}

// The last tokens, and how often each occurs among them.
class Recent {
 public:
  explicit Recent(size_t most) : most_(most) {}
  void Add(Token token) {
    if (most_ == 0) return;
    tokens_.push_back(token);
    ++counts_[token];
    if (tokens_.size() <= most_) return;
    if (auto it = counts_.find(tokens_.front()); --it->second == 0) counts_.erase(it);
    tokens_.pop_front();
  }
  const std::unordered_map<Token, int>& counts() const { return counts_; }

 private:
  size_t most_;
  std::deque<Token> tokens_ = {};
  std::unordered_map<Token, int> counts_ = {};
};

}  // namespace

Result<void> CheckSampling(const chat::Sampling& s, int32_t vocabulary_size) {
  for (const Result<void>& result :
       {InRange("temperature", s.temperature, 0, 100), InRange("top_k", s.top_k, 0, 1e9),
        InRange("top_p", s.top_p, 0, 1), InRange("min_p", s.min_p, 0, 1),
        InRange("typical_p", s.typical_p, 0, 1),
        InRange("repeat_penalty", s.repeat_penalty, 0.01, 100),
        InRange("frequency_penalty", s.frequency_penalty, -100, 100),
        InRange("presence_penalty", s.presence_penalty, -100, 100),
        InRange("penalty_last_n", s.penalty_last_n, -1, kPenaltyTokensMax),
        InRange("dry_multiplier", s.dry_multiplier, 0, 100),
        InRange("dry_base", s.dry_base, 0, 100),
        InRange("dry_allowed_length", s.dry_allowed_length, 0, kPenaltyTokensMax),
        InRange("dry_penalty_last_n", s.dry_penalty_last_n, -1, kPenaltyTokensMax),
        InRange("xtc_probability", s.xtc_probability, 0, 1),
        InRange("xtc_threshold", s.xtc_threshold, 0, 1), InRange("mirostat", s.mirostat, 0, 2),
        InRange("mirostat_tau", s.mirostat_tau, 0, 100),
        InRange("mirostat_eta", s.mirostat_eta, 0, 10)}) {
    if (!result) return result;
  }
  if (s.logit_bias.size() > kLogitBiasMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("logit_bias has over {} entries", kLogitBiasMax), "logit_bias");
  }
  for (const auto& [token, bias] : s.logit_bias) {
    if (token < 0 || token >= vocabulary_size) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("logit_bias names token {}, but this model's tokens are 0 to {}",
                              token, vocabulary_size - 1),
                  "logit_bias");
    }
    if (!(bias >= -100 && bias <= 100)) {
      return Fail(Code::kInvalidArgument, "a bias must be between -100 and 100", "logit_bias");
    }
  }
  if (s.dry_sequence_breakers.size() > kDryBreakersMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("there are over {} sequence breakers", kDryBreakersMax),
                "dry_sequence_breakers");
  }
  for (const std::string& breaker : s.dry_sequence_breakers) {
    if (breaker.empty() || breaker.size() > kDryBreakerBytesMax ||
        breaker.find('\0') != std::string::npos) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("a sequence breaker has 1 to {} bytes", kDryBreakerBytesMax),
                  "dry_sequence_breakers");
    }
  }
  return {};
}

struct Sampler::State {
  State(const Model& owner, const chat::Sampling& settings, uint32_t seed)
      : model(owner),
        sampling(settings),
        draw(TruncationOf(settings), seed),
        recent(RecentTokens(settings)) {}

  static size_t RecentTokens(const chat::Sampling& s) {
    const bool off = s.repeat_penalty.value_or(1) == 1 && s.frequency_penalty.value_or(0) == 0 &&
                     s.presence_penalty.value_or(0) == 0;
    if (off) return 0;
    const int32_t last = s.penalty_last_n.value_or(64);
    return static_cast<size_t>(last < 0 ? kPenaltyTokensMax : last);
  }

  void MakeBiases();
  void MakeDry();
  std::span<const float> Adjusted(std::span<const float> logits);
  void Penalise();
  void ApplyDry();
  Result<Token> DrawAllowed(std::span<const float> logits);
  Result<Token> DrawMasked(std::span<const float> logits);

  const Model& model;
  chat::Sampling sampling;
  Draw draw;
  Recent recent;
  LlamaSampler dry;
  std::unique_ptr<GrammarGate> gate;
  std::vector<std::pair<Token, float>> biases;
  std::deque<Token> forced;
  std::vector<float> adjusted;
  std::vector<llama_token_data> dry_data;
};

void Sampler::State::MakeBiases() {
  for (const auto& [token, bias] : sampling.logit_bias) {
    biases.push_back({token, bias <= -100 ? kForbidden : bias});
  }
  if (sampling.ignore_eos) {
    for (const Token token : model.vocabulary().end_tokens()) biases.push_back({token, kForbidden});
  }
  int32_t count = 0;
  const llama_token* never = llama_vocab_get_suppress_tokens(model.vocabulary().raw(), &count);
  for (int32_t i = 0; i < count; ++i) biases.push_back({never[i], kForbidden});
}

void Sampler::State::MakeDry() {
  if (sampling.dry_multiplier.value_or(0) <= 0) return;
  std::vector<std::string> breakers = sampling.dry_sequence_breakers;
  if (breakers.empty()) breakers = {"\n", ":", "\"", "*"};
  std::vector<const char*> texts;
  for (const std::string& breaker : breakers) texts.push_back(breaker.c_str());
  const int32_t last = sampling.dry_penalty_last_n.value_or(-1);
  dry.reset(llama_sampler_init_dry(
      model.vocabulary().raw(), *sampling.dry_multiplier, sampling.dry_base.value_or(1.75f),
      sampling.dry_allowed_length.value_or(2), last < 0 ? kPenaltyTokensMax : last, texts.data(),
      texts.size()));
}

// The logits themselves when nothing changes them, which spares a copy.
std::span<const float> Sampler::State::Adjusted(std::span<const float> logits) {
  if (biases.empty() && recent.counts().empty() && dry == nullptr) return logits;
  adjusted.assign(logits.begin(), logits.end());
  for (const auto& [token, bias] : biases) adjusted[static_cast<size_t>(token)] += bias;
  Penalise();
  if (dry != nullptr) ApplyDry();
  return adjusted;
}

void Sampler::State::Penalise() {
  const float repeat = sampling.repeat_penalty.value_or(1);
  const float frequency = sampling.frequency_penalty.value_or(0);
  const float presence = sampling.presence_penalty.value_or(0);
  for (const auto& [token, count] : recent.counts()) {
    float& logit = adjusted[static_cast<size_t>(token)];
    logit = logit <= 0 ? logit * repeat : logit / repeat;
    logit -= static_cast<float>(count) * frequency + presence;
  }
}

void Sampler::State::ApplyDry() {
  dry_data.resize(adjusted.size());
  for (size_t i = 0; i < adjusted.size(); ++i) {
    dry_data[i] = {static_cast<Token>(i), adjusted[i], 0.0f};
  }
  llama_token_data_array array = {dry_data.data(), dry_data.size(), -1, false};
  llama_sampler_apply(dry.get(), &array);
  for (size_t i = 0; i < array.size; ++i) {
    adjusted[static_cast<size_t>(array.data[i].id)] = array.data[i].logit;
  }
}

Result<Token> Sampler::State::DrawAllowed(std::span<const float> logits) {
  const std::span<const float> view = Adjusted(logits);
  const Token token = draw.From(view);
  if (token < 0) {
    return Fail(Code::kUnprocessable, "the settings of this answer allow no token", {},
                "no_token_allowed");
  }
  if (gate == nullptr || !gate->active() || gate->Allows(token)) return token;
  return DrawMasked(view);
}

// The likeliest tokens first, in growing numbers, until those that remain could not be drawn.
Result<Token> Sampler::State::DrawMasked(std::span<const float> logits) {
  constexpr float kNegligible = 20;  // e^-20 of the likeliest one
  const Truncation t = TruncationOf(sampling);
  const size_t wanted = t.temperature <= 0 ? 1
                        : t.top_k > 0      ? static_cast<size_t>(t.top_k)
                                           : logits.size();
  std::vector<float> masked(logits.size(), kForbidden);
  std::vector<Ranked> ranked;
  std::vector<Token> tokens;
  std::vector<bool> allowed;
  size_t found = 0;
  size_t done = 0;
  float best = 0;
  for (size_t count = 128;; count *= 16) {
    SelectTop(logits, count, ranked);
    tokens.clear();
    for (size_t i = done; i < ranked.size(); ++i) tokens.push_back(ranked[i].token);
    if (!tokens.empty()) gate->Allowed(tokens, allowed);
    for (size_t i = done; i < ranked.size(); ++i) {
      if (!allowed[i - done]) continue;
      if (found++ == 0) best = ranked[i].logit;
      masked[static_cast<size_t>(ranked[i].token)] = ranked[i].logit;
    }
    done = ranked.size();
    if (ranked.size() < count || found >= wanted) break;
    if (found > 0 && ranked.back().logit < best - kNegligible) break;
  }
  const Token token = draw.From(masked);
  if (token < 0) {
    return Fail(Code::kUnprocessable, "the grammar of this answer allows no way on", {},
                "grammar_dead_end");
  }
  return token;
}

Sampler::Sampler(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sampler::~Sampler() = default;

Result<std::unique_ptr<Sampler>> Sampler::Create(const Model& model, const chat::Sampling& sampling,
                                                 const Grammar* grammar, uint32_t random_seed) {
  if (auto checked = CheckSampling(sampling, model.vocabulary().size()); !checked) {
    return Fail(checked.error());
  }
  auto state = std::make_unique<State>(model, sampling, sampling.seed.value_or(random_seed));
  if (grammar != nullptr) {
    auto gate = GrammarGate::Create(model.vocabulary(), *grammar);
    if (!gate) return Fail(gate.error());
    state->gate = std::move(*gate);
  }
  state->MakeBiases();
  state->MakeDry();
  return std::unique_ptr<Sampler>(new Sampler(std::move(state)));
}

std::unique_ptr<Sampler> Sampler::Clone(uint32_t fork) const {
  auto state = std::make_unique<State>(state_->model, state_->sampling, seed());
  state->draw = state_->draw;
  if (fork != 0) state->draw.Reseed(ForkSeed(seed(), fork));
  state->recent = state_->recent;
  if (state_->dry != nullptr) state->dry.reset(llama_sampler_clone(state_->dry.get()));
  if (state_->gate != nullptr) state->gate = state_->gate->Clone();
  state->biases = state_->biases;
  state->forced = state_->forced;
  return std::unique_ptr<Sampler>(new Sampler(std::move(state)));
}

void Sampler::ReadPrompt(std::span<const Token> prompt) {
  const size_t most = static_cast<size_t>(kPenaltyTokensMax);
  for (const Token token : prompt.last(std::min(prompt.size(), most))) {
    if (IsImageRow(token)) continue;
    state_->recent.Add(token);
    if (state_->dry != nullptr) llama_sampler_accept(state_->dry.get(), token);
  }
}

Result<Token> Sampler::Next(std::span<const float> logits) {
  State& state = *state_;
  CHECK(logits.size() == static_cast<size_t>(state.model.vocabulary().size()),
        "logits of the whole vocabulary");
  Token token = kNoToken;
  if (!state.forced.empty()) {
    token = state.forced.front();
    state.forced.pop_front();
  } else {
    auto drawn = state.DrawAllowed(logits);
    if (!drawn) return drawn;
    token = *drawn;
  }
  if (state.gate != nullptr) {
    if (auto accepted = state.gate->Accept(token); !accepted) return Fail(accepted.error());
  }
  state.recent.Add(token);
  if (state.dry != nullptr) llama_sampler_accept(state.dry.get(), token);
  return token;
}

void Sampler::Force(std::span<const Token> tokens) {
  state_->forced.insert(state_->forced.end(), tokens.begin(), tokens.end());
}

uint32_t Sampler::seed() const { return state_->draw.seed(); }

}  // namespace weir::llama
