// Test support: canonical requests as JSON that a person writes, and events as text that a person
// reads.
#pragma once

#include <string>
#include <string_view>

#include "chat/event.h"
#include "chat/provider.h"
#include "chat/request.h"
#include "json/value.h"

namespace weir::provider {

struct Asked {
  chat::GenerateRequest request = {};
  chat::ProviderModel target = {.name = "the-model"};
  chat::Quirks quirks = {};
  bool stream = false;
};

// Ends the test program when the document is malformed.
Asked ReadCanonical(const json::Value& document);

// One line.
std::string EventText(const chat::Event& event);

// Two requests that differ in one field of field_rules.h, and in nothing else that matters.
void SampleOf(std::string_view field, chat::GenerateRequest& without, chat::GenerateRequest& with);

}  // namespace weir::provider
