// Check digits, as identifiers of many countries use them. Texts are digits alone unless it says
// otherwise (capital letters where it says so); the caller has made sure. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace weir::privacy {

constexpr int Value(char digit) { return digit - '0'; }
// 0 to 9 of a digit, 10 to 35 of a capital letter.
constexpr int Value36(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

// The sum of each digit times its weight; as many digits as weights are looked at.
int Weighted(std::string_view digits, std::initializer_list<int> weights);
// With the digits of each product added instead of the product.
int WeightedDigitSum(std::string_view digits, std::initializer_list<int> weights);

bool Luhn(std::string_view digits);
bool Verhoeff(std::string_view digits);
// ISO 7064, mod 11,10: the last digit is the check.
bool Mod11And10(std::string_view digits);
// ISO 7064, mod 97,10 (remainder 1), of digits and capital letters.
bool Mod97Is1(std::string_view text);
// The remainder of a number in decimal digits.
int Remainder(std::string_view digits, int divisor);
// EAN-13: weights 1 and 3 in turn.
bool Ean13(std::string_view digits);

// Whether there is such a day in such a month; 29 February always.
bool IsDay(int month, int day);
// Two digits as a number.
constexpr int Two(std::string_view digits, size_t at) {
  return Value(digits[at]) * 10 + Value(digits[at + 1]);
}
// YYMMDD and DDMMYY at the beginning.
bool BeginsWithYearMonthDay(std::string_view digits);
bool BeginsWithDayMonthYear(std::string_view digits);
bool AllSame(std::string_view text);

}  // namespace weir::privacy
