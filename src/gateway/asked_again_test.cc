#include "gateway/asked_again.h"

#include <gtest/gtest.h>

namespace weir::gateway {
namespace {

constexpr MonotonicTime kNow{std::chrono::hours(100)};

chat::GenerateRequest Says(std::vector<std::pair<chat::Role, std::string>> turns,
                           std::string model = "auto") {
  chat::GenerateRequest request{.model = std::move(model)};
  for (auto& [role, text] : turns) {
    request.messages.push_back({.role = role, .parts = {{.text = std::move(text)}}});
  }
  return request;
}

const chat::GenerateRequest kAsked = Says({{chat::Role::kUser, "Where is the key?"}});

TEST(AskedAgain, TheSameTurnsOfTheSameCallerRepeat) {
  AskedAgain turns;
  turns.Answered({.key_id = "k"}, kAsked, "dec_1", {}, kNow);
  const auto again = turns.Look({.key_id = "k"}, kAsked, kNow);
  EXPECT_EQ(again.repeats, "dec_1");
  EXPECT_TRUE(again.same_name);
  EXPECT_TRUE(again.continues.empty());
  auto other = kAsked;
  other.model = "big";
  EXPECT_FALSE(turns.Look({.key_id = "k"}, other, kNow).same_name);
  EXPECT_EQ(turns.Look({.key_id = "k"}, other, kNow).repeats, "dec_1");
}

TEST(AskedAgain, OthersTurnsOtherTextsAndOldOnesDoNot) {
  AskedAgain turns;
  turns.Answered({.key_id = "k"}, kAsked, "dec_1", {}, kNow);
  EXPECT_TRUE(turns.Look({.key_id = "l"}, kAsked, kNow).repeats.empty());
  EXPECT_TRUE(turns.Look({.key_id = "k", .user = "u"}, kAsked, kNow).repeats.empty());
  EXPECT_TRUE(turns.Look({.key_id = "k", .tenant = "t"}, kAsked, kNow).repeats.empty());
  EXPECT_TRUE(turns.Look({.key_id = "k"}, Says({{chat::Role::kUser, "Where is it?"}}), kNow)
                  .repeats.empty());
  EXPECT_TRUE(turns.Look({.key_id = "k"}, Says({{chat::Role::kSystem, "Where is the key?"}}), kNow)
                  .repeats.empty());
  const auto late = kNow + AskedAgain::kFor + std::chrono::nanoseconds(1);
  EXPECT_TRUE(turns.Look({.key_id = "k"}, kAsked, late).repeats.empty());
}

TEST(AskedAgain, WhatWouldBeAnsweredTheSameIsNoComplaint) {
  AskedAgain turns;
  turns.Answered({}, kAsked, "dec_1", {}, kNow);
  auto greedy = kAsked;
  greedy.sampling.temperature = 0;
  EXPECT_TRUE(turns.Look({}, greedy, kNow).repeats.empty());
  greedy.sampling.temperature = 0.5F;
  EXPECT_EQ(turns.Look({}, greedy, kNow).repeats, "dec_1");
}

TEST(AskedAgain, WhoGoesOnFromAnAnswerContinuesIt) {
  AskedAgain turns;
  turns.Answered({}, kAsked, "dec_1", {}, kNow);
  const auto next = turns.Look({},
                               Says({{chat::Role::kUser, "Where is the key?"},
                                     {chat::Role::kAssistant, "On the hook."},
                                     {chat::Role::kUser, "Thanks. And the lamp?"}}),
                               kNow);
  EXPECT_EQ(next.continues, "dec_1");
  EXPECT_TRUE(next.repeats.empty());
  EXPECT_TRUE(turns
                  .Look({},
                        Says({{chat::Role::kUser, "Where is the key?"},
                              {chat::Role::kUser, "Hello?"},
                              {chat::Role::kUser, "Are you there?"}}),
                        kNow)
                  .continues.empty());
}

TEST(AskedAgain, WhoHasTheConversationIsKnownWhenItGoesOnAlsoWithAToolsResult) {
  AskedAgain turns;
  turns.Answered({}, kAsked, "dec_1", {{"fast", 40}, {"capable", 30}}, kNow);
  const auto held = [&](std::vector<std::pair<chat::Role, std::string>> more) {
    more.insert(more.begin(), {chat::Role::kUser, "Where is the key?"});
    const auto earlier = turns.Look({}, Says(more), kNow + std::chrono::seconds(9));
    EXPECT_EQ(earlier.age, earlier.prefixes.empty() ? Duration() : std::chrono::seconds(9));
    return earlier.prefixes.empty() ? "" : earlier.prefixes.front().target;
  };
  using enum chat::Role;
  EXPECT_EQ(held({{kAssistant, "On the hook."}, {kUser, "Thanks."}}), "fast");
  EXPECT_EQ(held({{kAssistant, ""}, {kTool, "hook"}}), "fast");
  EXPECT_EQ(held({{kAssistant, ""}, {kTool, "hook"}, {kTool, "drawer"}}), "fast");
  EXPECT_EQ(held({{kTool, "hook"}}), "");
  EXPECT_EQ(held({{kAssistant, ""}}), "");
  EXPECT_EQ(held({}), "");
  EXPECT_TRUE(
      turns.Look({}, Says({{kUser, "Where is the key?"}, {kAssistant, ""}, {kTool, "hook"}}), kNow)
          .continues.empty())
      << "that an answer was made into a tool's call says nothing of its worth";
}

TEST(AskedAgain, LongTextsDifferByTheirEnds) {
  AskedAgain turns;
  const std::string long_text(300'000, 'x');
  turns.Answered({}, Says({{chat::Role::kUser, long_text + "a"}}), "dec_1", {}, kNow);
  EXPECT_TRUE(turns.Look({}, Says({{chat::Role::kUser, long_text + "b"}}), kNow).repeats.empty());
  EXPECT_EQ(turns.Look({}, Says({{chat::Role::kUser, long_text + "a"}}), kNow).repeats, "dec_1");
}

TEST(AskedAgain, ItIsBounded) {
  AskedAgain turns;
  for (size_t i = 0; i < AskedAgain::kTurnsMax + 10; ++i) {
    turns.Answered({}, Says({{chat::Role::kUser, std::to_string(i)}}), "dec_" + std::to_string(i),
                   {}, kNow);
    turns.Answered({}, Says({{chat::Role::kUser, std::to_string(i)}}), "dec_" + std::to_string(i),
                   {}, kNow);
  }
  EXPECT_EQ(turns.size(), AskedAgain::kTurnsMax);
  EXPECT_TRUE(turns.Look({}, Says({{chat::Role::kUser, "9"}}), kNow).repeats.empty());
  EXPECT_EQ(turns.Look({}, Says({{chat::Role::kUser, "10"}}), kNow).repeats, "dec_10");
}

}  // namespace
}  // namespace weir::gateway
