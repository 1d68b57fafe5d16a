#include "privacy/check_digits.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace weir::privacy {
namespace {

std::string Digits(std::mt19937& dice, size_t count) {
  std::string digits;
  for (size_t i = 0; i < count; ++i) digits += static_cast<char>('0' + dice() % 10);
  return digits;
}

// With the one last digit that is right, if there is one.
template <class Check>
std::string Completed(std::string digits, Check check) {
  for (char last = '0'; last <= '9'; ++last) {
    if (check(digits + last)) return digits + last;
  }
  return "";
}

// Every scheme here notices each single wrong digit.
template <class Check>
void NoticesEachWrongDigit(Check check, size_t length) {
  std::mt19937 dice(20261122);
  for (int round = 0; round < 50; ++round) {
    const std::string good = Completed(Digits(dice, length), check);
    ASSERT_FALSE(good.empty());
    for (size_t at = 0; at < good.size(); ++at) {
      for (char digit = '0'; digit <= '9'; ++digit) {
        std::string other = good;
        other[at] = digit;
        EXPECT_EQ(check(other), digit == good[at]) << other;
      }
    }
  }
}

TEST(CheckDigits, LuhnNoticesEachWrongDigit) {
  EXPECT_TRUE(Luhn("79927398713"));
  NoticesEachWrongDigit(Luhn, 15);
}

TEST(CheckDigits, VerhoeffNoticesEachWrongDigitAndEachSwap) {
  EXPECT_TRUE(Verhoeff("2363"));  // 236 has the check digit 3
  NoticesEachWrongDigit(Verhoeff, 11);
  std::mt19937 dice(1);
  for (int round = 0; round < 200; ++round) {
    std::string digits = Completed(Digits(dice, 11), Verhoeff);
    const size_t at = dice() % 11;
    if (digits[at] == digits[at + 1]) continue;
    std::swap(digits[at], digits[at + 1]);
    EXPECT_FALSE(Verhoeff(digits)) << digits;
  }
}

TEST(CheckDigits, Mod11And10NoticesEachWrongDigit) {
  EXPECT_TRUE(Mod11And10("07945"));  // the standard's example: 0794 has 5
  NoticesEachWrongDigit(Mod11And10, 10);
}

TEST(CheckDigits, Mod97CountsLettersAsTwoDigits) {
  EXPECT_TRUE(Mod97Is1("WEST12345698765432GB82"));
  EXPECT_FALSE(Mod97Is1("WEST12345698765432GB83"));
}

TEST(CheckDigits, RemaindersAreThoseOfTheNumber) {
  std::mt19937 dice(2);
  for (int round = 0; round < 1000; ++round) {
    const std::string digits = Digits(dice, 1 + dice() % 18);
    EXPECT_EQ(Remainder(digits, 97), static_cast<int>(std::stoll(digits) % 97));
  }
}

TEST(CheckDigits, DaysAreThoseOfTheCalendar) {
  EXPECT_TRUE(IsDay(2, 29));
  EXPECT_FALSE(IsDay(2, 30));
  EXPECT_FALSE(IsDay(4, 31));
  EXPECT_FALSE(IsDay(0, 1));
  EXPECT_FALSE(IsDay(13, 1));
  EXPECT_FALSE(IsDay(1, 0));
}

}  // namespace
}  // namespace weir::privacy
