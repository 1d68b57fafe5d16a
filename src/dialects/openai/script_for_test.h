// Test support: a script of canonical events, read from JSON, so that a case is data.
//
//   {"events": [{"started": {"prompt_tokens": 5, "cached_tokens": 0}},
//               {"delta": {"choice": 0, "text": "Hi", "reasoning": "", "tool_calls": [...],
//               "logprobs": [...]}},
//               {"progress": {"processed": 3, "total": 5}},
//               {"choice_done": {"choice": 0, "reason": "stop", "stop_sequence": "", "tokens": 1}},
//               {"done": {"prompt_tokens": 5, "cached_tokens": 2, "completion_tokens": 1,
//                         "prompt_ms": 1.5, "decode_ms": 2.5}},
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
