#include "dialects/anthropic/lists.h"

#include <fmt/chrono.h>

#include "json/writer.h"

namespace weir::anthropic {
namespace {

void WriteModel(json::Writer& writer, const ModelEntry& model) {
  writer.BeginObject().Field("type", "model").Field("id", model.id);
  writer.Field("display_name", model.id);
  writer.Field("created_at", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(model.created_s)));
  writer.EndObject();
}

}  // namespace

std::string RenderModels(std::span<const ModelEntry> models, bool has_more) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("data").BeginArray();
  for (const ModelEntry& model : models) WriteModel(writer, model);
  writer.EndArray().Field("has_more", has_more).Key("first_id");
  if (models.empty()) {
    writer.Null().Key("last_id").Null();
  } else {
    writer.String(models.front().id).Field("last_id", models.back().id);
  }
  writer.EndObject();
  return out;
}

std::string RenderModel(const ModelEntry& model) {
  std::string out;
  json::Writer writer(&out);
  WriteModel(writer, model);
  return out;
}

}  // namespace weir::anthropic
