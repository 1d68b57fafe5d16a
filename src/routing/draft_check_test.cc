#include "routing/draft_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace weir::routing {
namespace {

const std::string kHead = R"({"version":1,"question":"Right?","yes":"Yes","no":"No","pairs":[)";

std::string Pair(const std::string& points) {
  return R"({"draft_model":"s","larger_model":"l","kind":"math","pays":true,"tasks":9,"points":[)" +
         points + "]}";
}

// 20 % right at -2, 90 % at +2; the larger model is right in half of all cases.
Calibration Example() { return {.points = {{-2000, 2000, 5000}, {2000, 9000, 5000}}}; }

TEST(DraftCheck, WhatIsShippedIsValid) {
  const DraftCheck& check = DraftCheck::BuiltIn();
  EXPECT_FALSE(check.question().empty());
  EXPECT_NE(check.yes(), check.no());
}

TEST(DraftCheck, ACalibrationBelongsToItsModelsAndItsKind) {
  const auto check =
      DraftCheck::Parse(kHead +
                        Pair(R"({"log_odds_milli":0,"draft_right":1,"larger_right":2},)"
                             R"({"log_odds_milli":1,"draft_right":3,"larger_right":2})") +
                        "]}");
  ASSERT_TRUE(check) << check.error().message;
  ASSERT_NE(check->Find("s", "l", TaskKind::kMath), nullptr);
  EXPECT_EQ(check->Find("s", "l", TaskKind::kMath)->points.size(), 2u);
  EXPECT_EQ(check->Find("s", "l", TaskKind::kCode), nullptr);
  EXPECT_EQ(check->Find("l", "s", TaskKind::kMath), nullptr);
}

TEST(DraftCheck, WhatMakesNoSenseIsNamed) {
  const std::string low = R"({"log_odds_milli":0,"draft_right":5,"larger_right":2})";
  const std::string high = R"({"log_odds_milli":9,"draft_right":4,"larger_right":2})";
  const std::string over = R"({"log_odds_milli":9,"draft_right":10001,"larger_right":2})";
  const auto param = [](const std::string& pairs) {
    const auto read = DraftCheck::Parse(kHead + pairs + "]}");
    return read ? "" : read.error().param;
  };
  EXPECT_EQ(param(Pair(low)), "pairs[0].points");
  EXPECT_EQ(param(Pair(low + "," + high)), "pairs[0].points[1].log_odds_milli") << "it falls";
  EXPECT_EQ(param(Pair(low + "," + low)), "pairs[0].points[1].log_odds_milli");
  EXPECT_EQ(param(Pair(low + "," + over)), "pairs[0].points[1].draft_right");
}

TEST(Judge, BetweenPointsChancesLieOnTheLine) {
  EXPECT_EQ(Judge(Example(), 0, 8500).confidence, 5500);
  EXPECT_EQ(Judge(Example(), -9, 8500).confidence, 2000) << "level beyond the ends";
  EXPECT_EQ(Judge(Example(), 9, 8500).confidence, 9000);
  EXPECT_EQ(Judge(Example(), 2, 8500).confidence, 9000);
}

TEST(Judge, AConfidentDraftIsAcceptedAndADoubtfulOneIsNotWhereTheLargerModelIsBetter) {
  EXPECT_TRUE(Judge(Example(), 2, 8500).accepted);
  EXPECT_FALSE(Judge(Example(), -2, 8500).accepted);
}

TEST(Judge, WhatTheLargerModelWouldFailTooIsAccepted) {
  const Verdict verdict = Judge(Example(), 0.5, 8500);
  EXPECT_LT(verdict.confidence, 8500);
  EXPECT_LT(verdict.gain, 0);
  EXPECT_TRUE(verdict.accepted);
}

TEST(Judge, NumbersThatAreNoneAreNoConfidence) {
  EXPECT_EQ(Judge(Example(), std::nan(""), 8500).confidence, 2000);
  EXPECT_EQ(Judge(Example(), INFINITY, 8500).confidence, 9000);
  EXPECT_EQ(Judge(Example(), -INFINITY, 8500).confidence, 2000);
}

}  // namespace
}  // namespace weir::routing
