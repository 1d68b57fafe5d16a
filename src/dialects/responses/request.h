// OpenAI's Responses API: request bodies to canonical requests. Pure: text in, values out; any
// thread.
//
// A request may refer to what the server keeps: an earlier answer (previous_response_id) and single
// items of it (item_reference). So it is read in two steps: ReadCreate reads everything but the
// conversation, the caller looks up what is referred to, and Converse makes the messages.
//
// As in dialects/openai, what cannot be honoured is refused by name, and an unknown field is
// refused with the nearest known one. docs/responses.md says what becomes of each field.
//
// Bounds: those of dialects/openai; 4,096 items in a request, 16,384 in a conversation, 16 images
// in a conversation, 16 pairs of metadata.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/file_search.h"
#include "chat/request.h"
#include "json/value.h"

namespace weir::responses {

inline constexpr size_t kItemsMax = 4096;
inline constexpr size_t kConversationItemsMax = 16384;

// What the answer repeats of its request. Text is JSON where its name says so.
struct Echo {
  std::string instructions_json = "null";
  std::string metadata_json = "{}";
  std::string reasoning_json = R"({"effort":null,"summary":null})";
  std::string text_json = R"({"format":{"type":"text"}})";
  std::string tool_choice_json = R"("auto")";
  std::string tools_json = "[]";
  std::string max_output_tokens_json = "null";
  std::string temperature_json = "null";
  std::string top_p_json = "null";
  std::string previous_id = {};
  std::string user = {};
  std::string safety_identifier = {};
  std::string prompt_cache_key = {};
  int32_t top_logprobs = 0;
  bool parallel_tool_calls = true;
  bool store = true;
};

// An item of a conversation as it is kept and listed: JSON with all fields that OpenAI's items
// have.
struct KeptItem {
  std::string id = {};
  std::string json = {};
};

struct CreateCall {
  chat::GenerateRequest request = {};  // its messages come from Converse
  Echo echo = {};
  bool stream = false;
  bool store_asked = false;  // `store: true` was said, and not left out
  bool logprobs = false;     // include: message.output_text.logprobs
  bool results = false;      // include: file_search_call.results
  std::optional<chat::FileSearch> file_search = {};
  json::Array input = {};  // the items as they were sent, until Converse takes them
  bool has_instructions = false;
  std::string instructions = {};
  std::vector<KeptItem> items = {};  // of this request, from Converse
};

Result<CreateCall> ReadCreate(std::string_view body);  // /v1/responses
// The same, of which only the conversation and the tools count: /v1/responses/input_tokens.
Result<CreateCall> ReadInputTokens(std::string_view body);

// Ids of items that the request refers to, in its order.
std::vector<std::string> ReferencesOf(const CreateCall& call);

// Items that are kept here, by id.
using Referenced = std::map<std::string, std::string>;

// Makes the messages and `items`. `earlier`: JSON of the items of the conversation so far, oldest
// first. `id_base` makes the ids of items that come without ("msg_<id_base>_i0"). kNotFound for an
// item that is not in `referenced`.
Result<void> Converse(CreateCall& call, std::span<const std::string> earlier,
                      const Referenced& referenced, std::string_view id_base);

}  // namespace weir::responses
