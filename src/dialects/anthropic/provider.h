// Anthropic's dialect spoken to others: messages out, answers in. Pure; any thread.
// docs/formats/provider-anthropic.md says what becomes of each field.
//
// Source: Anthropic's messages API, version 2023-06-01, as its Python client 2.12 describes it.
#pragma once

#include <span>

#include "chat/provider.h"
#include "dialects/provider/field_rules.h"

namespace weir::anthropic {

extern const chat::ProviderDialect kProvider;
extern const std::span<const provider::FieldRule> kProviderRules;

// The rows of kProvider.
Result<chat::ProviderCall> WriteProviderChat(const chat::GenerateRequest& request,
                                             const chat::ProviderModel& model,
                                             const chat::Quirks& quirks, bool stream);
std::unique_ptr<chat::ProviderAnswer> ReadProviderChat(const chat::GenerateRequest& request,
                                                       const chat::ProviderCall& call,
                                                       const chat::Quirks& quirks);
chat::ProviderCall ListProviderModels(const chat::Quirks& quirks);
Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body);
std::string ProviderErrorWord(std::string_view body);

}  // namespace weir::anthropic
