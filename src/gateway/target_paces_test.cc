#include "gateway/target_paces.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

namespace weir::gateway {
namespace {

using std::chrono::milliseconds;

chat::Done Took(int64_t prompt, double prompt_ms, int64_t answer, double decode_ms) {
  return {.usage = {.prompt_tokens = prompt, .cached_tokens = 0, .completion_tokens = answer},
          .prompt_ms = prompt_ms,
          .decode_ms = decode_ms};
}

routing::Target Named(std::string name, std::string model = "m") {
  return {.name = std::move(name), .model = std::move(model)};
}

constexpr backends::Residence kLoaded = {.load = Duration::zero()};

TEST(TargetPaces, NothingIsKnownBeforeTheFirstAnswer) {
  const TargetPaces paces;
  EXPECT_EQ(paces.SpeedOf(Named("fast")), routing::Speed());
  EXPECT_EQ(paces.SpeedOf(Named("fast"), kLoaded), (routing::Speed{.load_ms = 0, .queue_ms = 0}));
  EXPECT_EQ(paces.SpeedOf(Named("fast"), {.load = std::nullopt}), (routing::Speed{.queue_ms = 0}));
  EXPECT_EQ(paces.SpeedOf(Named("fast"), {.load = milliseconds(700), .open = 2}),
            (routing::Speed{.load_ms = 700}))
      << "how long two others keep it busy is not known";
}

TEST(TargetPaces, AnEnginesRatesAreThoseOfItsAnswers) {
  TargetPaces paces;
  paces.Answered(Named("fast"), Took(232, 1'000, 53, 1'000), 0);
  const routing::Speed speed = paces.SpeedOf(Named("fast"), kLoaded);
  EXPECT_EQ(speed.prefill_rate, 232'000);
  EXPECT_EQ(speed.decode_rate, 53'000);
  EXPECT_EQ(speed.answer_tokens, 53);
  EXPECT_EQ(speed.first_ms, std::nullopt);
  EXPECT_EQ(paces.SpeedOf(Named("other"), kLoaded).decode_rate, std::nullopt);
}

TEST(TargetPaces, ThePromptThatWasCachedTookNoTime) {
  TargetPaces paces;
  chat::Done done = Took(1'000, 1'000, 53, 1'000);
  done.usage.cached_tokens = 900;
  paces.Answered(Named("fast"), done, 0);
  EXPECT_EQ(paces.SpeedOf(Named("fast"), kLoaded).prefill_rate, 100'000);
  // Of a prompt that was cached nearly whole the time says nothing.
  done.usage.cached_tokens = 999;
  paces.Answered(Named("fast"), done, 0);
  EXPECT_EQ(paces.SpeedOf(Named("fast"), kLoaded).prefill_rate, 100'000);
}

TEST(TargetPaces, LongAnswersWeighMoreThanShortOnesAndNewOnesMoreThanOld) {
  TargetPaces paces;
  paces.Answered(Named("fast"), Took(100, 1'000, 1'000, 10'000), 0);
  paces.Answered(Named("fast"), Took(100, 1'000, 10, 1'000), 0);
  EXPECT_GT(*paces.SpeedOf(Named("fast"), kLoaded).decode_rate, 80'000);
  for (int i = 0; i < 60; ++i) paces.Answered(Named("fast"), Took(100, 1'000, 100, 10'000), 0);
  EXPECT_EQ(paces.SpeedOf(Named("fast"), kLoaded).decode_rate, 10'000);
}

TEST(TargetPaces, AQueueGrowsWithThoseThatAreThere) {
  TargetPaces paces;
  chat::Done done = Took(100, 1'000, 100, 1'000);
  done.queue_ms = 600;
  paces.Answered(Named("fast"), done, 2);
  EXPECT_EQ(paces.SpeedOf(Named("fast"), {.load = Duration::zero(), .open = 1}).queue_ms, 300);
  EXPECT_EQ(paces.SpeedOf(Named("fast"), {.load = Duration::zero(), .open = 4}).queue_ms, 1'200);
  EXPECT_EQ(paces.SpeedOf(Named("fast"), kLoaded).queue_ms, 0);
}

TEST(TargetPaces, AProviderIsTimedFromOutside) {
  TargetPaces paces;
  paces.Answered(Named("big"), {.completion_tokens = 100}, milliseconds(300), milliseconds(1'300));
  EXPECT_EQ(paces.SpeedOf(Named("big")),
            (routing::Speed{.first_ms = 300, .decode_rate = 100'000, .answer_tokens = 100}));
  // Who reports no usage has no rate.
  paces.Answered(Named("mute"), {}, milliseconds(300), milliseconds(1'300));
  EXPECT_EQ(paces.SpeedOf(Named("mute")), (routing::Speed{.first_ms = 300}));
}

TEST(TargetPaces, AnAnswerInOnePieceSaysHowLongAllOfItTook) {
  TargetPaces paces;
  paces.Answered(Named("big"), {.completion_tokens = 100}, milliseconds(500), milliseconds(500));
  EXPECT_EQ(paces.SpeedOf(Named("big")),
            (routing::Speed{.first_ms = 0, .decode_rate = 200'000, .answer_tokens = 100}));
  // Beside streams it is taken to have begun as they do.
  paces.Answered(Named("both"), {.completion_tokens = 100}, milliseconds(300), milliseconds(1'300));
  paces.Answered(Named("both"), {.completion_tokens = 50}, milliseconds(800), milliseconds(800));
  EXPECT_EQ(paces.SpeedOf(Named("both")).first_ms, 300);
  EXPECT_EQ(paces.SpeedOf(Named("both")).decode_rate, 100'000);
}

TEST(TargetPaces, WhatWasToldIsKnownToTheNextProgram) {
  TargetPaces before;
  const history::Pace kept =
      before.Answered(Named("fast"), Took(232, 1'000, 53, 1'000), 0, milliseconds(700));
  TargetPaces after;
  after.Take(kept);
  const backends::Residence unknown;
  EXPECT_EQ(after.SpeedOf(Named("fast"), kLoaded), before.SpeedOf(Named("fast"), kLoaded));
  EXPECT_EQ(after.SpeedOf(Named("fast"), unknown).load_ms, 700) << "as it took then";
  EXPECT_EQ(after.SpeedOf(Named("fast"), {.load = milliseconds(300)}).load_ms, 300);
  EXPECT_EQ(after.SpeedOf(Named("fast", "other"), unknown), (routing::Speed{.queue_ms = 0}))
      << "the name means another model now";
}

TEST(TargetPaces, AnotherModelOfTheSameNameBeginsAnew) {
  TargetPaces paces;
  paces.Answered(Named("fast", "old"), Took(232, 1'000, 53, 1'000), 0);
  paces.Answered(Named("fast", "new"), Took(100, 1'000, 10, 1'000), 0);
  EXPECT_EQ(paces.SpeedOf(Named("fast", "new"), kLoaded).decode_rate, 10'000);
}

TEST(TargetPaces, WhatIsNoFigureIsNotTaken) {
  TargetPaces paces;
  paces.Take({.target = "fast",
              .model = "m",
              .prefill = {-1, 2},
              .decode = {std::nan(""), 1},
              .answer = {1, INFINITY},
              .load_ms = -5});
  EXPECT_EQ(paces.SpeedOf(Named("fast"), kLoaded), (routing::Speed{.load_ms = 0, .queue_ms = 0}));
  EXPECT_EQ(paces.SpeedOf(Named("fast"), {}), (routing::Speed{.queue_ms = 0}));
}

TEST(TargetPaces, NamesAreBounded) {
  TargetPaces paces;
  for (size_t i = 0; i < 3 * TargetPaces::kTargetsMax; ++i) {
    paces.Answered(Named("target-" + std::to_string(i)), Took(100, 1'000, 100, 1'000), 0);
  }
  EXPECT_EQ(paces.SpeedOf(Named("target-0"), kLoaded).decode_rate, std::nullopt);
  EXPECT_NE(paces.SpeedOf(Named("target-3071"), kLoaded).decode_rate, std::nullopt);
}

}  // namespace
}  // namespace weir::gateway
