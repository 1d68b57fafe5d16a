#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "dialects/openai/common_fields.h"

namespace weir::openai {
namespace {

constexpr int64_t kTokenIdMax = INT32_MAX;
constexpr size_t kBiasesMax = 1024;
constexpr int64_t kCountMax = 1'000'000;

void ReadFloat(json::Fields& fields, std::string_view key, double min, double max,
               std::optional<float>& out) {
  if (const auto number = fields.Number(key, min, max)) out = static_cast<float>(*number);
}

void ReadCount(json::Fields& fields, std::string_view key, int64_t min,
               std::optional<int32_t>& out) {
  if (const auto count = fields.Int(key, min, kCountMax)) out = static_cast<int32_t>(*count);
}

// -1 asks for a random one, as in llama-server. Wider seeds are folded, always the same way.
void ReadSeed(json::Fields& fields, std::optional<uint32_t>& out) {
  const auto seed = fields.Int("seed", INT64_MIN, INT64_MAX);
  if (!seed || *seed == -1) return;
  const auto bits = static_cast<uint64_t>(*seed);
  out = static_cast<uint32_t>(bits ^ bits >> 32);
}

std::optional<int32_t> TokenId(std::string_view text) {
  int32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  if (!whole || leading_zero || id < 0 || id > kTokenIdMax) return std::nullopt;
  return id;
}

void ReadLogitBias(json::Fields& fields, std::vector<std::pair<int32_t, float>>& out) {
  const json::Object* biases = fields.Map("logit_bias", kBiasesMax);
  if (biases == nullptr) return;
  for (const json::Member& member : *biases) {
    const std::optional<int32_t> token = TokenId(member.key);
    if (!token)
      return fields.Refuse("logit_bias",
                           "has a key that is not a token id (a whole number from 0)");
    const std::string at = fmt::format("logit_bias.{}", *token);
    const double* number = member.value.AsDouble();
    const int64_t* integer = member.value.AsInt();
    if (number == nullptr && integer == nullptr)
      return fields.Refuse(at, "must be a number from -100 to 100");
    const double bias = number != nullptr ? *number : static_cast<double>(*integer);
    if (!(bias >= -100 && bias <= 100))
      return fields.Refuse(at, "is out of range; it must be from -100 to 100");
    out.emplace_back(*token, static_cast<float>(bias));
  }
}

struct SamplerName {
  std::string_view name;
  char letter;
  void (*switch_off)(chat::Sampling& sampling);
};

// What a list of samplers leaves out is off. Their order is ours.
constexpr SamplerName kSamplers[] = {
    {"dry", 'd', [](chat::Sampling& s) { s.dry_multiplier = 0.0f; }},
    {"top_k", 'k', [](chat::Sampling& s) { s.top_k = 0; }},
    {"typ_p", 'y', [](chat::Sampling& s) { s.typical_p = 1.0f; }},
    {"top_p", 'p', [](chat::Sampling& s) { s.top_p = 1.0f; }},
    {"min_p", 'm', [](chat::Sampling& s) { s.min_p = 0.0f; }},
    {"xtc", 'x', [](chat::Sampling& s) { s.xtc_probability = 0.0f; }},
    {"temperature", 't', [](chat::Sampling& s) { s.temperature = 1.0f; }},
    {"penalties", 'e',
     [](chat::Sampling& s) {
       s.repeat_penalty = 1.0f;
       s.frequency_penalty = s.presence_penalty = 0.0f;
     }},
    // Chooses between going on and ending where both are likely; the model's own choice stands.
    {"infill", 'i', [](chat::Sampling&) {}},
};

// A list of names, or a text of a letter for each.
std::vector<std::string_view> SamplersListed(json::Fields& fields) {
  std::vector<std::string_view> listed;
  const json::Value* value = fields.Take("samplers");
  const auto add = [&](auto SamplerName::* member, const auto& said, const std::string& at) {
    const auto found = std::ranges::find(kSamplers, said, member);
    if (found == std::end(kSamplers)) return fields.Refuse(at, "is the name of no sampler here");
    listed.push_back(found->name);
  };
  if (const std::string* letters = value->AsString()) {
    for (const char letter : *letters) add(&SamplerName::letter, letter, "samplers");
    return listed;
  }
  const std::vector<std::string> names = fields.Strings("samplers", 64, 64);
  for (size_t i = 0; i < names.size(); ++i)
    add(&SamplerName::name, names[i], fmt::format("samplers[{}]", i));
  return listed;
}

void ReadSamplers(json::Fields& fields, chat::Sampling& sampling) {
  if (fields.Take("samplers") == nullptr) return;
  const std::vector<std::string_view> listed = SamplersListed(fields);
  for (const SamplerName& sampler : kSamplers) {
    if (std::ranges::find(listed, sampler.name) == listed.end()) sampler.switch_off(sampling);
  }
}

// Off is what everybody here does anyway.
void RefuseUnlessOff(json::Fields& fields, std::string_view key, std::string_view why) {
  const auto number = fields.Number(key, -1e9, 1e9);
  if (number && *number != 0) RefuseUnsupported(fields, key, why);
}

// Samplers of llama-server that are not here, which its clients send as what they are when off.
void RefuseOtherSamplers(json::Fields& fields) {
  RefuseUnlessOff(fields, "dynatemp_range", "the temperature does not vary");
  fields.Number("dynatemp_exponent", -1e9, 1e9);  // without effect while the range is 0
  RefuseUnlessOff(fields, "min_keep", "samplers keep what they keep");
  const auto sigma = fields.Number("top_n_sigma", -1e9, 1e9);
  if (sigma && *sigma > 0) RefuseUnsupported(fields, "top_n_sigma", "there is no such sampler");
}

}  // namespace

void ReadSampling(json::Fields& fields, chat::Sampling& sampling) {
  ReadFloat(fields, "temperature", 0, 2, sampling.temperature);
  ReadFloat(fields, "top_p", 0, 1, sampling.top_p);
  ReadFloat(fields, "min_p", 0, 1, sampling.min_p);
  ReadFloat(fields, "typical_p", 0, 1, sampling.typical_p);
  ReadFloat(fields, "presence_penalty", -2, 2, sampling.presence_penalty);
  ReadFloat(fields, "frequency_penalty", -2, 2, sampling.frequency_penalty);
  ReadFloat(fields, "repeat_penalty", 0, 10, sampling.repeat_penalty);
  ReadFloat(fields, "repetition_penalty", 0, 10,
            sampling.repeat_penalty);  // vLLM's name of the same
  ReadCount(fields, "repeat_last_n", -1, sampling.penalty_last_n);
  ReadCount(fields, "top_k", -1, sampling.top_k);
  if (sampling.top_k == -1) sampling.top_k = 0;  // vLLM writes "off" so
  ReadFloat(fields, "dry_multiplier", 0, 100, sampling.dry_multiplier);
  ReadFloat(fields, "dry_base", 0, 100, sampling.dry_base);
  ReadCount(fields, "dry_allowed_length", 0, sampling.dry_allowed_length);
  ReadCount(fields, "dry_penalty_last_n", -1, sampling.dry_penalty_last_n);
  sampling.dry_sequence_breakers = fields.Strings("dry_sequence_breakers", 64, 64);
  ReadFloat(fields, "xtc_probability", 0, 1, sampling.xtc_probability);
  ReadFloat(fields, "xtc_threshold", 0, 1, sampling.xtc_threshold);
  if (const auto version = fields.Int("mirostat", 0, 2))
    sampling.mirostat = static_cast<int32_t>(*version);
  ReadFloat(fields, "mirostat_tau", 0, 100, sampling.mirostat_tau);
  ReadFloat(fields, "mirostat_eta", 0, 1, sampling.mirostat_eta);
  ReadSeed(fields, sampling.seed);
  ReadLogitBias(fields, sampling.logit_bias);
  sampling.ignore_eos = fields.Bool("ignore_eos").value_or(false);
  ReadSamplers(fields, sampling);
  RefuseOtherSamplers(fields);
}

}  // namespace weir::openai
