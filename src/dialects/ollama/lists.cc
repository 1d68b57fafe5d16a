#include "dialects/ollama/answer.h"
#include "dialects/ollama/show.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

void WriteVector(json::Writer& writer, const std::vector<float>& vector) {
  writer.BeginArray();
  for (const float value : vector) writer.Float(value);
  writer.EndArray();
}

void WriteEntry(json::Writer& writer, const ModelEntry& model) {
  writer.BeginObject().Field("name", model.name).Field("model", model.name);
  writer.Field("size", model.size).Field("digest", model.sha256);
  WriteDetails(writer, model);
}

}  // namespace

std::string RenderEmbed(const chat::Embeddings& embeddings, std::string_view model,
                        int64_t total_ns, std::string_view weir) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("model", model).Key("embeddings").BeginArray();
  for (const auto& vector : embeddings.vectors) WriteVector(writer, vector);
  writer.EndArray().Field("total_duration", total_ns).Field("load_duration", 0);
  if (embeddings.usage.prompt_tokens)
    writer.Field("prompt_eval_count", *embeddings.usage.prompt_tokens);
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return out;
}

std::string RenderEmbedding(const chat::Embeddings& embeddings) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("embedding");
  WriteVector(writer,
              embeddings.vectors.empty() ? std::vector<float>() : embeddings.vectors.front());
  writer.EndObject();
  return out;
}

std::string RenderTags(std::span<const ModelEntry> models) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("models").BeginArray();
  for (const ModelEntry& model : models) {
    WriteEntry(writer, model);
    writer.Field("modified_at", model.modified_at).EndObject();
  }
  writer.EndArray().EndObject();
  return out;
}

std::string RenderRunning(std::span<const ModelEntry> models) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("models").BeginArray();
  for (const ModelEntry& model : models) {
    WriteEntry(writer, model);
    writer.Field("expires_at", model.expires_at).Field("size_vram", 0);
    writer.Field("context_length", model.context_tokens).EndObject();
  }
  writer.EndArray().EndObject();
  return out;
}

}  // namespace weir::ollama
