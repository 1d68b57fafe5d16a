// Test support: a script of canonical events, read from JSON, so that a case is data.
//
//   {"events": [{"started": {"prompt_tokens": 5, "cached_tokens": 0}},
//               {"delta": {"choice": 0, "text": "Hi", "reasoning": "", "tool_calls": [...],
//               "logprobs": [...]}},
//               {"choice_done": {"choice": 0, "reason": "stop"}},
//               {"done": {"prompt_tokens": 5, "cached_tokens": 2, "completion_tokens": 1}},
//               {"fail": {"code": "backend_failed", "message": "...", "reason": "..."}}],
//    "weir": {...}}
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "json/value.h"

namespace weir::openai {

struct Script {
  std::vector<std::variant<chat::Event, Error>> steps = {};
  std::string weir = {};
};

// Ends the test program when the script is malformed.
Script ReadScript(const json::Value& document);

}  // namespace weir::openai
