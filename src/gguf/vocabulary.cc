#include "gguf/vocabulary.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string_view>
#include <vector>

namespace weir::gguf {
namespace {

constexpr int64_t kTypeLast = 6;
constexpr int64_t kTypeByte = 6;
constexpr uint64_t kShortTextMax = 256;  // of names

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr std::string_view kScores = "tokenizer.ggml.scores";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";

// Texts by which llama.cpp recognises fill-in-the-middle tokens when the keys are missing.
constexpr std::array<std::string_view, 8> kPrefixTexts = {
    "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",    "<｜fim▁begin｜>",
    "<PRE>",          "▁<PRE>",       "<|code_prefix|>", "<|prefix|>"};
constexpr std::array<std::string_view, 8> kSuffixTexts = {
    "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>",    "<｜fim▁hole｜>",
    "<SUF>",          "▁<SUF>",       "<|code_suffix|>", "<|suffix|>"};
constexpr std::array<std::string_view, 8> kMiddleTexts = {
    "<|fim_middle|>", "<fim-middle>", "<fim_middle>",    "<｜fim▁end｜>",
    "<MID>",          "▁<MID>",       "<|code_middle|>", "<|middle|>"};

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "<0xAB>". llama.cpp cuts out two characters and converts them: "<0x-1>" once wrote before a
// buffer.
bool IsByteToken(std::string_view text) {
  return text.size() == 6 && text.starts_with("<0x") && text.ends_with('>') &&
         IsHexDigit(text[3]) && IsHexDigit(text[4]);
}

Result<std::optional<Array>> CountedArray(const Metadata& metadata, std::string_view key,
                                          uint64_t count) {
  auto array = metadata.ArrayOf(key);
  if (array && array->has_value() && (*array)->count != count) {
    return Malformed(
        "gguf_token_count",
        fmt::format("key {} has {} elements for {} tokens", key, (*array)->count, count), key);
  }
  return array;
}

// Indexes of the tokens that stand for one byte, ascending.
Result<std::vector<uint64_t>> ReadTypes(Source& source, const Metadata& metadata, uint64_t count) {
  std::vector<uint64_t> bytes;
  auto types = CountedArray(metadata, kTypes, count);
  if (!types) return Fail(types.error());
  if (!types->has_value()) return bytes;
  if ((*types)->type != ValueType::kI32 && (*types)->type != ValueType::kU32) {
    return Malformed("gguf_key_type", "token types are not 32-bit numbers", kTypes);
  }
  auto walked =
      WalkIntegers(source, **types, kTypes, [&](uint64_t i, int64_t type) -> Result<void> {
        if (type < 0 || type > kTypeLast) {
          return Malformed("gguf_token_type",
                           fmt::format("token {} has the unknown type {}", i, type), kTypes);
        }
        if (type == kTypeByte) bytes.push_back(i);
        return {};
      });
  if (!walked) return Fail(walked.error());
  return bytes;
}

Result<void> CheckScores(Source& source, const Metadata& metadata, uint64_t count) {
  auto scores = CountedArray(metadata, kScores, count);
  if (!scores) return Fail(scores.error());
  if (!scores->has_value() || (*scores)->type == ValueType::kI32) return {};
  if ((*scores)->type != ValueType::kF32) {
    return Malformed("gguf_key_type", "token scores are not 32-bit numbers", kScores);
  }
  if (auto sought = source.Seek((*scores)->position); !sought) return sought;
  for (uint64_t i = 0; i < count; ++i) {
    auto score = source.Number<float>();
    if (!score) return Fail(score.error());
    if (std::isnan(*score)) {
      return Malformed("gguf_token_score", fmt::format("the score of token {} is not a number", i),
                       kScores);
    }
  }
  return {};
}

void NoteFim(std::string_view text, uint32_t id, SpecialTokens& special) {
  if (!text.starts_with('<') && !text.starts_with("▁<")) return;
  const auto note = [&](const auto& texts, std::optional<uint32_t>& slot) {
    if (!slot && std::ranges::find(texts, text) != texts.end()) slot = id;
  };
  note(kPrefixTexts, special.fim_prefix);
  note(kSuffixTexts, special.fim_suffix);
  note(kMiddleTexts, special.fim_middle);
}

// llama.cpp asserts that no two tokens have one text. Hashes are enough to refuse: a collision of
// 64 bits by chance is rarer than a broken disk.
Result<void> CheckUnique(std::vector<uint64_t>& hashes) {
  std::ranges::sort(hashes);
  if (std::ranges::adjacent_find(hashes) != hashes.end()) {
    return Malformed("gguf_token_duplicate", "two tokens have the same text", kTokens);
  }
  return {};
}

uint64_t HashOf(uint64_t id, std::string_view text) {
  constexpr std::hash<std::string_view> kHash;
  // llama.cpp names empty tokens after their index.
  return text.empty() ? kHash(fmt::format("[EMPTY_{}]", id)) : kHash(text);
}

Result<void> ReadTokens(Source& source, const Array& tokens, const std::vector<uint64_t>& bytes,
                        Tokenizer& out) {
  std::vector<uint64_t> hashes;
  hashes.reserve(static_cast<size_t>(tokens.count));
  auto next_byte = bytes.begin();
  auto walked = WalkStrings(
      source, tokens, kTokenBytesMax, kTokens,
      [&](uint64_t i, std::string_view text) -> Result<void> {
        if (next_byte != bytes.end() && *next_byte == i) {
          ++next_byte;
          if (!IsByteToken(text)) {
            return Malformed(
                "gguf_byte_token",
                fmt::format("token {} stands for a byte but is {}, not <0x00> to <0xFF>", i,
                            Printable(text)),
                kTokens);
          }
        }
        hashes.push_back(HashOf(i, text));
        out.longest_token_bytes =
            std::max(out.longest_token_bytes, static_cast<uint32_t>(text.size()));
        NoteFim(text, static_cast<uint32_t>(i), out.special);
        return {};
      });
  if (!walked) return walked;
  return CheckUnique(hashes);
}

Result<void> CheckMerges(Source& source, const Metadata& metadata, Tokenizer& out) {
  auto merges = metadata.ArrayOf(kMerges);
  if (!merges) return Fail(merges.error());
  if (!merges->has_value()) return {};
  out.merges = (*merges)->count;
  if (out.merges > kMergesMax) {
    return Malformed("gguf_merges",
                     fmt::format("{} merges; at most {} are allowed", out.merges, kMergesMax),
                     kMerges);
  }
  return WalkStrings(
      source, **merges, kMergeBytesMax, kMerges,
      [](uint64_t i, std::string_view text) -> Result<void> {
        const size_t space = text.find(' ', 1);
        if (text.empty() || space == std::string_view::npos || space + 1 == text.size()) {
          return Malformed("gguf_merges",
                           fmt::format("merge {} is not two pieces with a space between", i),
                           kMerges);
        }
        return {};
      });
}

// A padding id beyond the vocabulary is common in real files; llama.cpp ignores it and so does
// this.
Result<void> ReadSpecialId(const Metadata& metadata, std::string_view name, uint32_t tokens,
                           std::optional<uint32_t>& slot) {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
  auto id = metadata.Unsigned(key, UINT32_MAX);
  if (!id) return Fail(id.error());
  if (!id->has_value()) return {};
  if (**id >= tokens) {
    if (name == "padding") return {};
    return Malformed("gguf_special_token",
                     fmt::format("key {} is {}, but there are {} tokens", key, **id, tokens), key);
  }
  slot = static_cast<uint32_t>(**id);
  return {};
}

Result<void> ReadSpecial(const Metadata& metadata, uint32_t tokens, SpecialTokens& special) {
  std::optional<uint32_t> unused;
  const std::array<std::pair<std::string_view, std::optional<uint32_t>*>, 18> ids = {{
      {"bos", &special.bos},
      {"eos", &special.eos},
      {"eot", &special.eot},
      {"eom", &special.eom},
      {"unknown", &special.unknown},
      {"seperator", &special.separator},  // spelled so in the format
      {"padding", &special.padding},
      {"mask", &special.mask},
      {"cls", &special.cls},
      {"prefix", &special.fim_prefix},  // the older names of the next three
      {"suffix", &special.fim_suffix},
      {"middle", &special.fim_middle},
      {"fim_pre", &special.fim_prefix},
      {"fim_suf", &special.fim_suffix},
      {"fim_mid", &special.fim_middle},
      {"fim_pad", &unused},
      {"fim_rep", &unused},
      {"fim_sep", &unused},
  }};
  for (const auto& [name, slot] : ids) {
    if (auto read = ReadSpecialId(metadata, name, tokens, *slot); !read) return read;
  }
  auto add_bos = metadata.Bool("tokenizer.ggml.add_bos_token");
  if (!add_bos) return Fail(add_bos.error());
  auto add_eos = metadata.Bool("tokenizer.ggml.add_eos_token");
  if (!add_eos) return Fail(add_eos.error());
  special.add_bos = *add_bos;
  special.add_eos = *add_eos;
  return {};
}

Result<void> ReadNames(const Metadata& metadata, Tokenizer& out) {
  auto model = metadata.String("tokenizer.ggml.model", kShortTextMax);
  if (!model) return Fail(model.error());
  auto pre = metadata.String("tokenizer.ggml.pre", kShortTextMax);
  if (!pre) return Fail(pre.error());
  out.model = model->value_or("");
  out.pre = pre->value_or("");
  return {};
}

Result<void> CheckSuppressed(Source& source, const Metadata& metadata, uint32_t tokens) {
  constexpr std::string_view kKey = "tokenizer.ggml.suppress_tokens";
  auto ids = metadata.ArrayOf(kKey);
  if (!ids) return Fail(ids.error());
  if (!ids->has_value()) return {};
  return WalkIntegers(source, **ids, kKey, [&](uint64_t, int64_t id) -> Result<void> {
    if (id >= 0 && id < tokens) return {};
    return Malformed("gguf_special_token",
                     fmt::format("a suppressed token is {} of {}", id, tokens), kKey);
  });
}

// The ids that llama.cpp assumes without keys. It asserts that those it puts around a text exist.
struct Defaults {
  std::string_view model;
  std::optional<uint32_t> bos, eos, separator;
  bool add_bos = false, add_eos = false, add_separator = false;
};
constexpr std::array<Defaults, 5> kDefaults = {{
    {"llama", 1, 2, std::nullopt, true, false, false},
    {"bert", 101, std::nullopt, 102, true, false, true},
    {"gpt2", 11, 11, std::nullopt, false, false, false},
    {"t5", std::nullopt, 1, std::nullopt, false, true, false},
    {"plamo2", 1, 2, std::nullopt, false, false, false},
}};

Result<void> CheckAdded(const Tokenizer& tokenizer) {
  const auto found = std::ranges::find(kDefaults, tokenizer.model, &Defaults::model);
  const Defaults defaults = found == kDefaults.end() ? Defaults{} : *found;
  const SpecialTokens& special = tokenizer.special;
  const auto exists = [&](std::optional<uint32_t> id, std::optional<uint32_t> fallback) {
    return id || (fallback && *fallback < tokenizer.tokens);
  };
  if (special.add_bos.value_or(defaults.add_bos) && !exists(special.bos, defaults.bos)) {
    return Malformed("gguf_special_token", "the tokenizer adds a first token but names none",
                     "tokenizer.ggml.bos_token_id");
  }
  if (special.add_eos.value_or(defaults.add_eos) && !exists(special.eos, defaults.eos)) {
    return Malformed("gguf_special_token", "the tokenizer adds a last token but names none",
                     "tokenizer.ggml.eos_token_id");
  }
  if (defaults.add_separator && !exists(special.separator, defaults.separator)) {
    return Malformed("gguf_special_token", "the tokenizer adds a separator but names none",
                     "tokenizer.ggml.seperator_token_id");
  }
  return {};
}

}  // namespace

Result<Tokenizer> ReadTokenizer(Source& source, const Metadata& metadata) {
  Tokenizer out;
  if (auto read = ReadNames(metadata, out); !read) return Fail(read.error());
  auto tokens = metadata.ArrayOf(kTokens);
  if (!tokens) return Fail(tokens.error());
  if (!tokens->has_value()) {
    if (out.model.empty() || out.model == "none" || out.model == "no_vocab") return out;
    return Malformed("gguf_tokens_missing",
                     fmt::format("a tokenizer ({}) without tokens", Printable(out.model)), kTokens);
  }
  const uint64_t count = (*tokens)->count;
  if (count == 0 || count > kTokensMax) {
    return Malformed("gguf_token_count",
                     fmt::format("{} tokens; from 1 to {} are allowed", count, kTokensMax),
                     kTokens);
  }
  out.tokens = static_cast<uint32_t>(count);
  // Keys come first, so that texts only fill what they leave open.
  if (auto read = ReadSpecial(metadata, out.tokens, out.special); !read) return Fail(read.error());
  auto bytes = ReadTypes(source, metadata, count);
  if (!bytes) return Fail(bytes.error());
  if (auto read = ReadTokens(source, **tokens, *bytes, out); !read) return Fail(read.error());
  if (auto checked = CheckScores(source, metadata, count); !checked) return Fail(checked.error());
  if (auto checked = CheckMerges(source, metadata, out); !checked) return Fail(checked.error());
  if (auto checked = CheckAdded(out); !checked) return Fail(checked.error());
  if (auto checked = CheckSuppressed(source, metadata, out.tokens); !checked)
    return Fail(checked.error());
  return out;
}

}  // namespace weir::gguf
