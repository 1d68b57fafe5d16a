#include "dialects/openai/lists.h"

#include <bit>

#include "base/base64.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "floats are sent as they lie");

void WriteVector(json::Writer& writer, const std::vector<float>& vector, bool base64) {
  if (base64) {
    writer.String(EncodeBase64(
        {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)}));
    return;
  }
  writer.BeginArray();
  for (const float value : vector) writer.Float(value);
  writer.EndArray();
}

void WriteModel(json::Writer& writer, const ModelEntry& model) {
  writer.BeginObject()
      .Field("id", model.id)
      .Field("object", "model")
      .Field("created", model.created_s);
  writer.Field("owned_by", model.owned_by);
  if (!model.capabilities.empty()) {
    writer.Key("capabilities").BeginArray();
    for (const std::string& capability : model.capabilities) writer.String(capability);
    writer.EndArray();
  }
  writer.EndObject();
}

}  // namespace

std::string RenderEmbeddings(const chat::Embeddings& embeddings, std::string_view model,
                             bool base64, std::string_view weir) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (size_t i = 0; i < embeddings.vectors.size(); ++i) {
    writer.BeginObject().Field("object", "embedding").Field("index", i).Key("embedding");
    WriteVector(writer, embeddings.vectors[i], base64);
    writer.EndObject();
  }
  writer.EndArray().Field("model", model).Key("usage");
  if (embeddings.usage.prompt_tokens) {
    const int64_t tokens = *embeddings.usage.prompt_tokens;
    writer.BeginObject().Field("prompt_tokens", tokens).Field("total_tokens", tokens).EndObject();
  } else {
    writer.Null();
  }
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return out;
}

std::string RenderModels(std::span<const ModelEntry> models) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const ModelEntry& model : models) WriteModel(writer, model);
  writer.EndArray().EndObject();
  return out;
}

std::string RenderModel(const ModelEntry& model) {
  std::string out;
  json::Writer writer(&out);
  WriteModel(writer, model);
  return out;
}

}  // namespace weir::openai
