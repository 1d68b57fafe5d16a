// From what the gateway asks to what the engine thread can run: bounds checked once more, templates
// rendered, text tokenised, grammars and samplers made. It runs beside decoding, so that a long
// prompt does not hold up the answers of others; preparer.h says on which thread.
//
// What cannot fit is refused by its bytes where the vocabulary allows that, before it is tokenised:
// tokenising takes a second for each megabyte.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/answer.h"
#include "engine/echo.h"
#include "llama/chat_template.h"
#include "llama/completion_prompt.h"
#include "llama/embedder.h"
#include "llama/encoded_image.h"
#include "llama/model.h"
#include "llama/projector.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::engine {

// Bounds of one request; docs/internals/engine-protocol.md lists them.
inline constexpr int32_t kPromptsMax = 128;
inline constexpr int32_t kForksMax = 128;
inline constexpr int32_t kChoicesMax = 128;  // prompts times forks
inline constexpr size_t kInputsMax = 4096;   // texts of one embedding request
inline constexpr size_t kContinuationsMax = 1024;
inline constexpr size_t kBiasTextBytesMax = 1024;
inline constexpr size_t kPredictionBytesMax = size_t{1} << 20;
inline constexpr size_t kTokenizeBytesMax = size_t{4} << 20;  // of a text whose tokens are asked
inline constexpr size_t kDetokenizeBytesMax = wire::kFrameBodyBytesMax / 2;  // of the text

struct PreparedGenerate {
  wire::Caller caller = {};
  struct Prompt {
    std::vector<llama::Token> tokens = {};
    int32_t max_tokens = 0;  // of each of its answers: what was asked, or what the context leaves
    EchoedPrompt echo = {};
    std::vector<llama::PlacedImage> images = {};
  };
  std::vector<Prompt> prompts = {};
  // prompts.size() * forks, in the order of the choices.
  std::vector<std::unique_ptr<Answer>> answers = {};
  int32_t forks = 1;
  bool deterministic = false;
  bool predicts = false;
  std::vector<llama::Token> prediction = {};   // as far as it may be of use
  std::vector<llama::Token> told_prompt = {};  // of text alone, where its ids were asked for
  chat::Priority priority = chat::Priority::kInteractive;
};

struct PreparedEmbed {
  wire::Caller caller = {};
  chat::Priority priority = chat::Priority::kInteractive;
  std::vector<std::vector<llama::Token>> inputs = {};
  int32_t dimensions = 0;  // 0: all
  bool ranked = false;     // inputs are pairs of the query and each document
};

struct PreparedScore {
  wire::Caller caller = {};
  // Prompt and continuation of each, in the order of the request. The prompt has a token or more.
  std::vector<std::vector<llama::Token>> sequences = {};
  int32_t prompt_tokens = 0;
  chat::Priority priority = chat::Priority::kInteractive;
};

// What requests may use, as loaded.
struct Limits {
  int32_t request_tokens_max = 0;  // prompt and answer together; 0: the model does not generate
  int32_t max_tokens_default = 0;
  int32_t dimensions_min = 0;  // of a shortened vector; 0: vectors are not shortened
  int32_t together_max = 0;    // rows of an image that see each other
};

// What a request gets that nobody waits for any more.
inline Error Cancelled() { return {Code::kCancelled, "cancelled"}; }
inline const std::atomic<bool> kNotCancelled = false;

// Any thread, several at once.
class Preparation {
 public:
  // `chat_template`, `embedder` and `projector` may be null: the model does not chat, does not
  // embed, or reads no images.
  Preparation(const llama::Model& model, const llama::ChatTemplate* chat_template,
              const llama::Embedder* embedder, Limits limits, wire::ModelDefaults defaults = {},
              llama::Projector* projector = nullptr)
      : model_(model),
        template_(chat_template),
        embedder_(embedder),
        limits_(limits),
        defaults_(std::move(defaults)),
        projector_(projector) {}

  // Whether it has images to look at: that takes seconds, and one thread at a time.
  bool LooksAtImages(const wire::Generate& request) const;

  // `cancelled` is looked at between one text and the next; then kCancelled.
  Result<PreparedGenerate> Prepare(wire::Generate request,
                                   const std::atomic<bool>& cancelled = kNotCancelled) const;
  Result<PreparedEmbed> Prepare(const wire::Embed& request,
                                const std::atomic<bool>& cancelled = kNotCancelled) const;
  Result<PreparedScore> Prepare(const wire::Score& request,
                                const std::atomic<bool>& cancelled = kNotCancelled) const;
  Result<wire::Tokens> Prepare(const wire::Tokenize& request,
                               const std::atomic<bool>& cancelled = kNotCancelled) const;
  Result<wire::Text> Prepare(const wire::Detokenize& request,
                             const std::atomic<bool>& cancelled = kNotCancelled) const;

 private:
  Result<void> PrepareCompletion(const chat::GenerateRequest& request,
                                 const std::atomic<bool>& cancelled,
                                 PreparedGenerate& prepared) const;
  Result<std::vector<llama::Token>> CompletionPrompt(const chat::GenerateRequest& request,
                                                     const chat::Prompt& prompt) const;
  Result<std::vector<llama::Token>> PredictionOf(const chat::GenerateRequest& request) const;
  // Looks at the images of a rendered chat, if its prompt fits.
  Result<std::vector<llama::PlacedImage>> EncodeImages(const std::vector<chat::Message>& messages,
                                                       llama::RenderedPrompt& rendered,
                                                       const std::atomic<bool>& cancelled) const;
  Result<std::vector<llama::Token>> TokensOf(const std::vector<chat::Message>& messages,
                                             const llama::RenderedPrompt& rendered) const;
  Result<void> PutBehind(const std::vector<int32_t>& context,
                         llama::RenderedPrompt& rendered) const;
  Result<void> ResolveBias(chat::Sampling& sampling) const;
  Result<void> CheckGenerates() const;
  Result<void> CheckDimensions(int32_t asked) const;
  Result<PreparedEmbed> PreparePairs(const wire::Embed& asked,
                                     const std::atomic<bool>& cancelled) const;
  Result<void> CheckFits(size_t tokens, std::string_view param) const;
  // Of a text that is not tokenised yet.
  Result<void> CheckMayFit(size_t bytes, std::string_view param) const;
  Result<void> CheckMayFit(const std::vector<chat::Message>& messages) const;

  const llama::Model& model_;
  const llama::ChatTemplate* template_;
  const llama::Embedder* embedder_;
  Limits limits_;
  wire::ModelDefaults defaults_;
  llama::Projector* projector_;
};

}  // namespace weir::engine
