#include "privacy/marks.h"

#include <gtest/gtest.h>

namespace weir::privacy {
namespace {

using chat::Message;
using chat::Role;

const std::string kSecret(kSecretBytes, 's');

Message Say(Role role, std::string text) {
  return {.role = role, .parts = {{.text = std::move(text)}}};
}

TEST(Marks, ALongTextIsKnownAgainWhoeverSaysIt) {
  const std::string text(100, 'x');
  const Message user[] = {Say(Role::kUser, text)};
  const Message pasted[] = {Say(Role::kUser, "before"), Say(Role::kTool, "\n" + text + "  ")};
  EXPECT_EQ(MarksOf(kSecret, "t", user).texts, MarksOf(kSecret, "t", pasted).texts);
}

TEST(Marks, AShortTextCountsOnlyWithinItsPrefix) {
  const Message hello[] = {Say(Role::kUser, "hello")};
  const Marks marks = MarksOf(kSecret, "t", hello);
  EXPECT_TRUE(marks.texts.empty());
  EXPECT_EQ(marks.prefixes.size(), 1u);
  const Message other[] = {Say(Role::kSystem, "be brief"), Say(Role::kUser, "hello")};
  EXPECT_NE(MarksOf(kSecret, "t", other).prefixes, marks.prefixes);
}

TEST(Marks, AConversationKeepsItsEarlierPrefixes) {
  const std::vector<Message> first = {Say(Role::kUser, "a")};
  const std::vector<Message> second = {Say(Role::kUser, "a"), Say(Role::kAssistant, "b"),
                                       Say(Role::kUser, "c")};
  const Marks later = MarksOf(kSecret, "t", second);
  ASSERT_EQ(later.prefixes.size(), 2u);
  EXPECT_EQ(later.prefixes[0], MarksOf(kSecret, "t", first).prefixes[0]);
}

TEST(Marks, AFileOfTextIsKnownAgainBesideAnotherQuestion) {
  const auto ask = [](std::string question, std::string rows) {
    return std::vector<Message>{
        {.parts = {{.text = std::move(question)},
                   {.kind = chat::Part::Kind::kFile, .media_type = "text/csv", .data = rows}}}};
  };
  const Marks first = MarksOf(kSecret, "t", ask("what is it?", std::string(100, 'x')));
  const Marks again = MarksOf(kSecret, "t", ask("and what is that?", std::string(100, 'x')));
  ASSERT_EQ(first.texts.size(), 2u) << "the file, and all of the message";
  EXPECT_EQ(first.texts[0], again.texts[0]);
  EXPECT_NE(first.texts[1], again.texts[1]);
  // A turn that is a file alone is not every such turn.
  EXPECT_NE(MarksOf(kSecret, "t", ask("", "a")).prefixes,
            MarksOf(kSecret, "t", ask("", "b")).prefixes);
}

TEST(Marks, TenantsAndInstallationsHaveNothingInCommon) {
  const Message text[] = {Say(Role::kUser, std::string(100, 'x'))};
  EXPECT_NE(MarksOf(kSecret, "a", text).texts, MarksOf(kSecret, "b", text).texts);
  EXPECT_NE(MarksOf(kSecret, "a", text).texts,
            MarksOf(std::string(kSecretBytes, 'o'), "a", text).texts);
}

TEST(Marks, AnAnswerIsKnownAsTheTurnThatALaterRequestCarries) {
  const Message turn[] = {Say(Role::kAssistant, "Yes.")};
  EXPECT_EQ(MarksOf(kSecret, "t", turn).assistant, MarksOfAnswer(kSecret, "t", "Yes.\n").assistant);
  const Message long_turn[] = {Say(Role::kAssistant, std::string(100, 'x'))};
  EXPECT_EQ(MarksOf(kSecret, "t", long_turn).texts,
            MarksOfAnswer(kSecret, "t", std::string(100, 'x')).texts);
  // Who says it as a user is not believed to have heard it here.
  EXPECT_TRUE(MarksOf(kSecret, "t", std::vector{Say(Role::kUser, "Yes.")}).assistant.empty());
}

}  // namespace
}  // namespace weir::privacy
