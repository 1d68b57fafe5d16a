#include <cstring>

#include "base/base64.h"
#include "dialects/openai/provider.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "dialects/provider/transcriptions.h"

namespace weir::openai {
namespace {

using provider::Malformed;

constexpr size_t kModelsMax = 10'000;

// Base64 of little-endian floats.
Result<std::vector<float>> DecodeVector(std::string_view text) {
  const auto bytes = DecodeBase64(text);
  if (!bytes || bytes->empty() || bytes->size() % sizeof(float) != 0)
    return Malformed("has an embedding that is not base64 of floats");
  std::vector<float> out(bytes->size() / sizeof(float));
  std::memcpy(out.data(), bytes->data(), bytes->size());
  return out;
}

Result<std::vector<float>> VectorOf(const json::Value& item) {
  const json::Value* embedding = item.Find("embedding");
  if (embedding == nullptr) return Malformed("has an entry without an embedding");
  if (const std::string* text = embedding->AsString()) return DecodeVector(*text);
  return provider::ReadVector(*embedding);
}

std::optional<int64_t> Tokens(const json::Value* model,
                              std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const auto tokens = provider::Count(model, key); tokens && *tokens > 0) return tokens;
  }
  return std::nullopt;
}

std::optional<bool> Flag(const json::Value* object, std::string_view key) {
  const json::Value* value = object == nullptr ? nullptr : object->Find(key);
  const bool* flag = value == nullptr ? nullptr : value->AsBool();
  return flag == nullptr ? std::nullopt : std::optional(*flag);
}

// Whether a list of words holds one; nothing when there is no list.
std::optional<bool> Lists(const json::Value* object, std::string_view key, std::string_view word) {
  const json::Value* value = object == nullptr ? nullptr : object->Find(key);
  const json::Array* words = value == nullptr ? nullptr : value->AsArray();
  if (words == nullptr) return std::nullopt;
  for (const json::Value& item : *words) {
    if (item.AsString() != nullptr && *item.AsString() == word) return true;
  }
  return false;
}

// What OpenRouter, Mistral, Groq, vLLM and llama-server say of a model, each in its own words;
// OpenAI says nothing.
chat::ListedProviderModel ReadModel(const json::Value& item) {
  const json::Value* id = item.Find("id");
  chat::ListedProviderModel out;
  if (id != nullptr && id->AsString() != nullptr) out.name = *id->AsString();
  out.context_tokens =
      Tokens(&item, {"context_length", "context_window", "max_model_len", "max_context_length"});
  // What llama-server runs with comes before what the model was made for.
  if (!out.context_tokens) out.context_tokens = Tokens(item.Find("meta"), {"n_ctx", "n_ctx_train"});
  out.max_output_tokens = Tokens(&item, {"max_completion_tokens", "max_output_tokens"});
  if (!out.max_output_tokens)
    out.max_output_tokens = Tokens(item.Find("top_provider"), {"max_completion_tokens"});
  const json::Value* capabilities = item.Find("capabilities");
  out.vision = Flag(capabilities, "vision");
  if (!out.vision) out.vision = Lists(item.Find("architecture"), "input_modalities", "image");
  out.tools = Flag(capabilities, "function_calling");
  if (!out.tools) out.tools = Lists(&item, "supported_parameters", "tools");
  out.json_schema = Lists(&item, "supported_parameters", "structured_outputs");
  return out;
}

}  // namespace

Result<chat::Embeddings> ReadProviderEmbeddings(const chat::EmbedRequest& request,
                                                std::string_view body) {
  const auto parsed = provider::ParseEmbeddings(body);
  if (!parsed) return Fail(parsed.error());
  const json::Value* data = parsed->Find("data");
  const json::Array* items = data == nullptr ? nullptr : data->AsArray();
  if (items == nullptr || items->size() != request.inputs.size())
    return Malformed("has not one embedding for each input");
  chat::Embeddings out;
  out.vectors.resize(items->size());
  for (size_t i = 0; i < items->size(); ++i) {
    const auto index = static_cast<size_t>(
        provider::Count(&(*items)[i], "index").value_or(static_cast<int64_t>(i)));
    if (index >= out.vectors.size() || !out.vectors[index].empty())
      return Malformed("has embeddings that are numbered wrongly");
    auto vector = VectorOf((*items)[i]);
    if (!vector) return Fail(vector.error());
    if (auto unit = provider::Normalise(*vector); !unit) return Fail(unit.error());
    out.vectors[index] = std::move(*vector);
  }
  out.usage.prompt_tokens = provider::Count(parsed->Find("usage"), "prompt_tokens");
  return out;
}

Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  if (!parsed) return Fail(parsed.error());
  // Together answers with the bare list.
  const json::Value* data = parsed->AsArray() != nullptr ? &*parsed : parsed->Find("data");
  const json::Array* items = data == nullptr ? nullptr : data->AsArray();
  if (items == nullptr || items->size() > kModelsMax) return Malformed("is not a list of models");
  std::vector<chat::ListedProviderModel> out;
  for (const json::Value& item : *items) {
    chat::ListedProviderModel model = ReadModel(item);
    if (!model.name.empty()) out.push_back(std::move(model));
  }
  return out;
}

constinit const chat::ProviderDialect kProvider = {
    .name = "openai",
    .credential = chat::CredentialStyle::kBearer,
    .write = WriteProviderChat,
    .read = ReadProviderChat,
    .write_embed = WriteProviderEmbeddings,
    .read_embed = ReadProviderEmbeddings,
    .write_transcription = WriteProviderTranscription,
    .read_transcription = provider::ReadTranscription,
    .error_word = ProviderErrorWord,
    .list_models = ListProviderModels,
    .read_models = ReadProviderModels};

}  // namespace weir::openai
