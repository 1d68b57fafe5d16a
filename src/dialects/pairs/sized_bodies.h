// Bodies of any size in every dialect, for dialects_bench.cc: what a client sends, and the pieces
// in which an answer arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/pairs/clients_for_test.h"

namespace weir::pairs {

// A conversation: something said by the system, then turns of a user and an assistant, the last of
// them the user's.
struct Asked {
  size_t messages = 5;  // besides the system's
  size_t calls = 0;     // turns in which a tool is called and answers, before the last message
  size_t tools = 2;
  size_t bytes = 0;  // the last text is as long as this needs; 0: short
};
// Empty where the dialect has no such thing: llama.cpp's has neither messages nor tools.
std::string RequestBody(std::string_view client, const Asked& asked);

enum class Says : uint8_t {
  kText,       // `count` pieces of text
  kArguments,  // one tool call, whose arguments come in `count` pieces
  kCalls,      // `count` tool calls
};
struct Pieces {
  std::string content_type = {};
  std::vector<std::string> pieces = {};  // of the body; the engine's are frames
};
// No pieces where the dialect has no such thing: Gemini's and Ollama's arguments come whole.
Pieces AnswerPieces(std::string_view answerer, Says says, size_t count);

}  // namespace weir::pairs
