#include "engine/defaults.h"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

chat::Message Said(chat::Role role, std::string text) {
  chat::Message message{.role = role};
  message.parts.push_back({.text = std::move(text)});
  return message;
}

std::string Texts(const chat::GenerateRequest& request) {
  std::string out;
  for (const chat::Message& message : request.messages) out += chat::TextOf(message) + "|";
  return out;
}

const wire::ModelDefaults kDefaults = [] {
  wire::ModelDefaults defaults{.stop = {"END"}, .max_tokens = 9, .system = "be brief"};
  defaults.sampling.temperature = 0.25F;
  defaults.messages = {Said(chat::Role::kUser, "q"), Said(chat::Role::kAssistant, "a")};
  return defaults;
}();

TEST(DefaultsTest, FillWhatARequestLeavesOpen) {
  chat::GenerateRequest request{.messages = {Said(chat::Role::kUser, "hi")}};
  ApplyDefaults(kDefaults, request);
  EXPECT_EQ(request.sampling.temperature, 0.25F);
  EXPECT_EQ(request.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_EQ(Texts(request), "be brief|q|a|hi|");
}

TEST(DefaultsTest, WhatARequestSaysCounts) {
  chat::GenerateRequest request{
      .messages = {Said(chat::Role::kSystem, "mine"), Said(chat::Role::kUser, "hi")},
      .max_tokens = 3,
      .stop = {"X"}};
  request.sampling.temperature = 0.0F;
  ApplyDefaults(kDefaults, request);
  EXPECT_EQ(request.sampling.temperature, 0.0F);
  EXPECT_EQ(request.stop, std::vector<std::string>{"X"});
  EXPECT_EQ(request.max_tokens, 3);
  EXPECT_EQ(Texts(request), "mine|q|a|hi|");
}

TEST(DefaultsTest, ACompletionHasNoMessages) {
  chat::GenerateRequest request{.prompts = {{.text = "once"}}};
  ApplyDefaults(kDefaults, request);
  EXPECT_TRUE(request.messages.empty());
  EXPECT_EQ(request.max_tokens, 9);
}

TEST(DefaultsTest, AChatBehindAContextBeginsNothing) {
  chat::GenerateRequest request{.messages = {Said(chat::Role::kUser, "hi")}, .context = {1, 2}};
  ApplyDefaults(kDefaults, request);
  EXPECT_EQ(Texts(request), "hi|");
  EXPECT_EQ(request.max_tokens, 9);
}

}  // namespace
}  // namespace weir::engine
