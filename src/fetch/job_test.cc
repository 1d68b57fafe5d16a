#include "fetch/job.h"

#include <gtest/gtest.h>

namespace weir::fetch {
namespace {

TEST(JobTest, SurvivesTheWay) {
  const Job job{.reference = "hf:a/b:Q4_0",
                .source = 2,
                .name = "x:y",
                .store = "/s",
                .hub = "https://h",
                .hub_token = "t",
                .connections = 3,
                .stall_ms = 500,
                .check_only = true,
                .again = true};
  const auto read = ParseJob(PrintJob(job));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(PrintJob(*read), PrintJob(job));
}

TEST(JobTest, EveryWorkSurvivesTheWay) {
  const Job jobs[] = {
      {.work = Work::kName, .manifest = "{\"quoted\": \"\\n\"}"},
      {.name = "x:y", .work = Work::kRemove},
      {.work = Work::kKeep, .sha256 = std::string(64, 'a'), .size = 7},
      {.reference = "/a/lora.gguf", .work = Work::kAdapter},
      {.reference = "/a/mmproj.gguf", .work = Work::kProjector},
  };
  for (const Job& job : jobs) {
    const auto read = ParseJob(PrintJob(job));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(PrintJob(*read), PrintJob(job));
    EXPECT_EQ(read->work, job.work);
  }
}

TEST(JobTest, WhatIsNoJobIsRefused) {
  EXPECT_FALSE(ParseJob("{}"));
  EXPECT_FALSE(ParseJob(R"({"work":"name","store":"s"})"));
  EXPECT_FALSE(ParseJob(R"({"work":"remove","store":"s"})"));
  EXPECT_FALSE(ParseJob(R"({"work":"keep","sha256":"AB"})"));
  EXPECT_FALSE(ParseJob(R"({"work":"burn","reference":"a"})"));
  EXPECT_FALSE(ParseJob(R"({"reference":"a","store":"s","connections":99})"));
  EXPECT_FALSE(ParseJob(R"({"reference":"a","store":"s","more":1})"));
}

TEST(EventTest, EachKindSurvivesTheWay) {
  const Event all[] = {
      {.kind = Event::Kind::kNote, .text = "a note"},
      {.kind = Event::Kind::kBegin, .text = "x:y", .total = 5},
      {.kind = Event::Kind::kProgress, .done = 3, .total = 5},
      {.kind = Event::Kind::kDone,
       .text = "x:y",
       .done = 5,
       .total = 5,
       .sha256 = "ab",
       .revision = "r",
       .licence = "MIT",
       .fetched = true},
      {.kind = Event::Kind::kFailed,
       .error = {Code::kRateLimited, "too many", {}, "hub_rate_limited", 7}},
  };
  for (const Event& event : all) {
    const auto read = ParseEvent(PrintEvent(event));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(PrintEvent(*read), PrintEvent(event));
    EXPECT_EQ(read->error.code,
              event.kind == Event::Kind::kFailed ? Code::kRateLimited : read->error.code);
  }
}

}  // namespace
}  // namespace weir::fetch
