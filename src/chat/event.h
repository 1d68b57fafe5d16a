// What comes back from a model, in order: Started, any number of Progress and Delta, one ChoiceDone
// for each choice, Done. A failure is not an event here: the call that streams returns the Error,
// and each dialect renders it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chat/message.h"

namespace weir::chat {

// Counts in tokens, but for sound. Absent means not reported, which is not the same as zero.
struct Usage {
  std::optional<int64_t> prompt_tokens = {};
  std::optional<int64_t> cached_tokens = {};  // of prompt_tokens: reused, not processed again
  std::optional<int64_t> cache_written_tokens = {};  // of prompt_tokens: put into a paid cache
  std::optional<int64_t> completion_tokens = {};
  std::optional<int64_t> reasoning_tokens = {};  // of completion_tokens
  // Of a request with a prediction: tokens that were computed on the guess that they come next.
  std::optional<int64_t> accepted_prediction_tokens = {};  // of completion_tokens
  std::optional<int64_t> rejected_prediction_tokens = {};  // in vain
  std::optional<int64_t> sound_s = {};  // seconds of sound that were heard, to the nearest

  bool operator==(const Usage&) const = default;
};

struct TokenLogprob {
  std::string bytes = {};  // of the token; may be part of a code point
  // Natural logarithm; absent: nothing stands before the token, so nothing predicts it.
  std::optional<float> logprob = {};
  struct Alternative {
    std::string bytes = {};
    float logprob = 0;
    bool operator==(const Alternative&) const = default;
  };
  std::vector<Alternative> top = {};  // likeliest first

  bool operator==(const TokenLogprob&) const = default;
};

enum class FinishReason : uint8_t { kStop, kLength, kToolCalls, kContentFilter };
std::string_view FinishReasonName(FinishReason reason);

// Running statistics over the model's own token probabilities: what the cascade is calibrated on.
struct AnswerStats {
  int64_t tokens = 0;
  float logprob_mean = 0;
  float logprob_min = 0;
  float entropy_mean = 0;  // nats
  float entropy_max = 0;
  float margin_mean = 0;  // probability of the likeliest token less that of the second
  float margin_min = 0;

  bool operator==(const AnswerStats&) const = default;
};

struct Started {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  // Its token ids, where they were asked for; of one prompt alone, and without images.
  std::vector<int32_t> prompt = {};
  bool operator==(const Started&) const = default;
};

// While a long prompt is processed.
struct Progress {
  int64_t processed_tokens = 0;
  int64_t total_tokens = 0;
  bool operator==(const Progress&) const = default;
};

struct ToolCallDelta {
  int32_t index = 0;
  std::string id = {};    // in the call's first delta
  std::string name = {};  // in the call's first delta
  std::string arguments = {};
  bool operator==(const ToolCallDelta&) const = default;
};

// Text is whole code points. Each of the pieces may be empty.
struct Delta {
  int32_t choice = 0;
  std::string text = {};
  std::string reasoning = {};
  std::vector<ToolCallDelta> tool_calls = {};
  std::vector<TokenLogprob> logprobs = {};  // of the tokens since the last delta that carried some
  std::vector<Thought> thoughts = {};       // behind `reasoning`, before `text`
  // Ids of all tokens since the last delta that carried some, where they were asked for.
  std::vector<int32_t> tokens = {};
  bool operator==(const Delta&) const = default;
};

// What a delta adds to an answer that is kept whole, in bytes; log-probabilities as they are held.
size_t BytesOf(const Delta& delta);

struct ChoiceDone {
  int32_t choice = 0;
  FinishReason reason = FinishReason::kStop;
  std::string stop_sequence = {};  // which stop string ended it, if one did
  AnswerStats stats = {};
  bool operator==(const ChoiceDone&) const = default;
};

struct Done {
  Usage usage = {};
  double queue_ms = 0;
  double prompt_ms = 0;  // from admission to the first token
  double decode_ms = 0;
  // Tokens that an engine computed on a guess, and those of them that came true (of
  // completion_tokens). 0 where nothing is guessed or reported.
  int64_t draft_tokens = 0;
  int64_t draft_tokens_accepted = 0;
  bool operator==(const Done&) const = default;
};

using Event = std::variant<Started, Progress, Delta, ChoiceDone, Done>;

struct Embeddings {
  std::vector<std::vector<float>> vectors = {};  // one for each input, of unit length
  // By a model that ranks: one number from 0 to 1 for each document, nothing for the query.
  bool ranked = false;
  Usage usage = {};
  bool operator==(const Embeddings&) const = default;
};

struct Scores {
  struct Continuation {
    double logprob = 0;  // natural logarithm, of the whole continuation
    int32_t tokens = 0;
    bool operator==(const Continuation&) const = default;
  };
  std::vector<Continuation> continuations = {};  // in the order of the request
  Usage usage = {};
  bool operator==(const Scores&) const = default;
};

}  // namespace weir::chat
