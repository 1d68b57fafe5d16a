#include "http/sse.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::http {
namespace {

std::vector<std::string> ReadAll(std::string_view stream, size_t piece) {
  SseReader reader;
  std::vector<std::string> events;
  while (!stream.empty()) {
    EXPECT_TRUE(reader.Feed(stream.substr(0, piece), [&](const SseReader::Event& e) {
      events.push_back(e.event + "|" + e.data + "|" + e.id);
      return true;
    }));
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  return events;
}

TEST(Sse, ReadsAllThreeLineEndsWhereverTheStreamIsCut) {
  const std::string stream =
      "\xEF\xBB\xBF"
      "data: one\n\nevent: x\r\nid: 7\r\ndata:two\r\ndata:  three\r\n\r\n: comment\rdata\r\rretry: "
      "5\n\ndata: cut off\n";
  const std::vector<std::string> expected = {"|one|", "x|two\n three|7", "||7"};
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_EQ(ReadAll(stream, piece), expected) << "in pieces of " << piece;
  }
}

TEST(Sse, WhatIsWrittenIsReadBack) {
  std::string out;
  AppendSseComment(out, "heartbeat");
  AppendSseEvent(out, "", "{\"a\":1}");
  AppendSseEvent(out, "done", "line 1\nline 2\r\nline 3\r");
  AppendSseEvent(out, "", "");
  EXPECT_EQ(out,
            ": heartbeat\n\ndata: {\"a\":1}\n\nevent: done\ndata: line 1\ndata: line 2\ndata: line "
            "3\ndata: \n\n"
            "data: \n\n");
  EXPECT_EQ(ReadAll(out, 3),
            (std::vector<std::string>{"|{\"a\":1}|", "done|line 1\nline 2\nline 3\n|", "||"}));
}

TEST(Sse, RefusesALineAndAnEventOverTheirLimits) {
  const SseReader::Sink ignore = [](const SseReader::Event&) { return true; };
  SseReader line_reader({.line_bytes = 10, .event_bytes = 100});
  EXPECT_TRUE(line_reader.Feed("data: 1234", ignore));
  const Result<void> line = line_reader.Feed("5", ignore);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kTooLarge);
  EXPECT_NE(line.error().message.find("10"), std::string::npos);

  SseReader event_reader({.line_bytes = 10, .event_bytes = 8});
  EXPECT_TRUE(event_reader.Feed("data: 1234\n", ignore));
  const Result<void> event = event_reader.Feed("data: 5678\n", ignore);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::kTooLarge);
}

TEST(Sse, TellsAtTheEndWhetherAnEventWasCutOff) {
  SseReader reader;
  const SseReader::Sink ignore = [](const SseReader::Event&) { return true; };
  EXPECT_TRUE(reader.Feed("data: a\n\n", ignore));
  EXPECT_FALSE(reader.holds_part());
  EXPECT_TRUE(reader.Feed("data: b\n", ignore));
  EXPECT_TRUE(reader.holds_part());
}

TEST(Sse, StopsWhenTheSinkSaysSo) {
  SseReader reader;
  int count = 0;
  const Result<void> fed = reader.Feed("data: a\n\ndata: b\n\n", [&](const SseReader::Event&) {
    ++count;
    return false;
  });
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Code::kCancelled);
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace weir::http
