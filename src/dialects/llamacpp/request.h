// llama-server's own request bodies to canonical requests: what editor plugins send. Pure: text in,
// values out; any thread.
//
// What cannot be honoured is refused by name; an unknown field is refused with the nearest known
// one. docs/llamacpp.md says what becomes of each field. A request names no model there; here it
// may, and means `auto` without.
//
// Bounds: those of dialects/openai for what both have; 64 prompts, 16 stop strings, 1,024 texts of
// 1,024 bytes with a bias, 64 response fields; 256 files beside the one that is filled in, of which
// the last that fit into 32 KiB are read; 8 MiB of text to tokenize, 1,000,000 tokens to
// detokenize.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "wire/engine.h"

namespace weir::llamacpp {

// What the answer must look like.
struct CompletionForm {
  bool stream = false;
  bool only_prompt = false;  // n_predict: 0: the prompt is computed, and nothing is shown
  bool timings_per_token = false;
  bool progress = false;       // return_progress
  bool tokens = false;         // return_tokens, and every stream: ids of the answer
  bool probabilities = false;  // n_probs
  int32_t indent_min = 0;      // n_indent: a line with less ends the answer
  bool has_fields = false;     // response_fields were given
  std::vector<std::string> fields = {};
  std::string settings_json = "{}";       // generation_settings: what the request said
  std::vector<std::string> prompts = {};  // their texts; empty for token ids
};

struct CompletionCall {
  chat::GenerateRequest request = {};
  CompletionForm form = {};
};

Result<CompletionCall> ReadCompletion(std::string_view body);  // /completion
Result<CompletionCall> ReadInfill(std::string_view body);      // /infill

// /apply-template: a chat as OpenAI's clients write it, and what its prompt is made of.
Result<chat::GenerateRequest> ReadApplyTemplate(std::string_view body);

struct TokenizeCall {
  std::string model = {};
  wire::Tokenize request = {};
};
Result<TokenizeCall> ReadTokenize(std::string_view body);  // /tokenize

struct DetokenizeCall {
  std::string model = {};
  wire::Detokenize request = {};
};
Result<DetokenizeCall> ReadDetokenize(std::string_view body);  // /detokenize

}  // namespace weir::llamacpp
