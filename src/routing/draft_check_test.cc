#include "routing/draft_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace weir::routing {
namespace {

const std::string kHead = R"({"version":1,"pairs":[)";

const std::string kSmall(64, 'a');
const std::string kLarge(64, 'b');

std::string Pair(const std::string& points, const std::string& small = kSmall) {
  return R"({"draft_model":"s","larger_model":"l","draft_sha256":")" + small +
         R"(","larger_sha256":")" + kLarge +
         R"(","kind":"math","check_pays":true,"tasks":9,"draft_right":1,"larger_right":2,"points":[)" +
         points + "]}";
}

// 20 % right at -4, 90 % at 0; the larger model is right in half of all cases.
Calibration Example() { return {.points = {{-4000, 2000, 5000}, {0, 9000, 5000}}}; }

TEST(DraftCheck, WhatIsShippedIsValid) {
  for (const Calibration& each : DraftCheck::BuiltIn().calibrations()) {
    EXPECT_EQ(DraftCheck::BuiltIn().Find(each.draft_sha256, each.larger_sha256, each.kind), &each);
  }
}

TEST(DraftCheck, ACalibrationBelongsToItsModelsAndItsKind) {
  const auto check =
      DraftCheck::Parse(kHead +
                        Pair(R"({"likelihood_milli":-9,"draft_right":1,"larger_right":2},)"
                             R"({"likelihood_milli":0,"draft_right":3,"larger_right":2})") +
                        "]}");
  ASSERT_TRUE(check) << check.error().message;
  ASSERT_NE(check->Find(kSmall, kLarge, TaskKind::kMath), nullptr);
  EXPECT_EQ(check->Find(kSmall, kLarge, TaskKind::kMath)->points.size(), 2u);
  EXPECT_EQ(check->Find(kSmall, kLarge, TaskKind::kCode), nullptr);
  EXPECT_EQ(check->Find(kLarge, kSmall, TaskKind::kMath), nullptr);
}

TEST(DraftCheck, WhatAFileAddsComesBeforeWhatIsBuiltIn) {
  const std::string points = R"({"likelihood_milli":-9,"draft_right":1,"larger_right":2},)"
                             R"({"likelihood_milli":0,"draft_right":3,"larger_right":2})";
  auto mine = DraftCheck::Parse(kHead + Pair(points) + "]}").value();
  mine.Add(DraftCheck::BuiltIn());
  const DraftCheck same = mine;
  mine.Add(same);
  EXPECT_EQ(mine.calibrations().size(), DraftCheck::BuiltIn().calibrations().size() + 1);
  EXPECT_EQ(mine.Find(kSmall, kLarge, TaskKind::kMath), mine.calibrations().data());
}

TEST(DraftCheck, WhatMakesNoSenseIsNamed) {
  const std::string low = R"({"likelihood_milli":-9,"draft_right":5,"larger_right":2})";
  const std::string high = R"({"likelihood_milli":0,"draft_right":4,"larger_right":2})";
  const std::string over = R"({"likelihood_milli":0,"draft_right":10001,"larger_right":2})";
  const auto param = [](const std::string& pairs) {
    const auto read = DraftCheck::Parse(kHead + pairs + "]}");
    return read ? "" : read.error().param;
  };
  EXPECT_EQ(param(Pair(low)), "pairs[0].points");
  EXPECT_EQ(param(Pair(low + "," + high)), "pairs[0].points[1].likelihood_milli") << "it falls";
  EXPECT_EQ(param(Pair(low + "," + low)), "pairs[0].points[1].likelihood_milli");
  EXPECT_EQ(param(Pair(low + "," + over)), "pairs[0].points[1].draft_right");
  const std::string good = R"({"likelihood_milli":0,"draft_right":6,"larger_right":2})";
  for (const std::string& digest : {std::string(), std::string(63, 'a'), std::string(64, 'A')}) {
    EXPECT_EQ(param(Pair(low + "," + good, digest)), "pairs[0].draft_sha256") << digest;
  }
  EXPECT_EQ(param(Pair(low + "," + good) + "," + Pair(low + "," + good)), "pairs[1].kind");
}

std::string Gated(const std::string& gates) {
  const std::string points = R"({"likelihood_milli":-9,"draft_right":1,"larger_right":2},)"
                             R"({"likelihood_milli":0,"draft_right":3,"larger_right":2})";
  std::string pair = Pair(points);
  pair.pop_back();
  return kHead + pair + R"(,"measured":"by hand","gates":[)" + gates + "]}]}";
}

std::string OneGate(int after_tokens, int auroc_low) {
  return R"({"after_tokens":)" + std::to_string(after_tokens) +
         R"(,"signal":"margin_q10","auroc":{"middle":6000,"low":)" + std::to_string(auroc_low) +
         R"(,"high":7000},"pays":false,"points":[)"
         R"({"value_milli":100,"draft_right":1000,"larger_right":5000},)"
         R"({"value_milli":900,"draft_right":9000,"larger_right":5000}]})";
}

TEST(Gates, TheLatestSpeaksThatTheTokensAreEnoughForAndThatKnowsMoreThanChance) {
  const auto check = DraftCheck::Parse(Gated(OneGate(8, 5'100) + "," + OneGate(16, 5'200) + "," +
                                             OneGate(32, 5'000) + "," + OneGate(0, 4'900)));
  ASSERT_TRUE(check) << check.error().message;
  const Calibration& known = check->calibrations().front();
  EXPECT_EQ(known.measured, "by hand");
  EXPECT_EQ(known.FirstGate(7), nullptr);
  ASSERT_NE(known.FirstGate(8), nullptr);
  EXPECT_EQ(known.FirstGate(15)->after_tokens, 8u);
  EXPECT_EQ(known.FirstGate(32)->after_tokens, 16u) << "an interval that holds 0.5 is chance";
  EXPECT_EQ(known.EndGate(), nullptr);
  EXPECT_EQ(Judge(known.FirstGate(16)->points, 500, 8'500).confidence, 5'000);
}

TEST(Gates, WhatMakesNoSenseIsNamed) {
  const auto param = [](const std::string& gates) {
    const auto read = DraftCheck::Parse(Gated(gates));
    return read ? "" : read.error().param;
  };
  const auto with = [](std::string gate, const std::string& from, const std::string& to) {
    return gate.replace(gate.find(from), from.size(), to);
  };
  const std::string gate = OneGate(8, 5'100);
  EXPECT_EQ(param(gate), "");
  EXPECT_EQ(param(gate + "," + gate), "pairs[0].gates[1].after_tokens");
  EXPECT_EQ(param(OneGate(33, 5'100)), "pairs[0].gates[0].after_tokens");
  EXPECT_EQ(param(OneGate(8, 10'001)), "pairs[0].gates[0].auroc.low");
  EXPECT_EQ(param(with(gate, "margin_q10", "mood")), "pairs[0].gates[0].signal");
  EXPECT_EQ(param(with(gate, "900", "100")), "pairs[0].gates[0].points[1].value_milli");
  EXPECT_EQ(param(with(gate, "900", "1001")), "pairs[0].gates[0].points[1].value_milli");
}

TEST(Judge, BetweenPointsChancesLieOnTheLine) {
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(-2), 8500).confidence, 5500);
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(-9), 8500).confidence, 2000)
      << "level beyond the ends";
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(1), 8500).confidence, 9000);
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(0), 8500).confidence, 9000);
}

TEST(Judge, AConfidentDraftIsAcceptedAndADoubtfulOneIsNotWhereTheLargerModelIsBetter) {
  EXPECT_TRUE(Judge(Example().points, LikelihoodMilli(0), 8500).accepted);
  EXPECT_FALSE(Judge(Example().points, LikelihoodMilli(-4), 8500).accepted);
}

TEST(Judge, WhatTheLargerModelWouldFailTooIsAccepted) {
  const Verdict verdict = Judge(Example().points, LikelihoodMilli(-1.5), 8500);
  EXPECT_LT(verdict.confidence, 8500);
  EXPECT_LT(verdict.gain, 0);
  EXPECT_TRUE(verdict.accepted);
}

TEST(Expect, TasksThatTheSmallerModelMostlyFailsGoUp) {
  Calibration calibration = Example();
  calibration.draft_right = 4'100;
  calibration.larger_right = 8'400;
  EXPECT_FALSE(Expect(calibration, 8'500).accepted);
  EXPECT_TRUE(Expect(calibration, 4'000).accepted);
  calibration.larger_right = 4'200;
  EXPECT_TRUE(Expect(calibration, 8'500).accepted) << "the larger model fails them too";
}

TEST(Judge, NumbersThatAreNoneAreNoConfidence) {
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(std::nan("")), 8500).confidence, 2000);
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(INFINITY), 8500).confidence, 9000);
  EXPECT_EQ(Judge(Example().points, LikelihoodMilli(-INFINITY), 8500).confidence, 2000);
}

}  // namespace
}  // namespace weir::routing
