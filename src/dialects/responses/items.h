// The items of a conversation: read into canonical messages, and written as they are kept.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"
#include "json/fields.h"
#include "json/value.h"

namespace weir::responses {

// Reads items in their order. What the assistant did in one turn (reasoning, text, calls) is one
// message.
class Conversation {
 public:
  // Errors go to the item's Problem.
  void Read(json::Fields& item);
  std::vector<chat::Message> Take() { return std::move(messages_); }

 private:
  void ReadMessage(json::Fields& item);
  void ReadCall(json::Fields& item);
  void ReadOutput(json::Fields& item);
  void ReadReasoning(json::Fields& item);
  // The assistant's message that runs, or a new one. `after_text`: text and calls begin a new one,
  // because what is read now came after them.
  chat::Message& Assistant(bool after_text, bool after_calls);

  std::vector<chat::Message> messages_ = {};
  std::map<std::string, std::string> name_of_call_ = {};
  int images_ = 0;
};

// The id that an item_reference names; empty when `item` is none.
std::string ReferenceOf(const json::Value& item);

// An item that was read well, with every field that lists of items have. `id` is for one that has
// none.
json::Value KeptFormOf(json::Value item, std::string_view id);

}  // namespace weir::responses
