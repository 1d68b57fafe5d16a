// What AnswerParser needs to know of a rendered prompt. Inside of this folder only: it names
// llama-common's types.
#pragma once

#include <chat.h>

#include <string>
#include <vector>

#include "llama/chat_template.h"

namespace weir::llama {

struct AnswerFormat::Data {
  // llama-common's parser for the template; without one the text is content.
  bool has_parser = false;
  common_chat_parser_params parser = {};
  // Content and reasoning are plain text apart from these tags, so that they can be told apart
  // without the parser. False: every part of the answer goes through it.
  bool simple = true;
  std::string think_start = {};  // empty: no thinking
  std::string think_end = {};
  bool starts_thinking = false;  // the prompt has opened a thought
  // From one of these on, the parser reads the answer.
  std::vector<std::string> tool_markers = {};

  // Functions whose calls may come as JSON: {"name": ..., "arguments": {...}}, bare, in a fence or
  // in <tool_call> tags.
  struct Function {
    std::string name = {};
    std::vector<std::string> required = {};
    std::vector<std::string> properties = {};
    bool closed = false;      // no other properties
    std::string schema = {};  // of a strict function: its arguments are checked against it
  };
  std::vector<Function> json_functions = {};
  bool json_only = false;  // a grammar makes sure that the answer is one such call
  bool parallel = true;
};

}  // namespace weir::llama
