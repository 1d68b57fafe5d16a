#include "cli/chat_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "cli/document.h"
#include "json/writer.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

std::string Printed(const ChatSession& session) { return json::Print(session.messages()); }

TEST(ChatSession, TheSystemMessageStandsFirstAndMayChangeAtAnyTime) {
  ChatSession session("auto", "Be brief.");
  session.Say("Hi");
  session.Answer("Hello");
  EXPECT_EQ(Printed(session),
            R"([{"role":"system","content":"Be brief."},)"
            R"({"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}])");
  EXPECT_EQ(session.Command("/system  Be kind. ")->text, "System message: Be kind.");
  EXPECT_THAT(Printed(session), HasSubstr("Be kind."));
  EXPECT_EQ(session.Command("/system \"\"")->text, "There is no system message.");
  EXPECT_THAT(Printed(session), testing::Not(HasSubstr("system")));
}

TEST(ChatSession, AnotherModelGoesOnWithTheSameChat) {
  ChatSession session("auto", "");
  session.Say("Hi");
  EXPECT_EQ(session.Command("/model")->text, "auto answers.");
  EXPECT_EQ(session.Command("/model smollm2:135m")->text, "smollm2:135m answers.");
  EXPECT_EQ(session.model(), "smollm2:135m");
  EXPECT_EQ(session.messages().size(), 1u);
}

TEST(ChatSession, ClearKeepsTheSystemMessage) {
  ChatSession session("auto", "Be brief.");
  session.Say("Hi");
  EXPECT_TRUE(session.Command("/clear").has_value());
  EXPECT_EQ(session.messages().size(), 1u);
}

TEST(ChatSession, WhatIsNoCommandSaysSo) {
  ChatSession session("auto", "");
  EXPECT_EQ(session.Command("/nonsense x").error().message,
            "there is no /nonsense; /help lists what there is");
  EXPECT_FALSE(session.Command("/save").has_value());
  EXPECT_TRUE(session.Command("/bye")->ends);
  EXPECT_FALSE(session.Command("/help")->ends);
}

TEST(ChatSession, WhatWasSavedIsLoadedAndBelongsToItsUser) {
  const std::string path = testing::TempDir() + "weir-chat-test.json";
  std::remove(path.c_str());
  ChatSession session("small", "Be brief.");
  session.Say("Hi \"you\"");
  session.Answer("Hello\nthere");
  ASSERT_TRUE(session.Command("/save " + path).has_value());
  struct stat facts{};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  session.Say("More");
  EXPECT_TRUE(session.Command("/save " + path).has_value()) << "its own file it writes again";

  ChatSession other("large", "");
  EXPECT_EQ(other.Command("/save " + path).error().code, Code::kConflict) << "but nobody else's";
  EXPECT_EQ(other.Command("/load " + path)->text, "3 turns; small answers.");
  EXPECT_EQ(Printed(other), Printed(session));
}

TEST(ChatSession, AFileThatIsNoChatChangesNothing) {
  const std::string path = testing::TempDir() + "weir-no-chat-test.json";
  for (const char* text : {"", "[]", "{\"messages\": 1}", "{\"messages\": [{\"role\": \"user\"}]}",
                           "{\"messages\": [{\"role\": \"tool\", \"content\": \"\"}]}", "{"}) {
    std::ofstream(path) << text;
    ChatSession session("auto", "Be brief.");
    session.Say("Hi");
    const std::string before = Printed(session);
    EXPECT_FALSE(session.Command("/load " + path).has_value()) << text;
    EXPECT_EQ(Printed(session), before);
  }
  ChatSession session("auto", "");
  EXPECT_FALSE(session.Command("/load /nowhere/at/all").has_value());
}

TEST(LineJoiner, ALineIsATextOfItsOwn) {
  LineJoiner lines;
  EXPECT_EQ(lines.Add("one"), "one");
  EXPECT_EQ(lines.Add(""), "");
}

TEST(LineJoiner, QuotationMarksHoldSeveralLines) {
  LineJoiner lines;
  EXPECT_EQ(lines.Add("\"\"\""), std::nullopt);
  EXPECT_TRUE(lines.open());
  EXPECT_EQ(lines.Add("one"), std::nullopt);
  EXPECT_EQ(lines.Add("/two\\"), std::nullopt);
  EXPECT_EQ(lines.Add("\"\"\""), "one\n/two\\");
  EXPECT_FALSE(lines.open());
  EXPECT_EQ(lines.Add("\"\"\"all in one\"\"\""), "all in one");
  EXPECT_EQ(lines.Add("\"\"\"from here"), std::nullopt);
  EXPECT_EQ(lines.Add("to there\"\"\""), "from here\nto there");
}

TEST(LineJoiner, ABackslashGoesOn) {
  LineJoiner lines;
  EXPECT_EQ(lines.Add("one\\"), std::nullopt);
  EXPECT_EQ(lines.Add("two\\"), std::nullopt);
  EXPECT_EQ(lines.Add("three"), "one\ntwo\nthree");
}

TEST(LineJoiner, WhatIsDroppedIsForgotten) {
  LineJoiner lines;
  lines.Add("\"\"\"one");
  lines.Drop();
  EXPECT_EQ(lines.Add("two"), "two");
}

}  // namespace
}  // namespace weir::cli
