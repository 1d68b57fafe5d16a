#include "llama/model.h"

#include <llama.h>
#include <log.h>
#include <mtmd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "base/check.h"
#include "base/log.h"
#include "llama/placement.h"
#include "llama/quiet.h"

namespace weir::llama {
namespace {

void RouteLog(ggml_log_level level, const char* text, void*) {
  std::string_view line(text);
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  // Continuations are dots of a progress bar; debug lines may hold text of an answer.
  if (line.empty() || level == GGML_LOG_LEVEL_CONT || level == GGML_LOG_LEVEL_DEBUG) return;
  const LogLevel ours = Quiet::now()                    ? LogLevel::kDebug
                        : level == GGML_LOG_LEVEL_ERROR ? LogLevel::kError
                        : level == GGML_LOG_LEVEL_WARN  ? LogLevel::kWarning
                                                        : LogLevel::kDebug;
  Log(ours, "libllama: {}", line);
}

Pooling PoolingOfFile(const llama_model* model, const std::string& architecture) {
  // The pooling type lies under the architecture's own key; there is no call for it on a model.
  const std::string key = architecture + ".pooling_type";
  char value[16] = {};
  if (llama_model_meta_val_str(model, key.c_str(), value, sizeof value) < 0) return Pooling::kNone;
  return PoolingOf(std::atoi(value));
}

struct LoadProgress {
  const std::function<bool(float)>* on_progress;
  bool cancelled = false;
};

bool OnProgress(float progress, void* user_data) {
  auto* load = static_cast<LoadProgress*>(user_data);
  if (*load->on_progress && !(*load->on_progress)(progress)) load->cancelled = true;
  return !load->cancelled;
}

}  // namespace

void StartBackend() {
  static std::once_flag once;
  std::call_once(once, [] {
    llama_log_set(RouteLog, nullptr);
    mtmd_log_set(RouteLog, nullptr);
    // llama-common logs answers that do not parse: never.
    common_log_set_verbosity_thold(-1);
    common_log_pause(common_log_main());
    llama_backend_init();
  });
}

std::string BackendFeatures() { return llama_print_system_info(); }

Vocabulary::Vocabulary(const llama_vocab* vocab) : vocab_(vocab) {
  size_ = llama_vocab_n_tokens(vocab);
  beginning_ = llama_vocab_bos(vocab);
  end_ = llama_vocab_eos(vocab);
  adds_beginning_ = llama_vocab_get_add_bos(vocab);
  adds_end_ = llama_vocab_get_add_eos(vocab);
  infill_ = {.prefix = llama_vocab_fim_pre(vocab),
             .suffix = llama_vocab_fim_suf(vocab),
             .middle = llama_vocab_fim_mid(vocab),
             .project = llama_vocab_fim_rep(vocab),
             .file = llama_vocab_fim_sep(vocab)};
  const auto type = llama_vocab_type(vocab);
  if (type == LLAMA_VOCAB_TYPE_NONE) return;
  const bool keeps_text = type == LLAMA_VOCAB_TYPE_BPE || type == LLAMA_VOCAB_TYPE_SPM;
  for (Token token = 0; token < size_; ++token) {
    if (keeps_text) {
      piece_bytes_max_ = std::max(piece_bytes_max_, Piece(token, /*special=*/true).size());
    }
    if (llama_vocab_is_eog(vocab, token)) end_tokens_.push_back(token);
    const int attributes = llama_vocab_get_attr(vocab, token);
    const bool user_defined = (attributes & LLAMA_TOKEN_ATTR_USER_DEFINED) != 0;
    if (user_defined || (attributes & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0) {
      std::string text = llama_vocab_get_text(vocab, token);
      if (!text.empty()) special_tokens_.push_back({token, std::move(text), user_defined});
    }
  }
  if (auto newline = Tokenize("\n", /*parse_special=*/false, /*add_special=*/false)) {
    newline_ = std::move(*newline);
  }
}

Result<std::vector<Token>> Vocabulary::Tokenize(std::string_view text, bool parse_special,
                                                bool add_special) const {
  if (text.size() > kTokenizeBytesMax) {
    return Fail(Code::kTooLarge, "the text is over 64 MiB, the most that is tokenised at once");
  }
  // No token is shorter than a byte, but a tokenizer may put tokens in front and behind.
  std::vector<Token> tokens(text.size() + 8);
  int32_t count =
      llama_tokenize(vocab_, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                     static_cast<int32_t>(tokens.size()), add_special, parse_special);
  if (count == INT32_MIN) return Fail(Code::kTooLarge, "the text has too many tokens");
  if (count < 0) {
    tokens.resize(static_cast<size_t>(-count));
    count = llama_tokenize(vocab_, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                           static_cast<int32_t>(tokens.size()), add_special, parse_special);
    CHECK(count >= 0, "tokenising the same text twice gives the same count");
  }
  tokens.resize(static_cast<size_t>(count));
  tokens.shrink_to_fit();
  return tokens;
}

// Some vocabularies put a space in front of every text. A newline, which merges with nothing, takes
// that place; its tokens are dropped again.
Result<std::vector<Token>> Vocabulary::TokenizeMiddle(std::string_view text,
                                                      bool parse_special) const {
  auto plain = Tokenize(text, parse_special, /*add_special=*/false);
  if (!plain || text.empty()) return plain;
  const auto type = llama_vocab_type(vocab_);
  if (type == LLAMA_VOCAB_TYPE_BPE || type == LLAMA_VOCAB_TYPE_WPM || newline_.empty()) {
    return plain;
  }
  auto shifted = Tokenize("\n" + std::string(text), parse_special, /*add_special=*/false);
  if (!shifted) return shifted;
  if (shifted->size() <= newline_.size() ||
      !std::equal(newline_.begin(), newline_.end(), shifted->begin())) {
    return plain;
  }
  shifted->erase(shifted->begin(), shifted->begin() + static_cast<ptrdiff_t>(newline_.size()));
  return shifted;
}

std::string Vocabulary::Piece(Token token, bool special) const {
  if (!Contains(token)) return {};
  char small[64];
  int32_t length = llama_token_to_piece(vocab_, token, small, sizeof small, 0, special);
  if (length >= 0) return {small, static_cast<size_t>(length)};
  std::string piece(static_cast<size_t>(-length), '\0');
  length = llama_token_to_piece(vocab_, token, piece.data(), static_cast<int32_t>(piece.size()), 0,
                                special);
  CHECK(length == static_cast<int32_t>(piece.size()), "a piece has one length");
  return piece;
}

std::string Vocabulary::Text(std::span<const Token> tokens) const {
  std::string text;
  for (const Token token : tokens) text += Piece(token);
  return text;
}

bool Vocabulary::EndsGeneration(Token token) const {
  return Contains(token) && llama_vocab_is_eog(vocab_, token);
}

bool Vocabulary::IsControl(Token token) const {
  return Contains(token) && llama_vocab_is_control(vocab_, token);
}

Pooling PoolingOf(int type) {
  switch (type) {
    case LLAMA_POOLING_TYPE_MEAN:
      return Pooling::kMean;
    case LLAMA_POOLING_TYPE_CLS:
      return Pooling::kCls;
    case LLAMA_POOLING_TYPE_LAST:
      return Pooling::kLast;
    case LLAMA_POOLING_TYPE_RANK:
      return Pooling::kRank;
    default:
      return Pooling::kNone;
  }
}

Result<std::unique_ptr<Model>> Model::Load(const std::string& path, const ModelSettings& settings) {
  StartBackend();
  LoadProgress load{&settings.on_progress};
  llama_model_params params = llama_model_default_params();
  const Placement placement = Placement::Of(path, settings);
  placement.Apply(params);
  params.load_mode =
      settings.use_mmap ? (settings.lock_memory ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MMAP)
                        : (settings.lock_memory ? LLAMA_LOAD_MODE_MLOCK : LLAMA_LOAD_MODE_NONE);
  params.vocab_only = settings.vocabulary_only;
  params.progress_callback = OnProgress;
  params.progress_callback_user_data = &load;
  llama_model* model = nullptr;
  try {
    model = llama_model_load_from_file(path.c_str(), params);
  } catch (const std::exception&) {
    model = nullptr;
  }
  if (model == nullptr) {
    if (load.cancelled) return Fail(Code::kCancelled, "loading the model was cancelled");
    return Fail(Code::kInvalidArgument,
                "libllama cannot load this model file; the log of the engine says why", {},
                "model_invalid");
  }
  std::unique_ptr<Model> loaded(new Model(model));
  for (const std::string& adapter : settings.adapters) {
    if (auto taken = loaded->LoadAdapter(adapter); !taken) return Fail(taken.error());
  }
  if (llama_supports_gpu_offload() && !Gpus().empty()) {
    ModelFacts& facts = loaded->facts_;
    // The output layer counts as one more.
    const int32_t all = facts.layers + 1;
    facts.gpu_layers = placement.gpu_layers() < 0 ? all : std::min(placement.gpu_layers(), all);
    facts.tensor_split = placement.tensor_split();
    facts.cpu_moe_layers = std::min(placement.cpu_moe_layers(), facts.layers);
  }
  return loaded;
}

Model::Model(llama_model* model) : model_(model) {
  vocabulary_ = std::make_unique<Vocabulary>(llama_model_get_vocab(model));
  ReadFacts();
}

Model::~Model() { llama_model_free(model_); }

Result<void> Model::LoadAdapter(const std::string& path) {
  // It warns of each tensor that lies beside the processor's own layout of the weights.
  const Quiet quiet;
  llama_adapter_lora* adapter = llama_adapter_lora_init(model_, path.c_str());
  // One that works only behind certain words would be switched in the middle of a prompt.
  if (adapter == nullptr || llama_adapter_get_alora_n_invocation_tokens(adapter) > 0)
    return Fail(Code::kInvalidArgument,
                "libllama cannot put this adapter on the model; it has to be a LoRA made for it",
                {}, "adapter_invalid");
  adapters_.push_back(adapter);
  return {};
}

void Model::ReadFacts() {
  facts_.architecture = Metadata("general.architecture");
  facts_.name = Metadata("general.name");
  char description[256] = {};
  llama_model_desc(model_, description, sizeof description);
  facts_.description = description;
  facts_.context_tokens_trained = llama_model_n_ctx_train(model_);
  facts_.layers = llama_model_n_layer(model_);
  facts_.embedding_size = llama_model_n_embd_out(model_);
  facts_.parameters = llama_model_n_params(model_);
  facts_.bytes = llama_model_size(model_);
  facts_.has_encoder = llama_model_has_encoder(model_);
  facts_.has_decoder = llama_model_has_decoder(model_);
  facts_.recurrent = llama_model_is_recurrent(model_) || llama_model_is_hybrid(model_);
  facts_.window_tokens = llama_model_n_swa(model_);
  facts_.causal = Metadata(facts_.architecture + ".attention.causal") != "false";
  facts_.pooling = PoolingOfFile(model_, facts_.architecture);
  if (facts_.pooling == Pooling::kRank) {
    facts_.rank_outputs = static_cast<int32_t>(llama_model_n_cls_out(model_));
  }
  if (const char* source = llama_model_chat_template(model_, nullptr)) {
    facts_.chat_template = source;
  }
}

std::string Model::Metadata(const std::string& key) const {
  std::string value(256, '\0');
  int32_t length = llama_model_meta_val_str(model_, key.c_str(), value.data(), value.size());
  if (length < 0) return {};
  if (static_cast<size_t>(length) >= value.size()) {
    value.resize(static_cast<size_t>(length) + 1);
    length = llama_model_meta_val_str(model_, key.c_str(), value.data(), value.size());
  }
  value.resize(static_cast<size_t>(std::max(length, 0)));
  return value;
}

}  // namespace weir::llama
