#include "dialects/llamacpp/error.h"

#include <utility>

#include "dialects/openai/error.h"

namespace weir::llamacpp {

std::string FieldOf(std::string_view param) {
  for (const auto& [theirs, ours] : {std::pair<std::string_view, std::string_view>{
                                         "response_format.json_schema.schema", "json_schema"},
                                     {"response_format", "json_schema"},
                                     {"max_tokens", "n_predict"},
                                     {"top_logprobs", "n_probs"},
                                     {"logprobs", "n_probs"}}) {
    if (param.starts_with(theirs)) return std::string(ours) += param.substr(theirs.size());
  }
  return std::string(param);
}

std::string RenderError(const Error& error) {
  Error ours = error;
  ours.param = FieldOf(error.param);
  return openai::RenderError(ours);
}

}  // namespace weir::llamacpp
