// The fields that chat and plain completions share. Errors go to the Fields' Problem.
#pragma once

#include "dialects/openai/request.h"
#include "json/fields.h"

namespace weir::openai {

inline constexpr size_t kNameBytesMax = 256;  // model names, ids, speakers
inline constexpr int64_t kTokensMax = 10'000'000;

// Everything but messages, prompts and tools; ends with the check for unknown fields, so call it
// last.
void ReadCommon(json::Fields& fields, const Limits& limits, GenerateCall& call);

// Clients made for llama-server leave it out; it is then the router's choice.
std::string ReadModel(json::Fields& fields);
std::optional<chat::Verbosity> ReadVerbosity(json::Fields& fields);
// What OpenAI bills and caches by (GenerateRequest::provider_fields).
void ReadProviderFields(json::Fields& fields, std::map<std::string, std::string>& out);
void ReadSampling(json::Fields& fields, chat::Sampling& sampling);
void ReadKeepAlive(json::Fields& fields, std::optional<int64_t>& keep_alive_ms);
// Accepts what cannot change an answer, and refuses what is left unread.
void ReadRest(json::Fields& fields);

// A string, an array of strings, an array of token ids, or an array of those.
std::vector<chat::Prompt> ReadPrompts(json::Fields& fields, std::string_view key, size_t count_max);

// JSON text of an object field; empty where absent.
std::string ReadSchema(json::Fields& fields, std::string_view key);
std::optional<chat::Reasoning::Effort> ReadEffort(json::Fields& fields, std::string_view key);
void ReadWeir(json::Fields& fields, chat::Priority& priority);  // our own: `weir.priority`

// For what OpenAI's clients may send and nobody here can do.
void RefuseUnsupported(json::Fields& fields, std::string_view key, std::string_view why);

}  // namespace weir::openai
