#include "dialects/responses/error.h"

#include <utility>

#include "dialects/openai/error.h"

namespace weir::responses {

std::string FieldOf(std::string_view param) {
  // Several items make one message, so the message's number would mislead.
  if (param == "messages" || param.starts_with("messages[")) return "input";
  constexpr std::string_view kFunction = "].function";
  if (const size_t at = param.find(kFunction); param.starts_with("tools[") && at != param.npos) {
    std::string out(param.substr(0, at + 1));
    return out += param.substr(at + kFunction.size());
  }
  for (const auto& [theirs, ours] :
       {std::pair<std::string_view, std::string_view>{"response_format.json_schema", "text.format"},
        {"response_format", "text.format"},
        {"max_tokens", "max_output_tokens"},
        {"reasoning_effort", "reasoning.effort"}}) {
    if (!param.starts_with(theirs)) continue;
    return std::string(ours) += param.substr(theirs.size());
  }
  return std::string(param);
}

std::string RenderError(const Error& error) {
  Error ours = error;
  ours.param = FieldOf(error.param);
  return openai::RenderError(ours);
}

}  // namespace weir::responses
