#include "privacy/check_digits.h"

#include <algorithm>
#include <array>

namespace weir::privacy {

int Weighted(std::string_view digits, std::initializer_list<int> weights) {
  int sum = 0;
  size_t at = 0;
  for (const int weight : weights) sum += weight * Value(digits[at++]);
  return sum;
}

int WeightedDigitSum(std::string_view digits, std::initializer_list<int> weights) {
  int sum = 0;
  size_t at = 0;
  for (const int weight : weights) {
    const int product = weight * Value(digits[at++]);
    sum += product / 10 + product % 10;
  }
  return sum;
}

bool Luhn(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (size_t i = digits.size(); i-- > 0; twice = !twice) {
    const int value = Value(digits[i]) * (twice ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

bool Verhoeff(std::string_view digits) {
  // The dihedral group of ten elements: five rotations, five reflections.
  constexpr auto multiply = [](int a, int b) {
    if (a < 5) return b < 5 ? (a + b) % 5 : 5 + (a + b) % 5;
    return b < 5 ? 5 + (a - b + 5) % 5 : (a - b + 5) % 5;
  };
  constexpr std::array<int, 10> kStep = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
  int check = 0;
  int turns = 0;
  for (size_t i = digits.size(); i-- > 0; ++turns) {
    int value = Value(digits[i]);
    for (int turn = 0; turn < turns % 8; ++turn) value = kStep[static_cast<size_t>(value)];
    check = multiply(check, value);
  }
  return check == 0;
}

bool Mod11And10(std::string_view digits) {
  int product = 10;
  for (const char digit : digits.substr(0, digits.size() - 1)) {
    int sum = (product + Value(digit)) % 10;
    if (sum == 0) sum = 10;
    product = 2 * sum % 11;
  }
  return (11 - product) % 10 == Value(digits.back());
}

bool Mod97Is1(std::string_view text) {
  int remainder = 0;
  for (const char c : text) {
    const int value = Value36(c);
    remainder = (remainder * (value < 10 ? 10 : 100) + value) % 97;
  }
  return remainder == 1;
}

int Remainder(std::string_view digits, int divisor) {
  int64_t remainder = 0;
  for (const char digit : digits) remainder = (remainder * 10 + Value(digit)) % divisor;
  return static_cast<int>(remainder);
}

bool Ean13(std::string_view digits) {
  return Weighted(digits, {1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1}) % 10 == 0;
}

bool IsDay(int month, int day) {
  constexpr std::array<int, 12> kDays = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month >= 1 && month <= 12 && day >= 1 && day <= kDays[static_cast<size_t>(month - 1)];
}

bool BeginsWithYearMonthDay(std::string_view digits) {
  return IsDay(Two(digits, 2), Two(digits, 4));
}
bool BeginsWithDayMonthYear(std::string_view digits) {
  return IsDay(Two(digits, 2), Two(digits, 0));
}

bool AllSame(std::string_view text) {
  return std::ranges::all_of(text, [&](char c) { return c == text.front(); });
}

}  // namespace weir::privacy
