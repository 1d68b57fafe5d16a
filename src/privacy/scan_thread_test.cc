#include "privacy/scan_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "async/run_for_test.h"

namespace weir::privacy {
namespace {

using chat::Label;

chat::GenerateRequest Saying(std::vector<std::string> texts) {
  chat::GenerateRequest request;
  for (std::string& text : texts)
    request.messages.push_back({.parts = {{.text = std::move(text)}}});
  return request;
}

std::string Prose(size_t bytes, size_t seed) {
  std::string text;
  for (size_t i = seed; text.size() < bytes; ++i)
    text += "The river number " + std::to_string(i % 7) + " runs to the sea. ";
  return text;
}

struct ScanThreadTest : testing::Test {
  Result<void> ReadAhead(chat::GenerateRequest& request) {
    return RunForTest(
        loop_, thread_->ReadAhead([this]() -> RequestScanner& { return scanner_; }, request));
  }

  Loop loop_;
  RequestScanner scanner_{Detector::Make({}).value()};
  std::optional<ScanThread> thread_{loop_.executor()};
};

TEST_F(ScanThreadTest, AShortRequestIsLeftToTheLabelling) {
  chat::GenerateRequest request = Saying({Prose(600, 1), "jane@doe.org"});
  const chat::GenerateRequest before = request;
  ASSERT_TRUE(ReadAhead(request));
  EXPECT_EQ(request, before);
  EXPECT_EQ(scanner_.remembered(), 0u);
}

TEST_F(ScanThreadTest, VerdictsOnLongTextsAreKnownAfterwards) {
  chat::GenerateRequest request =
      Saying({Prose(40'000, 1), Prose(40'000, 2) + "jane@doe.org", "GB82 WEST 1234 5698 7654 32"});
  const chat::GenerateRequest before = request;
  ASSERT_TRUE(ReadAhead(request));
  EXPECT_EQ(request, before);
  EXPECT_EQ(scanner_.remembered(), 2u) << "the short one is quicker anew";

  RequestScanner alone{Detector::Make({}).value()};
  const Scanned ahead = scanner_.Scan(request);
  const Scanned plain = alone.Scan(before);
  EXPECT_EQ(ahead.label, Label::kPersonal);
  EXPECT_EQ(ahead.label, plain.label);
  EXPECT_EQ(ahead.why, plain.why);
  EXPECT_TRUE(scanner_.UnreadOf(request).empty());
}

// Put together they are a text that is nowhere in the request.
TEST_F(ScanThreadTest, PartsAreReadTogetherToo) {
  chat::GenerateRequest request;
  request.messages.push_back({.parts = {{.text = Prose(400'000, 1) + "GB82 WEST 1234"},
                                        {.text = " 5698 7654 32 " + Prose(400'000, 2)}}});
  ASSERT_TRUE(ReadAhead(request));
  EXPECT_EQ(scanner_.remembered(), 3u);
  EXPECT_TRUE(scanner_.UnreadOf(request).empty());
  EXPECT_EQ(scanner_.Scan(request).label, Label::kPersonal);
}

TEST_F(ScanThreadTest, AFileOfTextIsReadLikeAnyText) {
  chat::GenerateRequest request = Saying({"what is it?"});
  request.messages[0].parts.push_back({.kind = chat::Part::Kind::kFile,
                                       .media_type = "text/plain",
                                       .data = Prose(40'000, 1) + "jane@doe.org"});
  ASSERT_TRUE(ReadAhead(request));
  EXPECT_EQ(scanner_.remembered(), 1u);
  const Scanned found = scanner_.Scan(request);
  EXPECT_EQ(found.label, Label::kPersonal);
  EXPECT_THAT(found.why, testing::ElementsAre("label personal: detector email at message 1 file"));
}

TEST_F(ScanThreadTest, WhatLiesBehindTheLimitIsNotRead) {
  chat::GenerateRequest request;
  for (size_t i = 0; i < 5; ++i)
    request.messages.push_back({.parts = {{.text = Prose(RequestScanner::kRequestMax / 4, i)}}});
  EXPECT_EQ(scanner_.UnreadOf(request).size(), 3u);
  ASSERT_TRUE(ReadAhead(request));
  EXPECT_TRUE(scanner_.Scan(request).unscanned);
}

TEST_F(ScanThreadTest, TooManyWaitingAreRefusedWithATime) {
  // The first text keeps the thread for long enough to push all the others, which takes no time.
  const std::vector<RequestScanner::Unread> much(4, {{}, Prose(3 << 20, 3)});
  const std::vector<RequestScanner::Unread> little = {{{}, "a few words"}};
  constexpr size_t kAsked = ScanThread::kWaitingMax + 8;
  size_t ended = 0, refused = 0;
  for (size_t i = 0; i < kAsked; ++i) {
    Spawn(loop_.executor(), "read",
          [](ScanThread& thread, std::shared_ptr<const Detector> detector,
             const std::vector<RequestScanner::Unread>& unread, size_t& all,
             size_t& no) -> Task<void> {
            const auto read = co_await thread.Read(std::move(detector), unread);
            ++all;
            if (read) EXPECT_EQ(read->size(), unread.size());
            if (read || read.error().reason.empty()) co_return;  // the thread ended
            EXPECT_EQ(read.error().reason, "scanner_busy");
            EXPECT_EQ(read.error().retry_after_s, 1);
            ++no;
          }(*thread_, scanner_.detector(), i == 0 ? much : little, ended, refused));
  }
  // One may be in the thread's hands.
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return refused >= 7; }));
  thread_.reset();
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return ended == kAsked; }));
}

TEST_F(ScanThreadTest, EndsWhileRequestsWait) {
  // Each of a text of its own, so that none has what another read.
  std::vector<chat::GenerateRequest> requests;
  for (size_t i = 0; i < 8; ++i) requests.push_back(Saying({Prose(1 << 20, i)}));
  size_t asked = 0, ended = 0, refused = 0;
  for (chat::GenerateRequest& request : requests) {
    Spawn(loop_.executor(), "read",
          [](ScanThreadTest& test, chat::GenerateRequest& read, size_t& begun, size_t& all,
             size_t& no) -> Task<void> {
            ++begun;
            const auto done = co_await test.thread_->ReadAhead(
                [&test]() -> RequestScanner& { return test.scanner_; }, read);
            no += !done;
            ++all;
          }(*this, request, asked, ended, refused));
  }
  ASSERT_TRUE(RunUntilTrue(loop_, [&] { return asked == requests.size(); }));
  thread_.reset();
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return ended == requests.size(); }));
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace weir::privacy
