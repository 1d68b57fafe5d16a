#include "dialects/ollama/error.h"

#include "json/writer.h"

namespace weir::ollama {

std::string RenderError(const Error& error) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("error", error.message);
  writer.Field("code",
               error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason));
  if (!error.param.empty()) writer.Field("param", error.param);
  writer.EndObject();
  return out;
}

}  // namespace weir::ollama
