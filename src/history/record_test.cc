#include "history/record.h"

#include <gtest/gtest.h>

#include <random>

#include "json/parse.h"

namespace weir::history {
namespace {

Record Full() {
  Record record{.id = "dec_x",
                .time = WallTime(std::chrono::milliseconds(1'700'000'000'123)),
                .key_id = "key_1",
                .asked = "auto",
                .policy = "0123456789abcdef"};
  record.features = {.task = routing::Task::kScore,
                     .label = chat::Label::kPersonal,
                     .tier_max = routing::Tier::kEdge,
                     .prompt_bytes = 1'000,
                     .answer_tokens = 7,
                     .images = true,
                     .tools = true,
                     .online = false,
                     .deadline_ms = -3,
                     .project = "hr",
                     .key = "laptop",
                     .tenant = "t",
                     .user = "u"};
  record.facts = routing::PromptFacts{.kind = routing::TaskKind::kMath,
                                      .predicted = {.small_right = 1'234, .gain = -56},
                                      .tool_loop = true,
                                      .whole = true,
                                      .last_target = "b",
                                      .vote = routing::NeighbourVote{7, 5, 8'123}};
  record.label = {.floor = chat::Label::kInternal,
                  .asserted = chat::Label::kPublic,
                  .may_assert = true,
                  .passages = chat::Label::kPersonal,
                  .recalled = chat::Label::kUnscanned,
                  .detected = chat::Label::kPersonal,
                  .findings = {"label personal: detector iban at message 2"},
                  .unscanned_at = "message 1"};
  record.considered = {{.target = "a", .failed = routing::kOffline | routing::kNoTools},
                       {.target = "b",
                        .speed = {.load_ms = 0,
                                  .queue_ms = 20,
                                  .first_ms = 300,
                                  .prefill_rate = 232'000,
                                  .decode_rate = 53'100,
                                  .answer_tokens = 90,
                                  .cached_tokens = 400},
                        .expected_ms = 2'100,
                        .energy_mj = 94'500,
                        .cost = routing::Cost{7'875'000, "EUR"}},
                       {.target = "c", .speed = {.load_ms = 700}}};
  record.order = {"b"};
  record.explanation = {"one", "two"};
  record.attempts = {{"b", "served"}};
  record.notes = {"note"};
  record.checked = Checked{.draft_model = "m",
                           .checker = "b",
                           .checker_model = "n",
                           .at_milli = -1'500,
                           .confidence = 9'000,
                           .gain = -100,
                           .accepted = true};
  record.served = Served{.target = "b",
                         .tier = routing::Tier::kCloud,
                         .usage = {.prompt_tokens = 0, .completion_tokens = 5},
                         .cost = 1'500'000,
                         .currency = "EUR",
                         .took_ms = 12};
  record.ended = true;
  record.signals = {.vote = false, .continued = true};
  return record;
}

TEST(Record, WhatIsPrintedReadsBack) {
  const std::string text = PrintRecord(Full());
  const auto read = ParseRecord(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(PrintRecord(*read), text);
  EXPECT_EQ(read->facts, Full().facts);
  EXPECT_EQ(read->label, Full().label);
  EXPECT_EQ(read->features.label, chat::Label::kPersonal);
  EXPECT_EQ(read->considered[0].failed, routing::kOffline | routing::kNoTools);
  EXPECT_EQ(read->considered[1].speed, Full().considered[1].speed);
  EXPECT_EQ(read->considered[1].expected_ms, 2'100);
  EXPECT_EQ(read->considered[1].energy_mj, 94'500);
  EXPECT_EQ(read->considered[1].cost, (routing::Cost{7'875'000, "EUR"}));
  EXPECT_EQ(read->considered[2].speed, Full().considered[2].speed) << "unknown stays unknown";
  EXPECT_EQ(read->served->usage.prompt_tokens, 0);
  EXPECT_FALSE(read->served->usage.cached_tokens) << "unknown is not zero";
  EXPECT_EQ(read->checked, Full().checked);
  EXPECT_EQ(read->signals, Full().signals);
  EXPECT_EQ(read->time, Full().time);
}

TEST(Record, AJudgementByADraftsOwnTokensIsReadAsItWasPrinted) {
  Record record = Full();
  record.checked =
      Checked{.gate = routing::GateKind::kFirstTokens,
              .own = OwnTokens{.after_tokens = 16, .signal = routing::DraftSignal::kMarginQ10},
              .draft_model = "m",
              .checker_model = "n",
              .at_milli = 250,
              .confidence = 4'000,
              .gain = 2'000};
  const auto read = ParseRecord(PrintRecord(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->checked, record.checked);
}

TEST(Record, AFaultIsReadAsItWasPrinted) {
  Record record = Full();
  record.checked = Checked{.gate = routing::GateKind::kHardFacts,
                           .fault = routing::DraftFault::kInvalidCall,
                           .draft_model = "m",
                           .checker_model = "n"};
  const auto read = ParseRecord(PrintRecord(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->checked, record.checked);
}

TEST(Record, ACheckOfBeforeThereWereOtherGatesIsADraftCheck) {
  std::string text = PrintRecord(Full());
  const std::string gate = R"("gate":"draft_check",)";
  text.erase(text.find(gate), gate.size());
  const auto read = ParseRecord(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->checked, Full().checked);
}

TEST(Record, AnEmptyOneReadsBackToo) {
  const auto read = ParseRecord(PrintRecord({.id = "dec_y"}));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->served || read->checked || read->facts || read->signals.vote);
}

TEST(Record, LinesAreBounded) {
  Record record{.id = "dec_z", .explanation = std::vector<std::string>(500, "line")};
  EXPECT_EQ(ParseRecord(PrintRecord(record))->explanation.size(), kLinesMax);
}

TEST(Record, WhatIsWrongIsNamed) {
  EXPECT_EQ(ParseRecord("{").error().code, Code::kInvalidArgument);
  EXPECT_EQ(ParseRecord("{}").error().param, "id");
  EXPECT_EQ(ParseRecord(R"({"id":"a","time_ms":1,"features":{"task":"dance"}})").error().param,
            "features.task");
}

TEST(Signals, WithoutAWordNothingIsKnown) {
  EXPECT_EQ(WasRight({}), std::nullopt);
  EXPECT_EQ(WasRight({.escalated = true, .continued = true}), false);
  EXPECT_EQ(WasRight({.vote = true, .escalated = true}), true);
}

}  // namespace
}  // namespace weir::history
