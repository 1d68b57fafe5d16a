// A GGUF model in memory and its vocabulary: the weights, the facts that its file states, text to
// tokens and back. Not the state of any sequence (context.h) and not the chat template
// (chat_template.h).
//
// This folder is the only one that sees libllama; its types never leave (forward declarations
// only), and neither do its exceptions.
//
// Threads: loading and destruction by one thread; everything const is safe from any thread at the
// same time, Tokenize and Piece included. Ownership: a Model outlives each Context, Sampler,
// ChatTemplate and Embedder made from it. A model file that makes libllama abort ends the process;
// that is why an engine is a process of its own, and why files are inspected before (gguf/).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct llama_model;
struct llama_adapter_lora;
struct llama_vocab;

namespace weir::llama {

using Token = int32_t;
inline constexpr Token kNoToken = -1;
// The longest text that Tokenize takes at once.
inline constexpr size_t kTokenizeBytesMax = size_t{64} << 20;

// Once, before the first model: initialises libllama and routes its log into ours (warnings and
// errors; the rest at debug level). libllama's own messages never hold prompt text; llama-common's
// may, so they are switched off. Thread-safe.
void StartBackend();
// "AVX2 = 1 | ..." for the version command and the first line of a log.
std::string BackendFeatures();

class Vocabulary {
 public:
  explicit Vocabulary(const llama_vocab* vocab);

  int32_t size() const { return size_; }
  // With parse_special the texts of control tokens become these tokens: only for text that we or
  // the model's template wrote, never for text of a client. With add_special the model's beginning
  // (and end) tokens are added where the model asks for them. kTooLarge over kTokenizeBytesMax.
  Result<std::vector<Token>> Tokenize(std::string_view text, bool parse_special,
                                      bool add_special) const;
  // As Tokenize without add_special, for a text that continues another: no space is put in front,
  // as some vocabularies do at the start of a text.
  Result<std::vector<Token>> TokenizeMiddle(std::string_view text, bool parse_special) const;
  // The bytes of a token, which may be part of a code point. Control tokens have none, unless
  // `special`. Empty for an id outside of the vocabulary.
  std::string Piece(Token token, bool special = false) const;
  std::string Text(std::span<const Token> tokens) const;

  bool Contains(Token token) const { return token >= 0 && token < size_; }
  bool EndsGeneration(Token token) const;
  bool IsControl(Token token) const;
  Token beginning() const { return beginning_; }  // kNoToken where the model has none
  Token end() const { return end_; }
  bool adds_beginning() const { return adds_beginning_; }
  bool adds_end() const { return adds_end_; }
  const std::vector<Token>& end_tokens() const { return end_tokens_; }

  struct InfillTokens {
    Token prefix = kNoToken;
    Token suffix = kNoToken;
    Token middle = kNoToken;
    Token project = kNoToken;  // in front of files of one project; kNoToken: it was taught none
    Token file = kNoToken;     // in front of each of them
    bool complete() const { return prefix >= 0 && suffix >= 0 && middle >= 0; }
  };
  const InfillTokens& infill() const { return infill_; }

  // Tokens whose text the tokenizer turns into one id when parse_special is set (control, unknown)
  // or always (user-defined), with their text.
  struct SpecialToken {
    Token token = kNoToken;
    std::string text = {};
    bool user_defined = false;
  };
  const std::vector<SpecialToken>& special_tokens() const { return special_tokens_; }

  // The bytes of the longest token: a text has at least its bytes divided by this in tokens. 0
  // where nothing like it holds, since the tokenizer drops or joins what it reads (WordPiece,
  // Unigram).
  size_t piece_bytes_max() const { return piece_bytes_max_; }

  const llama_vocab* raw() const { return vocab_; }

 private:
  const llama_vocab* vocab_;
  int32_t size_ = 0;
  Token beginning_ = kNoToken;
  Token end_ = kNoToken;
  bool adds_beginning_ = false;
  bool adds_end_ = false;
  std::vector<Token> end_tokens_ = {};
  InfillTokens infill_ = {};
  std::vector<SpecialToken> special_tokens_ = {};
  size_t piece_bytes_max_ = 0;
  std::vector<Token> newline_ = {};  // what "\n" becomes at the start of a text
};

enum class Pooling : uint8_t { kNone, kMean, kCls, kLast, kRank };
// libllama's number for it, which is that of model files; kNone for any other.
Pooling PoolingOf(int type);

// What the file says about itself; counts, not promises.
struct ModelFacts {
  std::string architecture = {};  // "llama", "qwen2", "bert"
  std::string name = {};
  std::string description = {};  // "qwen2 0.5B Q4_K - Medium"
  int32_t context_tokens_trained = 0;
  int32_t layers = 0;
  int32_t embedding_size = 0;
  uint64_t parameters = 0;
  uint64_t bytes = 0;  // of all tensors
  bool has_encoder = false;
  bool has_decoder = false;
  bool recurrent = false;            // state cannot be cut at any position
  int32_t window_tokens = 0;         // sliding-window attention; 0: none
  bool causal = true;                // false: a sequence is processed whole (bert)
  Pooling pooling = Pooling::kNone;  // kNone: a generative model
  int32_t rank_outputs = 0;          // of kRank: numbers that its head gives for an input
  std::string chat_template = {};    // Jinja source; empty: none
  int32_t gpu_layers = 0;            // that lie on devices: 0 in a CPU build
  std::vector<float> tensor_split = {};
  int32_t cpu_moe_layers = 0;  // of those, whose experts lie in the machine's memory
};

struct ContextSettings;

struct ModelSettings {
  // LoRA files that every Context of the model applies, at full strength.
  std::vector<std::string> adapters = {};
  // Ignored by a CPU build. All three open: as free memory allows beside a context of `fit_for`.
  int32_t gpu_layers = -1;               // -1: all
  std::vector<float> tensor_split = {};  // shares of the devices; empty: by their free memory
  int32_t cpu_moe_layers = -1;           // whose experts stay in the machine's memory; -1: none
  const ContextSettings* fit_for = nullptr;
  bool use_mmap = true;
  bool lock_memory = false;
  bool vocabulary_only = false;  // for tests and token counts; no Context can be made
  // Called by the loading thread with 0..1, rising; false cancels the load.
  std::function<bool(float)> on_progress = {};
};

// The devices of this build that are here, with their free memory; empty in a CPU build.
std::vector<std::string> Gpus();

class Model {
 public:
  // kInvalidArgument for a file that libllama refuses ("model_invalid", "adapter_invalid"),
  // kCancelled when on_progress said stop.
  static Result<std::unique_ptr<Model>> Load(const std::string& path,
                                             const ModelSettings& settings);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelFacts& facts() const { return facts_; }
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  // A scalar of the file's metadata as text ("general.license"); empty when absent.
  std::string Metadata(const std::string& key) const;

  llama_model* raw() const { return model_; }
  const std::vector<llama_adapter_lora*>& adapters() const { return adapters_; }

 private:
  explicit Model(llama_model* model);
  Result<void> LoadAdapter(const std::string& path);
  void ReadFacts();

  llama_model* model_;
  std::vector<llama_adapter_lora*> adapters_ = {};  // libllama frees them with the model
  std::unique_ptr<Vocabulary> vocabulary_ = nullptr;
  ModelFacts facts_ = {};
};

}  // namespace weir::llama
