// Ollama's dialect spoken to others: /api/chat and /api/generate out, answers in. Pure; any thread.
// docs/formats/provider-ollama.md says what becomes of each field.
//
// Source: Ollama's API documents and Python client 0.6.
#pragma once

#include <span>

#include "chat/provider.h"
#include "dialects/provider/field_rules.h"

namespace weir::ollama {

extern const chat::ProviderDialect kProvider;
extern const std::span<const provider::FieldRule> kProviderRules;

// The rows of kProvider.
Result<chat::ProviderCall> WriteProviderChat(const chat::GenerateRequest& request,
                                             const chat::ProviderModel& model,
                                             const chat::Quirks& quirks, bool stream);
std::unique_ptr<chat::ProviderAnswer> ReadProviderChat(const chat::GenerateRequest& request,
                                                       const chat::ProviderCall& call,
                                                       const chat::Quirks& quirks);
Result<chat::ProviderCall> WriteProviderEmbeddings(const chat::EmbedRequest& request,
                                                   const chat::ProviderModel& model,
                                                   const chat::Quirks& quirks);
Result<chat::Embeddings> ReadProviderEmbeddings(const chat::EmbedRequest& request,
                                                std::string_view body);
chat::ProviderCall ListProviderModels(const chat::Quirks& quirks);
Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body);
chat::ProviderCall ShowProviderModel(const std::string& name);
void ReadProviderModel(std::string_view body, chat::ListedProviderModel& model);
std::string ProviderErrorWord(std::string_view body);

}  // namespace weir::ollama
