// Pieces of requests that the dialects share. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/message.h"
#include "chat/provider.h"
#include "chat/request.h"
#include "json/value.h"
#include "json/writer.h"

namespace weir::provider {

// "data:image/png;base64,...": an inline part.
std::string DataUrl(const chat::Part& part);

// The text must be JSON; an object where `object`. The error names `param`.
Result<json::Value> ParseText(std::string_view text, std::string_view param, bool object);

// A tool's arguments as a JSON object; "" counts as {}.
Result<json::Value> ArgumentsOf(const chat::ToolCall& call, size_t message, size_t index);

// Whether a choice of tools leaves this one to the model: one that names none leaves all.
bool IsAllowed(const chat::ToolChoice& choice, const std::string& name);

// The schema of a tool's arguments, by its index in the request; that of no arguments where it has
// none.
Result<json::Value> SchemaOf(const chat::Tool& tool, size_t index);

// The call's body and headers. kTooLarge over the bound of a call.
Result<chat::ProviderCall> JsonCall(std::string path, std::string body, bool streams,
                                    std::string_view accept);

// A segment of a path: percent-encoded where it must be. kUnprocessable when it is empty, a dot
// segment, or longer than 256 bytes.
Result<std::string> PathSegment(std::string_view name);

// Ids for calls that a provider gave none: different in every turn of a conversation.
std::string MadeCallId(const chat::GenerateRequest& request, int32_t choice, int32_t index);

// Scales a vector to unit length; one of zeros stays. kBackendFailed where it has no length: a
// number beyond what a float holds, or none at all.
Result<void> Normalise(std::vector<float>& vector);

// Numbers of a JSON array; kBackendFailed when there is anything else, or nothing.
Result<std::vector<float>> ReadVector(const json::Value& value);

// A JSON document with embeddings: more values than other answers.
Result<json::Value> ParseEmbeddings(std::string_view body);

// A count of tokens: absent unless it is a whole number from 0.
std::optional<int64_t> Count(const json::Value* object, std::string_view key);

// The fields of a request that mean something to providers of one dialect alone, by the prefix of
// their names ("openai.").
void WriteFieldsOf(json::Writer& writer, std::string_view dialect,
                   const chat::GenerateRequest& request);

}  // namespace weir::provider
