#include "dialects/provider/answer_events.h"

#include <gtest/gtest.h>

#include "dialects/provider/canonical_for_test.h"

namespace weir::provider {
namespace {

std::string Text(const std::vector<chat::Event>& events) {
  std::string out;
  for (const chat::Event& event : events) out += EventText(event);
  return out;
}

TEST(AnswerEvents, NumberCallsWithoutGapsWhateverTheProviderNumbersThemBy) {
  AnswerEvents events(1);
  std::vector<chat::Event> out;
  ASSERT_TRUE(events.OpenCall(0, 900, "a", "f", "", out));
  ASSERT_TRUE(events.OpenCall(0, 3, "b", "g", "{}", out));
  ASSERT_TRUE(events.Arguments(0, 900, "{\"x\":1}", out));
  ASSERT_TRUE(events.Finish(0, chat::FinishReason::kStop, "", out));
  ASSERT_TRUE(events.End(out));
  EXPECT_EQ(Text(out),
            "started\n"
            "delta 0: call 0 id=a name=f \"\"\n"
            "delta 0: call 1 id=b name=g \"{}\"\n"
            "delta 0: call 0 id= name= \"{\\\"x\\\":1}\"\n"
            "choice 0 done: tool_calls\n"
            "done: prompt ? cached ? completion ? reasoning ?\n");
}

TEST(AnswerEvents, CallsWithoutArgumentsGetAnEmptyObject) {
  AnswerEvents events(1);
  std::vector<chat::Event> out;
  ASSERT_TRUE(events.OpenCall(0, 0, "a", "f", "", out));
  ASSERT_TRUE(events.Arguments(0, 0, " ", out));
  ASSERT_TRUE(events.Finish(0, chat::FinishReason::kToolCalls, "", out));
  EXPECT_EQ(std::get<chat::Delta>(out[out.size() - 2]).tool_calls[0].arguments, "{}");
}

TEST(AnswerEvents, NothingComesAfterAChoicesEnd) {
  AnswerEvents events(2);
  std::vector<chat::Event> out;
  ASSERT_TRUE(events.Finish(1, chat::FinishReason::kLength, "", out));
  EXPECT_TRUE(events.Finish(1, chat::FinishReason::kStop, "", out));  // said twice
  EXPECT_FALSE(events.Say({.choice = 1, .text = "more"}, out));
  EXPECT_TRUE(events.Say({.choice = 1, .text = ""}, out));  // nothing is nothing
  EXPECT_FALSE(events.OpenCall(1, 0, "a", "f", "", out));
  EXPECT_TRUE(events.Say({.choice = 0, .text = "other"}, out));
}

TEST(AnswerEvents, TheEndNeedsTheEndOfEveryChoice) {
  AnswerEvents events(2);
  std::vector<chat::Event> out;
  ASSERT_TRUE(events.Finish(1, chat::FinishReason::kStop, "", out));
  const auto ended = events.End(out);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, "stream_cut");
  EXPECT_FALSE(events.ended());
}

TEST(AnswerEvents, ChoicesOutOfRangeAndTooManyCallsAreMalformed) {
  AnswerEvents events(1);
  std::vector<chat::Event> out;
  for (const int32_t choice : {-1, 1, INT32_MAX, INT32_MIN}) {
    EXPECT_FALSE(events.Say({.choice = choice, .text = "x"}, out));
    EXPECT_FALSE(events.OpenCall(choice, 0, "a", "f", "", out));
    EXPECT_FALSE(events.Finish(choice, chat::FinishReason::kStop, "", out));
    EXPECT_EQ(events.OpenedId(choice, 0), nullptr);
  }
  for (int i = 0; i < AnswerEvents::kCallsMax; ++i)
    ASSERT_TRUE(events.OpenCall(0, i, "a", "f", "", out));
  EXPECT_FALSE(events.OpenCall(0, 7, "a", "f", "", out));
}

TEST(AnswerEvents, LaterReportsReplaceEarlierOnesCountByCount) {
  AnswerEvents events(1);
  events.Report({.prompt_tokens = 5, .completion_tokens = 1});
  events.Report({.cached_tokens = 2, .completion_tokens = 9});
  EXPECT_EQ(events.usage(),
            (chat::Usage{.prompt_tokens = 5, .cached_tokens = 2, .completion_tokens = 9}));
}

}  // namespace
}  // namespace weir::provider
