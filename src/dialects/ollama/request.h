// Ollama's request bodies to canonical requests. Pure: text in, values out; any thread.
//
// What is known and cannot be honoured is refused by name; options that speak of the machine
// (num_ctx, num_gpu, ...) and fields that are not known are ignored, as Ollama ignores them
// (docs/ollama.md lists all).
//
// Bounds: JSON limits (json/parse.h), 1,048,576 tokens of context, 4,096 messages, 16 images, 128
// tools, 128 calls a message, 16 stop strings of 1,024 bytes, 2,048 embedding inputs.
#pragma once

#include <string_view>

#include "base/result.h"
#include "chat/request.h"

namespace weir::ollama {

struct GenerateCall {
  chat::GenerateRequest request = {};
  bool chat = true;  // /api/chat; else /api/generate
  bool stream = true;
  // Nothing is asked: the model shall be loaded, or (with a keep_alive of 0) unloaded.
  bool only_load = false;
};

Result<GenerateCall> ReadChat(std::string_view body);              // /api/chat
Result<GenerateCall> ReadGenerate(std::string_view body);          // /api/generate
Result<chat::EmbedRequest> ReadEmbed(std::string_view body);       // /api/embed
Result<chat::EmbedRequest> ReadEmbeddings(std::string_view body);  // /api/embeddings: one text
// The `model` (or older `name`) of /api/show.
Result<std::string> ReadShow(std::string_view body);

}  // namespace weir::ollama
