#include "dialects/qdrant/answer.h"

#include "json/writer.h"

namespace weir::qdrant {

std::string Envelope(std::string_view result, Duration took) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject()
      .Key("result")
      .Raw(result)
      .Field("status", "ok")
      .Field("time", std::chrono::duration<double>(took).count())
      .EndObject();
  return out;
}

std::string RenderError(const Error& error) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("status").BeginObject().Field("error", error.message);
  // Beyond Qdrant's own: for programs.
  writer.Field("code",
               error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason));
  writer.Key("param");
  if (error.param.empty()) {
    writer.Null();
  } else {
    writer.String(error.param);
  }
  writer.EndObject().Key("result").Null().Field("time", 0.0).EndObject();
  return out;
}

std::string RenderVersion(std::string_view version) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject()
      .Field("title", "weir, as a vector search engine")
      .Field("version", kVersion)
      .Field("weir", version)
      .EndObject();
  return out;
}

}  // namespace weir::qdrant
