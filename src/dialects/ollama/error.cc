#include "dialects/ollama/error.h"

#include <utility>

#include "json/writer.h"

namespace weir::ollama {

std::string FieldOf(std::string_view param) {
  for (const auto& [theirs, ours] : {std::pair<std::string_view, std::string_view>{
                                         "response_format.json_schema.schema", "format"},
                                     {"response_format", "format"},
                                     {"reasoning_effort", "think"},
                                     {"max_tokens", "options.num_predict"},
                                     {"stop", "options.stop"}}) {
    if (param.starts_with(theirs)) return std::string(ours) += param.substr(theirs.size());
  }
  return std::string(param);
}

std::string FieldOfGenerate(std::string_view param) {
  if (!param.starts_with("messages")) return std::string(param);
  const size_t part = param.find(".content[");
  const bool text = part == std::string_view::npos || param.substr(part) == ".content[0]";
  return text ? "prompt" : "images";
}

std::string RenderError(const Error& error) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("error", error.message);
  writer.Field("code",
               error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason));
  if (!error.param.empty()) writer.Field("param", FieldOf(error.param));
  writer.EndObject();
  return out;
}

}  // namespace weir::ollama
