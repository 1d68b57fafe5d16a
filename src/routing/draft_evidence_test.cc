#include "routing/draft_evidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace weir::routing {
namespace {

constexpr size_t kAll = 0;

chat::TokenLogprob Token(std::string text, float logprob, float first, float second) {
  return {.bytes = std::move(text), .logprob = logprob, .top = {{"", first}, {"", second}}};
}

DraftEvidence Example() {
  DraftEvidence evidence;
  evidence.Add(Token("a", -0.1f, -0.1f, -2.4f));
  evidence.Add(Token("b", -2.5f, -0.2f, -2.5f));
  evidence.Add(Token("c", -0.0004f, -0.0004f, -9.0f));
  evidence.Add(Token("d", -0.75f, -0.7f, -0.75f));
  evidence.Add(Token("a", -0.1f, -0.1f, -2.4f));
  evidence.Add(Token("b", -2.5f, -0.2f, -2.5f));
  evidence.Add(Token("c", -0.0004f, -0.0004f, -9.0f));
  evidence.Add(Token("e", -1.2f, -1.2f, -1.3f));
  evidence.Add(Token("a", -0.3f, -0.3f, -1.5f));
  evidence.Add(Token("b", -4.0f, -0.5f, -4.0f));
  return evidence;
}

// bench/cascade_signals.py says the same of these tokens.
TEST(DraftEvidence, TheSignalsAreThoseThatAreCalibrated) {
  const std::vector<std::pair<DraftSignal, std::pair<int32_t, int32_t>>> expected = {
      {DraftSignal::kLogprobMean, {-837, -1'145}},  {DraftSignal::kLogprobMin, {-2'500, -4'000}},
      {DraftSignal::kLogprobQ10, {-2'500, -4'000}}, {DraftSignal::kLogprobQ25, {-2'500, -2'500}},
      {DraftSignal::kMarginMean, {643, 625}},       {DraftSignal::kMarginMin, {24, 24}},
      {DraftSignal::kMarginQ10, {24, 24}},          {DraftSignal::kMarginQ25, {24, 518}},
      {DraftSignal::kFresh, {1'000, 900}}};
  const DraftEvidence evidence = Example();
  for (const auto& [signal, values] : expected) {
    EXPECT_EQ(evidence.Value(signal, 4), values.first) << DraftSignalName(signal);
    EXPECT_EQ(evidence.Value(signal, kAll), values.second) << DraftSignalName(signal);
    EXPECT_EQ(evidence.Value(signal, 99), values.second) << "as many as there are";
  }
}

TEST(DraftEvidence, NamesAreReadAsTheyArePrinted) {
  for (const DraftSignal signal : kDraftSignals) {
    EXPECT_EQ(DraftSignalFromName(DraftSignalName(signal)), signal);
  }
  EXPECT_EQ(DraftSignalFromName("mood"), std::nullopt);
}

TEST(DraftEvidence, WhatIsNoNumberIsTheLeast) {
  DraftEvidence evidence;
  EXPECT_EQ(evidence.Value(DraftSignal::kLogprobMean, kAll), -100'000) << "nothing is there";
  const float nan = std::nanf("");
  evidence.Add(Token("a", nan, nan, nan));
  evidence.Add({.bytes = "b"});
  evidence.Add(Token("c", -std::numeric_limits<float>::infinity(), 0, -1));
  EXPECT_EQ(evidence.Value(DraftSignal::kLogprobMean, kAll), -100'000);
  EXPECT_EQ(evidence.Value(DraftSignal::kMarginMin, kAll), 0);
}

}  // namespace
}  // namespace weir::routing
