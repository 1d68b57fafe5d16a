// What a GGUF file says about its model, after every claim in it was checked (inspect.h). A plain
// value: no file stays open and no vocabulary is kept. Unknown is nullopt or empty, never zero by
// default, except where a comment says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::gguf {

enum class Kind : uint8_t {
  kModel,      // weights with a tokenizer: what an engine loads
  kAdapter,    // LoRA or a control vector: goes on top of a model
  kProjector,  // images or audio into a model's embedding space ("mmproj")
};

enum class Pooling : uint8_t { kNone = 0, kMean = 1, kCls = 2, kLast = 3, kRank = 4 };

// Part `number` (from 0) of `count` files; only part 0 carries the whole metadata.
struct Split {
  uint32_t number = 0;
  uint32_t count = 1;
};

struct SpecialTokens {
  std::optional<uint32_t> bos, eos, eot, eom, unknown, separator, padding, mask, cls;
  std::optional<uint32_t> fim_prefix, fim_suffix,
      fim_middle;  // by key or by their well-known texts
  std::optional<bool> add_bos, add_eos;
};

struct Tokenizer {
  std::string model;  // "gpt2", "llama", "bert", ...; empty where the file has none
  std::string pre;    // how text is split before merging ("qwen2")
  uint32_t tokens = 0;
  uint64_t merges = 0;
  uint32_t longest_token_bytes = 0;
  SpecialTokens special;
};

// Guesses from metadata and the template's text; a probe of the loaded model knows better.
struct Capabilities {
  bool chat = false;       // has a chat template and is no embedder
  bool tools = false;      // the template speaks of tools
  bool reasoning = false;  // the template has a place for thinking
  bool fim = false;        // prefix, suffix and middle tokens exist
  bool embedding = false;
  bool rerank = false;
  bool vision = false;  // the template has a place for images; they need a projector beside it
};

struct Info {
  Kind kind = Kind::kModel;
  uint32_t version = 0;    // of the GGUF format
  uint64_t file_size = 0;  // bytes
  Split split;

  std::string architecture;  // "llama", "qwen2", "bert"
  std::string name;          // general.name, or empty
  std::string size_label;    // "1.5B", or empty
  std::string licence;       // general.license, or empty
  std::string quantisation;  // "Q4_K_M" from general.file_type, else the type that most bytes have
  uint64_t parameters = 0;   // elements of all tensors in this file
  uint64_t tensors = 0;
  uint64_t tensor_bytes = 0;

  uint32_t layers = 0;
  uint32_t context_length = 0;  // that the model was trained for
  uint32_t embedding_length = 0;
  uint32_t heads = 0;       // the most of any layer
  uint32_t heads_kv = 0;    // likewise
  uint32_t key_length = 0;  // of one head
  uint32_t value_length = 0;
  uint32_t rope_dimensions = 0;  // 0: the model has none, or all
  uint32_t experts = 0;          // 0: dense
  uint32_t experts_used = 0;
  uint32_t sliding_window = 0;  // tokens; 0: full attention everywhere
  bool causal = true;
  bool recurrent = false;  // some layers keep a state instead of keys and values
  std::optional<Pooling> pooling;
  // Keys and values of one token over all layers as F16, as if no layer had a sliding window: an
  // upper bound.
  uint64_t kv_bytes_per_token = 0;

  Tokenizer tokenizer;
  std::string chat_template;                // the default one, or empty
  std::vector<std::string> template_names;  // further ones ("tool_use")
  Capabilities capabilities;
};

// "mean", "cls", ... as the APIs spell it.
const char* PoolingName(Pooling pooling);

}  // namespace weir::gguf
