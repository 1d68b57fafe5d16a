#include "gguf/model.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/utf8.h"

namespace weir::gguf {
namespace {

constexpr uint64_t kNameBytesMax = 4096;
constexpr uint64_t kArchitectureBytesMax = 64;

std::unexpected<Error> OutOfRange(std::string_view key, std::string message) {
  return Malformed("gguf_value_range", std::move(message), key);
}

// Reads keys below the architecture into fields; the first error stays, and later reads do nothing.
class Keys {
 public:
  Keys(Source& source, const Metadata& metadata, const std::string& architecture)
      : source_(source), metadata_(metadata), architecture_(architecture) {}

  std::string Name(std::string_view suffix) const {
    return fmt::format("{}.{}", architecture_, suffix);
  }
  bool Has(std::string_view suffix) const { return metadata_.Find(Name(suffix)) != nullptr; }
  // A scalar of this type; arrays are somebody else's.
  bool HasScalar(std::string_view suffix) const {
    const Value* value = metadata_.Find(Name(suffix));
    return value != nullptr && !std::holds_alternative<Array>(*value);
  }

  std::optional<uint64_t> Unsigned(std::string_view suffix, uint64_t min, uint64_t max) {
    const std::string key = Name(suffix);
    auto value = metadata_.Unsigned(key, max);
    if (!value) return Note(value.error());
    if (value->has_value() && **value < min) {
      return Note(OutOfRange(key, fmt::format("key {} is {}; at least {} is needed", Printable(key),
                                              **value, min))
                      .error());
    }
    return *value;
  }
  uint32_t Required(std::string_view suffix, uint64_t max) {
    const auto value = Unsigned(suffix, 1, max);
    if (!value && !failed_) {
      Note(Malformed("gguf_key_missing", fmt::format("key {} is missing", Printable(Name(suffix))),
                     Name(suffix))
               .error());
    }
    return static_cast<uint32_t>(value.value_or(0));
  }
  void Finite(std::string_view suffix) {
    if (auto value = metadata_.Float(Name(suffix)); !value) Note(value.error());
  }
  std::optional<bool> Bool(std::string_view suffix) {
    auto value = metadata_.Bool(Name(suffix));
    if (!value) return Note(value.error());
    return *value;
  }
  std::string Text(std::string_view suffix) {
    auto value = metadata_.String(Name(suffix), kArchitectureBytesMax);
    if (!value) return Note(value.error()), std::string();
    return value->value_or("");
  }
  // One number for each of `layers`: from a scalar or from an array of that length. Empty without
  // the key.
  std::vector<uint32_t> PerLayer(std::string_view suffix, uint32_t layers, uint64_t max) {
    const Value* value = metadata_.Find(Name(suffix));
    if (failed_ || value == nullptr) return {};
    if (const auto* array = std::get_if<Array>(value))
      return FromArray(Name(suffix), *array, layers, max);
    return std::vector<uint32_t>(layers,
                                 static_cast<uint32_t>(Unsigned(suffix, 0, max).value_or(0)));
  }
  std::nullopt_t Note(Error error) {
    if (!failed_) failed_ = std::move(error);
    return std::nullopt;
  }
  const std::optional<Error>& failed() const { return failed_; }

 private:
  std::vector<uint32_t> FromArray(const std::string& key, const Array& array, uint32_t layers,
                                  uint64_t max) {
    std::vector<uint32_t> out;
    if (array.count != layers) {
      Note(Malformed("gguf_layer_array",
                     fmt::format("key {} has {} elements for {} layers", Printable(key),
                                 array.count, layers),
                     key)
               .error());
      return out;
    }
    auto walked = WalkIntegers(source_, array, key, [&](uint64_t, int64_t number) -> Result<void> {
      if (number < 0 || static_cast<uint64_t>(number) > max) {
        return OutOfRange(key, fmt::format("key {} has {}; from 0 to {} is allowed", Printable(key),
                                           number, max));
      }
      out.push_back(static_cast<uint32_t>(number));
      return {};
    });
    if (!walked) Note(walked.error());
    return out;
  }

  Source& source_;
  const Metadata& metadata_;
  const std::string& architecture_;
  std::optional<Error> failed_;
};

uint32_t Most(const std::vector<uint32_t>& values) {
  return values.empty() ? 0 : *std::ranges::max_element(values);
}

bool IsRecurrent(const Keys& keys) {
  constexpr std::array<std::string_view, 5> kMarks = {
      "ssm.conv_kernel", "ssm.state_size", "wkv.head_size", "shortconv.l_cache", "kda.head_dim"};
  return std::ranges::any_of(kMarks, [&](std::string_view mark) { return keys.Has(mark); });
}

void CheckHeads(Keys& keys, const std::vector<uint32_t>& heads,
                const std::vector<uint32_t>& heads_kv) {
  for (size_t i = 0; i < heads.size(); ++i) {
    const bool grouped =
        heads_kv[i] == 0 || (heads[i] % heads_kv[i] == 0 && heads[i] >= heads_kv[i]);
    if (grouped) continue;
    keys.Note(Malformed("gguf_heads",
                        fmt::format("layer {} has {} heads in {} groups, which does not divide", i,
                                    heads[i], heads_kv[i]),
                        keys.Name("attention.head_count_kv"))
                  .error());
    return;
  }
}

// What a head is long: its key, or else the width divided by the heads of the first layer, as
// llama.cpp does.
uint32_t HeadLength(Keys& keys, std::string_view suffix, uint32_t width, uint32_t heads) {
  if (const auto given = keys.Unsigned(suffix, 1, kHeadLengthMax))
    return static_cast<uint32_t>(*given);
  if (heads == 0) return 0;
  if (width % heads != 0) {
    keys.Note(
        Malformed("gguf_heads",
                  fmt::format("{} heads do not divide an embedding length of {}", heads, width),
                  keys.Name("attention.head_count"))
            .error());
  }
  return width / heads;
}

void ReadRope(Keys& keys, Info& info) {
  if (keys.HasScalar("rope.dimension_count")) {
    info.rope_dimensions =
        static_cast<uint32_t>(keys.Unsigned("rope.dimension_count", 0, kHeadLengthMax).value_or(0));
  }
  const uint32_t widest =
      std::max(info.key_length,
               static_cast<uint32_t>(
                   keys.HasScalar("attention.key_length_swa")
                       ? keys.Unsigned("attention.key_length_swa", 1, kHeadLengthMax).value_or(0)
                       : 0));
  if (widest > 0 && (info.rope_dimensions > widest || info.rope_dimensions % 2 != 0)) {
    keys.Note(
        Malformed("gguf_rope",
                  fmt::format("{} rotated dimensions in heads of {}", info.rope_dimensions, widest),
                  keys.Name("rope.dimension_count"))
            .error());
  }
  keys.Finite("rope.freq_base");
  keys.Finite("rope.scaling.factor");
  constexpr std::array<std::string_view, 5> kScalings = {"", "none", "linear", "yarn", "longrope"};
  const std::string scaling = keys.Text("rope.scaling.type");
  if (std::ranges::find(kScalings, scaling) == kScalings.end()) {
    keys.Note(Malformed("gguf_rope",
                        fmt::format("the rope scaling {} is unknown", Printable(scaling)),
                        keys.Name("rope.scaling.type"))
                  .error());
  }
}

void ReadExperts(Keys& keys, Info& info) {
  info.experts = static_cast<uint32_t>(keys.Unsigned("expert_count", 0, kExpertsMax).value_or(0));
  info.experts_used = Most(keys.PerLayer("expert_used_count", info.layers, kExpertsMax));
  const auto groups = keys.Unsigned("expert_group_count", 0, kExpertsMax).value_or(0);
  const bool used_wrong =
      info.experts_used > info.experts || (info.experts > 1 && info.experts_used == 0);
  const bool groups_wrong = groups > 1 && (groups >= info.experts || info.experts % groups != 0);
  if (used_wrong || groups_wrong) {
    keys.Note(Malformed("gguf_experts",
                        fmt::format("{} of {} experts in {} groups cannot be", info.experts_used,
                                    info.experts, groups),
                        keys.Name("expert_count"))
                  .error());
  }
}

void ReadAttention(Keys& keys, Info& info) {
  const auto heads = keys.PerLayer("attention.head_count", info.layers, kHeadsMax);
  auto heads_kv = keys.PerLayer("attention.head_count_kv", info.layers, kHeadsMax);
  if (heads_kv.empty()) heads_kv = heads;
  if (keys.failed()) return;
  info.heads = Most(heads);
  info.heads_kv = Most(heads_kv);
  if (!info.recurrent && (info.heads == 0 || info.heads_kv == 0)) {
    keys.Note(Malformed("gguf_heads", "a model with attention has no heads",
                        keys.Name("attention.head_count"))
                  .error());
    return;
  }
  if (heads.empty()) return;
  CheckHeads(keys, heads, heads_kv);
  info.key_length = HeadLength(keys, "attention.key_length", info.embedding_length, heads.front());
  info.value_length =
      HeadLength(keys, "attention.value_length", info.embedding_length, heads.front());
  // With a latent cache (MLA) values are read out of the keys and are not stored.
  const uint64_t stored =
      info.key_length + (keys.Has("attention.key_length_mla") ? 0 : info.value_length);
  const uint64_t kv_heads = std::accumulate(heads_kv.begin(), heads_kv.end(), uint64_t{0});
  info.kv_bytes_per_token =
      kv_heads * stored * 2;  // 512 layers x 8192 heads x 131072 x 2 fits easily
}

void ReadPooling(Keys& keys, Info& info) {
  if (const auto pooling =
          keys.Unsigned("pooling_type", 0, static_cast<uint64_t>(Pooling::kRank))) {
    info.pooling = static_cast<Pooling>(*pooling);
  }
  info.causal = keys.Bool("attention.causal").value_or(true);
  if (!info.causal) info.kv_bytes_per_token = 0;  // sees the whole text at once and keeps nothing
}

// 0, 1, ... of "blk.0.attn_q.weight".
std::optional<uint64_t> LayerOf(std::string_view tensor) {
  if (!tensor.starts_with("blk.")) return std::nullopt;
  tensor.remove_prefix(4);
  uint64_t layer = 0;
  const auto [end, error] = std::from_chars(tensor.data(), tensor.data() + tensor.size(), layer);
  if (end == tensor.data()) return std::nullopt;
  return error == std::errc() ? layer : UINT64_MAX;
}

void CheckTensors(Keys& keys, const TensorTable& tensors, const Info& info) {
  for (const auto& [name, shape] : tensors.shapes()) {
    if (const auto layer = LayerOf(name); layer && *layer >= info.layers) {
      keys.Note(Malformed("gguf_tensor_layer",
                          fmt::format("tensor {} belongs to a layer beyond the {} of the model",
                                      Printable(name), info.layers),
                          name)
                    .error());
      return;
    }
  }
  const Shape* embedding = tensors.Find("token_embd.weight");
  if (embedding == nullptr || info.split.count > 1) return;
  const bool width_free = keys.Has("features_length");
  if ((!width_free && (*embedding)[0] != info.embedding_length) ||
      (info.tokenizer.tokens > 0 && (*embedding)[1] != info.tokenizer.tokens)) {
    keys.Note(Malformed("gguf_vocabulary_size",
                        fmt::format("the token embeddings are {} x {}, but the model says {} x {}",
                                    (*embedding)[0], (*embedding)[1], info.embedding_length,
                                    info.tokenizer.tokens),
                        "token_embd.weight")
                  .error());
  }
}

Result<void> ReadText(const Metadata& metadata, std::string_view key, std::string& into) {
  auto text = metadata.String(key, kNameBytesMax);
  if (!text) return Fail(text.error());
  into = text->value_or("");
  return {};
}

Result<void> ReadKind(const Metadata& metadata, const TensorTable& tensors, Info& info) {
  std::string type;
  if (auto read = ReadText(metadata, "general.type", type); !read) return read;
  const bool clip = info.architecture == "clip" || type == "mmproj" || type == "clip-vision";
  info.kind = clip ? Kind::kProjector : Kind::kModel;
  if (type == "adapter" || info.architecture == "controlvector") info.kind = Kind::kAdapter;
  if (tensors.shapes().empty() && info.split.count == 1) {
    return Malformed("gguf_no_tensors", "the file has no tensors: it is a vocabulary or was cut");
  }
  return {};
}

Result<void> ReadSplit(const Metadata& metadata, Info& info) {
  auto count = metadata.Unsigned("split.count", kSplitsMax);
  if (!count) return Fail(count.error());
  auto number = metadata.Unsigned("split.no", kSplitsMax);
  if (!number) return Fail(number.error());
  info.split.count = static_cast<uint32_t>(std::max<uint64_t>(count->value_or(1), 1));
  info.split.number = static_cast<uint32_t>(number->value_or(0));
  if (info.split.number >= info.split.count) {
    return Malformed("gguf_split",
                     fmt::format("part {} of {} cannot be", info.split.number, info.split.count),
                     "split.no");
  }
  return {};
}

bool IsArchitecture(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

}  // namespace

const char* PoolingName(Pooling pooling) {
  switch (pooling) {
    case Pooling::kNone:
      return "none";
    case Pooling::kMean:
      return "mean";
    case Pooling::kCls:
      return "cls";
    case Pooling::kLast:
      return "last";
    case Pooling::kRank:
      return "rank";
  }
  return "unknown";
}

Result<void> ReadGeneral(const Metadata& metadata, const TensorTable& tensors, Info& info) {
  if (auto split = ReadSplit(metadata, info); !split) return split;
  info.tensors = tensors.shapes().size();
  info.tensor_bytes = tensors.bytes();
  info.parameters = tensors.elements();
  auto architecture = metadata.String("general.architecture", kArchitectureBytesMax);
  if (!architecture) return Fail(architecture.error());
  info.architecture = architecture->value_or("");
  // Later parts of a split model carry tensors and their number alone.
  const bool later_part = info.split.number > 0;
  if (!IsArchitecture(info.architecture) && !(later_part && info.architecture.empty())) {
    return Malformed("gguf_architecture", "general.architecture is missing or is no name",
                     "general.architecture");
  }
  if (auto kind = ReadKind(metadata, tensors, info); !kind) return kind;
  if (auto read = ReadText(metadata, "general.name", info.name); !read) return read;
  if (auto read = ReadText(metadata, "general.size_label", info.size_label); !read) return read;
  if (auto read = ReadText(metadata, "general.license", info.licence); !read) return read;
  auto file_type = metadata.Unsigned("general.file_type", UINT32_MAX);
  if (!file_type) return Fail(file_type.error());
  info.quantisation = FileTypeName(file_type->value_or(UINT32_MAX));
  if (info.quantisation.empty()) info.quantisation = tensors.MainType();
  return {};
}

Result<void> ReadHyperparameters(Source& source, const Metadata& metadata,
                                 const TensorTable& tensors, Info& info) {
  Keys keys(source, metadata, info.architecture);
  info.layers = keys.Required("block_count", kLayersMax);
  info.context_length = keys.Required("context_length", kContextMax);
  info.embedding_length = keys.Required("embedding_length", kEmbeddingMax);
  if (keys.failed()) return Fail(*keys.failed());
  info.recurrent = IsRecurrent(keys);
  if (keys.Unsigned("nextn_predict_layers", 0, kLayersMax).value_or(0) > info.layers) {
    keys.Note(OutOfRange(keys.Name("nextn_predict_layers"), "more prediction layers than layers")
                  .error());
  }
  keys.PerLayer("feed_forward_length", info.layers, kEmbeddingMax * 64);
  ReadAttention(keys, info);
  ReadRope(keys, info);
  ReadExperts(keys, info);
  ReadPooling(keys, info);
  if (keys.HasScalar("attention.sliding_window")) {
    info.sliding_window = static_cast<uint32_t>(
        keys.Unsigned("attention.sliding_window", 0, kContextMax).value_or(0));
  }
  keys.Finite("attention.layer_norm_epsilon");
  keys.Finite("attention.layer_norm_rms_epsilon");
  if (!keys.failed()) CheckTensors(keys, tensors, info);
  if (keys.failed()) return Fail(*keys.failed());
  return {};
}

Result<void> ReadTemplates(Source& source, const Metadata& metadata, Info& info) {
  auto main = metadata.String("tokenizer.chat_template", kTemplateBytesMax);
  if (!main) return Fail(main.error());
  info.chat_template = main->value_or("");
  auto names = metadata.ArrayOf("tokenizer.chat_templates");
  if (!names) return Fail(names.error());
  if (!names->has_value()) return {};
  if ((*names)->count > kTemplatesMax) {
    return Malformed(
        "gguf_template",
        fmt::format("{} chat templates; at most {} are allowed", (*names)->count, kTemplatesMax),
        "tokenizer.chat_templates");
  }
  return WalkStrings(source, **names, kArchitectureBytesMax, "tokenizer.chat_templates",
                     [&](uint64_t, std::string_view name) -> Result<void> {
                       auto text = metadata.String(fmt::format("tokenizer.chat_template.{}", name),
                                                   kTemplateBytesMax);
                       if (!text) return Fail(text.error());
                       if (!IsValidUtf8(name))
                         return Malformed("gguf_template", "a template's name is not UTF-8");
                       if (text->has_value()) info.template_names.emplace_back(name);
                       return {};
                     });
}

Capabilities Guess(const Info& info) {
  Capabilities guess;
  if (info.kind != Kind::kModel) return guess;
  const std::string_view text = info.chat_template;
  guess.rerank = info.pooling == Pooling::kRank;
  guess.embedding =
      !guess.rerank && ((info.pooling && *info.pooling != Pooling::kNone) ||
                        info.architecture.contains("bert") || info.architecture.contains("embed"));
  guess.chat = !text.empty() && !guess.embedding && !guess.rerank;
  guess.tools = guess.chat &&
                (text.contains("tools") ||
                 std::ranges::find(info.template_names, "tool_use") != info.template_names.end());
  guess.reasoning = guess.chat && (text.contains("<think>") || text.contains("reasoning_content") ||
                                   text.contains("enable_thinking"));
  guess.vision = guess.chat && (text.contains("image_url") || text.contains("'image'") ||
                                text.contains("\"image\"") || text.contains("<image>"));
  const SpecialTokens& special = info.tokenizer.special;
  guess.fim = special.fim_prefix && special.fim_suffix && special.fim_middle;
  return guess;
}

}  // namespace weir::gguf
