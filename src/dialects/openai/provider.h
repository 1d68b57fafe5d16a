// OpenAI's dialect spoken to others: chat requests, embeddings and sound out, answers in. It is
// what most servers speak, so its differences are Quirks (chat/provider.h). Pure; any thread.
// docs/formats/provider-openai.md says what becomes of each field.
#pragma once

#include <span>

#include "chat/provider.h"
#include "dialects/provider/field_rules.h"

namespace weir::openai {

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
Result<chat::ProviderCall> WriteProviderTranscription(const chat::TranscribeRequest& request,
                                                      const chat::ProviderModel& model,
                                                      const chat::Quirks& quirks,
                                                      std::string_view boundary);
chat::ProviderCall ListProviderModels(const chat::Quirks& quirks);
Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body);
std::string ProviderErrorWord(std::string_view body);

}  // namespace weir::openai
