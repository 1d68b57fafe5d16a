// What is asked of a model, whatever dialect it came in. Plain values: a dialect fills them,
// routing reads them, a backend carries them out. Ranges are checked by the dialect (to name the
// client's field) and again by the engine.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chat/label.h"
#include "chat/message.h"

namespace weir::chat {

// How the next token is drawn. Absent means: the model's default, then the engine's
// (docs/sampling.md).
struct Sampling {
  std::optional<float> temperature = {};  // 0: greedy
  std::optional<int32_t> top_k = {};      // 0: off
  std::optional<float> top_p = {};
  std::optional<float> min_p = {};
  std::optional<float> typical_p = {};
  std::optional<float> repeat_penalty = {};     // 1: off
  std::optional<float> frequency_penalty = {};  // 0: off
  std::optional<float> presence_penalty = {};   // 0: off
  std::optional<int32_t> penalty_last_n = {};   // -1: the whole context
  std::optional<float> dry_multiplier = {};     // 0: off
  std::optional<float> dry_base = {};
  std::optional<int32_t> dry_allowed_length = {};
  std::optional<int32_t> dry_penalty_last_n = {};
  std::vector<std::string> dry_sequence_breakers = {};
  std::optional<float> xtc_probability = {};  // 0: off
  std::optional<float> xtc_threshold = {};
  std::optional<int32_t> mirostat = {};  // 0 off, 1, 2
  std::optional<float> mirostat_tau = {};
  std::optional<float> mirostat_eta = {};
  std::optional<uint32_t> seed =
      {};  // present: the same request on an idle engine gives the same bytes
  std::vector<std::pair<int32_t, float>> logit_bias = {};  // token id, bias; -100 forbids
  // The same for each token of a text, as the model reads it.
  std::vector<std::pair<std::string, float>> text_bias = {};
  bool ignore_eos = false;

  bool operator==(const Sampling&) const = default;
};

struct ResponseFormat {
  enum class Kind : uint8_t { kText, kJsonObject, kJsonSchema, kGrammar };
  Kind kind = Kind::kText;
  std::string name = {};
  std::string schema = {};   // kJsonSchema: JSON text
  std::string grammar = {};  // kGrammar: GBNF
  bool strict = false;

  bool operator==(const ResponseFormat&) const = default;
};

struct Reasoning {
  enum class Effort : uint8_t { kDefault, kNone, kMinimal, kLow, kMedium, kHigh, kXHigh, kMax };
  // Whether thinking is asked for. Where a dialect has an effort of its own for that, it is; at
  // Anthropic an effort is one of the whole answer, and thinking is a second word.
  enum class Thinking : uint8_t { kByEffort, kAsked, kUnasked };
  Effort effort = Effort::kDefault;
  Thinking thinking = Thinking::kByEffort;
  std::optional<int32_t> budget_tokens = {};

  bool operator==(const Reasoning&) const = default;
};

// Text, or token ids of the model that is asked. Exactly one is used: tokens when not empty.
struct Prompt {
  std::string text = {};
  std::vector<int32_t> tokens = {};

  bool operator==(const Prompt&) const = default;
};

// A file beside the one whose middle is filled in: what a model for code may look up.
struct ContextFile {
  std::string name = {};  // as the model sees it; may be empty
  std::string text = {};

  bool operator==(const ContextFile&) const = default;
};

enum class Verbosity : uint8_t { kDefault, kLow, kMedium, kHigh };

enum class Priority : uint8_t { kInteractive, kBatch, kBackground };

// A chat (messages) or a plain completion (prompts). Choices are numbered prompt by prompt: prompt
// p's fork f is p*n+f.
struct GenerateRequest {
  std::string model = {};
  std::vector<Message> messages = {};  // a chat, when not empty
  // Of a chat: what it goes on behind, in token ids of the model that is asked, instead of what the
  // model itself brings before every chat.
  std::vector<int32_t> context = {};
  std::vector<Prompt> prompts = {};  // a completion, when not empty
  std::string suffix = {};           // completion: fill in the middle between the prompt and this
  bool has_suffix = false;
  std::vector<ContextFile> files = {};  // with a suffix only

  std::vector<Tool> tools = {};
  ToolChoice tool_choice = {};
  bool parallel_tool_calls = true;
  ResponseFormat response_format = {};
  Reasoning reasoning = {};
  Verbosity verbosity = Verbosity::kDefault;
  std::map<std::string, std::string> template_arguments =
      {};  // name to JSON text, for the chat template

  Sampling sampling = {};
  int32_t n = 1;                           // choices for each prompt
  std::optional<int32_t> max_tokens = {};  // absent: the engine's documented bound
  std::vector<std::string> stop = {};
  std::string prediction = {};  // what much of the answer is likely to be: a hint, for speed alone
  bool logprobs = false;
  int32_t top_logprobs = 0;  // 0..20
  // Completion: the prompt is repeated in front of the answer, with its log-probabilities where
  // they are asked for. max_tokens may then be 0: the prompt alone.
  bool echo = false;
  bool return_tokens = false;  // ids of prompt and answer, from whom has them
  Priority priority = Priority::kInteractive;
  std::optional<int64_t> keep_alive_ms =
      {};  // how long the model stays after this; negative: for ever
  // What changes no answer and means something to providers of one dialect alone: whom it is billed
  // to, where it is cached. "openai.user" to JSON text; only they are sent it. "anthropic-beta" is
  // a header there, as it came.
  std::map<std::string, std::string> provider_fields = {};

  bool operator==(const GenerateRequest&) const = default;
};

// EmbedRequest::input_tokens_max: as many as the model takes.
inline constexpr int32_t kModelInput = INT32_MAX;

struct EmbedRequest {
  std::string model = {};
  std::vector<Prompt> inputs = {};
  // The first input is a query and the others are documents: a model that ranks says how well each
  // fits, one that embeds gives vectors as ever (Embeddings::ranked).
  bool ranks = false;
  // What is longer is cut at its end: to so many tokens, or to what the model takes, where that is
  // less. Where one ranks, the documents alone. Absent: what is too long is an error.
  std::optional<int32_t> input_tokens_max = {};
  std::optional<int32_t> dimensions = {};
  Priority priority = Priority::kInteractive;
  std::optional<int64_t> keep_alive_ms = {};

  bool operator==(const EmbedRequest&) const = default;
};

// Log-probabilities of given continuations after one prompt; nothing is generated.
struct ScoreRequest {
  std::string model = {};
  std::vector<Message> messages =
      {};              // the prompt as a chat, rendered up to where the assistant speaks ...
  Prompt prompt = {};  // ... or as plain text or tokens
  std::vector<std::string> continuations = {};
  Priority priority = Priority::kInteractive;
  std::optional<int64_t> keep_alive_ms = {};

  bool operator==(const ScoreRequest&) const = default;
};

}  // namespace weir::chat
