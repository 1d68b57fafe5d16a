#include "ledger/money.h"

#include <gtest/gtest.h>

#include <random>

#include "ledger/price.h"

namespace weir::ledger {
namespace {

TEST(Money, IsPrintedExactlyAndWithoutZerosAtTheEnd) {
  EXPECT_EQ(MoneyText(0), "0");
  EXPECT_EQ(MoneyText(1), "0.000000000001");
  EXPECT_EQ(MoneyText(5 * kPicoPerUnit), "5");
  EXPECT_EQ(MoneyText(-kPicoPerUnit - kPicoPerUnit / 2), "-1.5");
  EXPECT_EQ(MoneyText(kPicoMax), "9223372.036854775807");
  EXPECT_EQ(MoneyText(INT64_MIN), "-9223372.036854775808");
}

TEST(Money, StaysAtTheEndsOfItsRange) {
  EXPECT_EQ(Add(kPicoMax, 1), kPicoMax);
  EXPECT_EQ(Add(INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(Times(kPicoMax, 3), kPicoMax);
  EXPECT_EQ(Times(3, 4), 12);
}

TEST(Money, ATotalHoldsMoreThanAnAmount) {
  Total total;
  for (int i = 0; i < 10; ++i) total.Add(kPicoMax);
  EXPECT_EQ(total.Text(), "92233720.36854775807");
  Total same;
  same.Add(92'233'720, 368'547'758'070);
  EXPECT_EQ(total, same);
}

Price PriceOf(Pico input, std::optional<Pico> cached, std::optional<Pico> output) {
  return {.target = "t",
          .currency = "USD",
          .input = input,
          .cached_input = cached,
          .output = output,
          .source = "configuration"};
}

TEST(Cost, CachedTokensAreAPartOfThePromptAndReasoningOfTheAnswer) {
  const Price price = PriceOf(5'000'000, 500'000, 30'000'000);
  EXPECT_EQ(
      CostOf(
          price,
          {.prompt_tokens = 11, .cached_tokens = 3, .completion_tokens = 7, .reasoning_tokens = 5}),
      8 * 5'000'000 + 3 * 500'000 + 7 * 30'000'000);
}

TEST(Cost, WithoutACachedPriceCachedTokensCostAsFreshOnes) {
  EXPECT_EQ(CostOf(PriceOf(5, std::nullopt, 7),
                   {.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 1}),
            57);
}

TEST(Cost, UnknownIsUnpricedAndNeverZero) {
  EXPECT_EQ(CostOf(PriceOf(5, 1, 7), {.prompt_tokens = 10}), std::nullopt);
  EXPECT_EQ(CostOf(PriceOf(5, 1, 7), {.completion_tokens = 10}), std::nullopt);
  EXPECT_EQ(CostOf(PriceOf(5, 1, std::nullopt), {.prompt_tokens = 1, .completion_tokens = 1}),
            std::nullopt);
  // No token of the kind that has no price.
  EXPECT_EQ(CostOf(PriceOf(5, 1, std::nullopt), {.prompt_tokens = 1, .completion_tokens = 0}), 5);
  EXPECT_EQ(MostOf(PriceOf(5, 1, std::nullopt), 1, 1), std::nullopt);
}

TEST(Cost, NonsenseOfAProviderStaysInRange) {
  const Price price = PriceOf(5, 1, 7);
  EXPECT_EQ(CostOf(price, {.prompt_tokens = -3, .completion_tokens = -1}), 0);
  EXPECT_EQ(CostOf(price, {.prompt_tokens = 2, .cached_tokens = 9, .completion_tokens = 0}), 2);
  EXPECT_EQ(CostOf(price, {.prompt_tokens = INT64_MAX, .completion_tokens = INT64_MAX}), kPicoMax);
}

// Against arithmetic of 128 bits, and against the bound that reservations rely on.
TEST(Cost, EqualsWideArithmeticAndNeverExceedsTheMostThatItCanBe) {
  std::mt19937_64 random(20261122);
  const auto draw = [&random](int64_t below) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(below));
  };
  for (int round = 0; round < 20'000; ++round) {
    const Price price =
        PriceOf(draw(100'000'000), draw(2) == 0 ? std::optional<Pico>() : draw(100'000'000),
                draw(100'000'000));
    const int64_t prompt = draw(2'000'000);
    const int64_t cached = draw(prompt + 1);
    const int64_t completion = draw(200'000);
    const auto cost = CostOf(
        price, {.prompt_tokens = prompt, .cached_tokens = cached, .completion_tokens = completion});
    const __int128 wide = __int128{prompt - cached} * *price.input +
                          __int128{cached} * price.cached_input.value_or(*price.input) +
                          __int128{completion} * *price.output;
    ASSERT_TRUE(cost.has_value());
    ASSERT_EQ(__int128{*cost}, std::min<__int128>(wide, kPicoMax)) << round;
    ASSERT_LE(*cost, *MostOf(price, prompt + draw(3), completion + draw(3))) << round;
  }
}

TEST(Cost, SoundIsPaidByTheMinuteAndTheSecond) {
  Price price{.target = "ears", .currency = "USD", .per_minute = 6'000'000'000};  // 0.006
  EXPECT_EQ(CostOf(price, {.sound_s = 60}), 6'000'000'000);
  EXPECT_EQ(CostOf(price, {.sound_s = 1}), 100'000'000);
  EXPECT_EQ(CostOf(price, {.prompt_tokens = 9, .completion_tokens = 9, .sound_s = 0}), 0);
  EXPECT_EQ(CostOf(price, {.sound_s = -5}), 0);
  EXPECT_EQ(CostOf(price, {.sound_s = INT64_MAX}), kPicoMax);
  EXPECT_EQ(MostOf(price, 100, 100, 61), 6'100'000'000);
  price.per_minute = 1;
  EXPECT_EQ(CostOf(price, {.sound_s = 1}), 1) << "no part of a pico is given away";
}

TEST(Cost, SoundWhoseSecondsNobodyToldIsUnpricedAndNeverFree) {
  Price price{.target = "ears", .currency = "USD", .per_minute = 6};
  EXPECT_EQ(CostOf(price, {}), std::nullopt);
  EXPECT_EQ(CostOf(price, {.prompt_tokens = 0, .completion_tokens = 0}), std::nullopt);
  EXPECT_EQ(MostOf(price, 100, 100), std::nullopt) << "a chat has no price there";
  price.input = price.output = 1;
  EXPECT_EQ(CostOf(price, {.prompt_tokens = 3, .completion_tokens = 4}), 7);
  EXPECT_EQ(MostOf(price, 3, 4, 600), 60);
  EXPECT_EQ(MostOf(price, 300, 400, 600), 700);
}

TEST(Price, ItsVersionChangesWithWhateverItSays) {
  const Price price = PriceOf(5, 1, 7);
  Price other = price;
  EXPECT_EQ(VersionOf(price, ""), VersionOf(other, ""));
  other.output = 8;
  EXPECT_NE(VersionOf(price, ""), VersionOf(other, ""));
  other = price;
  other.per_minute = 0;
  EXPECT_NE(VersionOf(price, ""), VersionOf(other, ""));
  EXPECT_TRUE(VersionOf(price, "2026-11-21").starts_with("2026-11-21-"));
}

}  // namespace
}  // namespace weir::ledger
