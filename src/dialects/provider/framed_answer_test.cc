// Bounds and heads, on a dialect that says every frame as text.
#include "dialects/provider/framed_answer.h"

#include <gtest/gtest.h>

#include "dialects/provider/malformed.h"

namespace weir::provider {
namespace {

class Echo : public FramedAnswer {
 public:
  explicit Echo(Framing framing, bool streams = true) : FramedAnswer(framing, streams, 1) {}

  std::string said;

 private:
  Result<void> OnFrame(std::string_view, std::string_view data, Out& out) override {
    said += std::string(data) + "|";
    if (data != "end") return {};
    if (auto finished = events_.Finish(0, chat::FinishReason::kStop, "", out); !finished)
      return finished;
    return events_.End(out);
  }
  Result<void> OnWhole(const json::Value&, Out& out) override { return OnFrame("", "end", out); }
  std::string ErrorWord(const json::Value& body) const override { return WordOf(body, {"word"}); }
};

constexpr auto kEvents = FramedAnswer::Framing::kEvents;
constexpr auto kLines = FramedAnswer::Framing::kLines;
const chat::ProviderHeaders kEventStream = {{"content-type", "text/event-stream"}};
const chat::ProviderHeaders kNdjson = {{"content-type", "application/x-ndjson"}};

std::string ReasonOf(const Result<void>& result) { return result ? "fine" : result.error().reason; }

TEST(FramedAnswer, RefusesALineOverItsBoundBeforeItIsWhole) {
  for (const auto framing : {kEvents, kLines}) {
    Echo answer(framing);
    std::vector<chat::Event> out;
    ASSERT_TRUE(answer.Head(200, framing == kEvents ? kEventStream : kNdjson));
    const std::string piece(1 << 20, 'x');
    Result<void> fed;
    size_t sent = 0;
    while (fed && sent < 2 * chat::kProviderLineBytesMax) {
      fed = answer.Feed(piece, out);
      sent += piece.size();
    }
    EXPECT_EQ(ReasonOf(fed), "provider_answer_too_large");
    EXPECT_LE(sent, chat::kProviderLineBytesMax + piece.size());
    // The same again, whatever comes.
    EXPECT_EQ(ReasonOf(answer.Feed("x", out)), "provider_answer_too_large");
    EXPECT_EQ(ReasonOf(answer.End(out)), "provider_answer_too_large");
  }
}

TEST(FramedAnswer, RefusesAnAnswerOverItsBoundInWhateverPieces) {
  for (const bool streams : {true, false}) {
    Echo answer(kEvents, streams);
    std::vector<chat::Event> out;
    ASSERT_TRUE(answer.Head(
        200, streams ? kEventStream : chat::ProviderHeaders{{"content-type", "application/json"}}));
    std::string piece;
    while (piece.size() < 1 << 20) piece += std::string((1 << 16) - 1, 'x') + "\n";
    Result<void> fed;
    size_t sent = 0;
    while (fed && sent < 2 * chat::kProviderAnswerBytesMax) {
      fed = answer.Feed(piece, out);
      sent += piece.size();
    }
    EXPECT_EQ(ReasonOf(fed), "provider_answer_too_large");
    EXPECT_EQ(sent, chat::kProviderAnswerBytesMax + piece.size());
  }
}

TEST(FramedAnswer, CutsALongErrorBodyAndStillSaysTheStatus) {
  Echo answer(kEvents);
  std::vector<chat::Event> out;
  ASSERT_TRUE(answer.Head(503, {{"retry-after", "4"}}));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(answer.Feed(std::string(10'000, 'x'), out));
  const auto ended = answer.End(out);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, "provider_overloaded");
  EXPECT_EQ(ended.error().retry_after_s, 4);
}

TEST(FramedAnswer, RefusesRedirectsAndOtherTypesAtTheHead) {
  EXPECT_EQ(ReasonOf(Echo(kEvents).Head(307, {})), "provider_redirected");
  EXPECT_EQ(ReasonOf(Echo(kEvents).Head(200, {{"content-type", "text/html"}})),
            "provider_wrong_type");
  EXPECT_EQ(ReasonOf(Echo(kEvents).Head(200, kNdjson)), "provider_wrong_type");
  EXPECT_EQ(ReasonOf(Echo(kLines).Head(200, kEventStream)), "provider_wrong_type");
  EXPECT_EQ(ReasonOf(Echo(kEvents).Head(200, {})), "fine");
  EXPECT_EQ(ReasonOf(Echo(kEvents).Head(200, {{"content-type", "application/problem+json"}})),
            "fine");
}

TEST(FramedAnswer, IgnoresWhatFollowsTheEnd) {
  Echo answer(kLines);
  std::vector<chat::Event> out;
  ASSERT_TRUE(answer.Head(200, kNdjson));
  ASSERT_TRUE(answer.Feed("a\r\n\n  \nend\nb\n", out));
  EXPECT_TRUE(answer.Finished());
  ASSERT_TRUE(answer.Feed(std::string(chat::kProviderLineBytesMax + 1, 'x'), out));
  EXPECT_TRUE(answer.End(out));
  EXPECT_EQ(answer.said, "a\r|end|");
}

TEST(FramedAnswer, AStreamThatOnlyStopsWasCut) {
  Echo answer(kLines);
  std::vector<chat::Event> out;
  ASSERT_TRUE(answer.Head(200, kNdjson));
  ASSERT_TRUE(answer.Feed("a\n", out));
  EXPECT_EQ(ReasonOf(answer.End(out)), "stream_cut");
}

}  // namespace
}  // namespace weir::provider
