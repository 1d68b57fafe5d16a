// OpenAI's request bodies to canonical requests. Pure: text in, values out; any thread.
//
// What cannot be honoured is refused by name (kInvalidArgument with `param` as a path), never
// dropped in silence. Fields that cannot change the answer are accepted and ignored (kIgnored in
// common_fields.cc; docs/openai.md lists them). An unknown field is refused, and the nearest known
// one is named. Besides OpenAI's fields those of llama-server, vLLM and Ollama for sampling,
// grammars, templates and keep_alive are read.
//
// Bounds: JSON limits (json/parse.h), 4,096 messages, 1,024 parts a message, 16 images, 128 tools,
// 128 calls a message, 16 stop strings of 1,024 bytes, 1,024 logit biases, 128 choices (8 for each
// prompt unless Limits says more), 2,048 embedding inputs, 300,000 token ids in all.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "chat/file_search.h"
#include "chat/request.h"

namespace weir::openai {

inline constexpr int32_t kChoicesMax = 128;

struct Limits {
  int32_t choices_max = 8;  // of `n`; at most kChoicesMax
};

// A request with what its answer must look like.
struct GenerateCall {
  chat::GenerateRequest request = {};
  bool stream = false;
  bool include_usage = false;                        // stream_options: a last chunk with the usage
  std::optional<chat::FileSearch> file_search = {};  // the answer rests on what it finds
  bool legacy_functions = false;  // asked with `functions`: answered with `function_call`

  int32_t choices() const {
    const auto prompts = static_cast<int32_t>(request.prompts.size());
    return request.n * (prompts == 0 ? 1 : prompts);
  }
};

struct EmbedCall {
  chat::EmbedRequest request = {};
  bool base64 = false;  // vectors as base64 of little-endian floats
};

Result<GenerateCall> ReadChat(std::string_view body,
                              const Limits& limits = {});  // /v1/chat/completions
Result<GenerateCall> ReadCompletion(std::string_view body,
                                    const Limits& limits = {});  // /v1/completions
Result<EmbedCall> ReadEmbeddings(std::string_view body);         // /v1/embeddings

}  // namespace weir::openai
