#include <algorithm>
#include <array>
#include <string>

#include "privacy/characters.h"
#include "privacy/check_digits.h"
#include "privacy/identifiers.h"

namespace weir::privacy {
namespace {

// The century is in the month: 20, 40, 60 or 80 more.
bool IsPlPesel(std::string_view d) {
  const int check = (10 - Weighted(d, {1, 3, 7, 9, 1, 3, 7, 9, 1, 3}) % 10) % 10;
  return IsDay(Two(d, 2) % 20, Two(d, 4)) && check == Value(d[10]);
}

// Months of women have 50 more; since 2004 there may be 20 more besides.
bool IsCzBirthNumber(std::string_view d) {
  const int month = Two(d, 2) % 50;
  if (!IsDay(month > 20 ? month - 20 : month, Two(d, 4))) return false;
  return Remainder(d, 11) == 0 || (Remainder(d.substr(0, 9), 11) == 10 && d[9] == '0');
}

bool IsRoCnp(std::string_view d) {
  const int rest = Weighted(d, {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9}) % 11;
  return d[0] != '0' && BeginsWithYearMonthDay(d.substr(1)) &&
         (rest == 10 ? 1 : rest) == Value(d[12]);
}

bool IsBgEgn(std::string_view d) {
  const int rest = Weighted(d, {2, 4, 8, 5, 10, 9, 7, 3, 6}) % 11;
  return IsDay(Two(d, 2) % 20, Two(d, 4)) && Two(d, 2) <= 52 && rest % 10 == Value(d[9]);
}

bool IsHrOib(std::string_view d) { return !AllSame(d) && Mod11And10(d); }

bool IsTrTckn(std::string_view d) {
  const int odd = Weighted(d, {1, 0, 1, 0, 1, 0, 1, 0, 1});
  const int even = Weighted(d, {0, 1, 0, 1, 0, 1, 0, 1});
  const int tenth = ((odd * 7 - even) % 10 + 10) % 10;
  return d[0] != '0' && tenth == Value(d[9]) && (odd + even + tenth) % 10 == Value(d[10]);
}

// DDMMYY, a sign of the century, a number, and a letter for the remainder.
bool FiHetu(std::string_view date, std::string_view number, char check) {
  constexpr std::string_view kChecks = "0123456789ABCDEFHJKLMNPRSTUVWXY";
  const std::string digits = std::string(date) + std::string(number);
  return BeginsWithDayMonthYear(date) && number >= "002" &&
         kChecks[static_cast<size_t>(Remainder(digits, 31))] == check;
}
bool IsFiHetu(std::string_view s) { return FiHetu(s.substr(0, 6), s.substr(6, 3), s[9]); }
bool IsFiHetuOfThisCentury(std::string_view s) {
  return std::string_view("ABCDEFYXWVU").find(s[6]) != std::string_view::npos &&
         FiHetu(s.substr(0, 6), s.substr(7, 3), s[10]);
}

// The day of people without a register entry has 60 more.
bool IsSePersonnummer(std::string_view d) {
  const int day = Two(d, 4);
  return IsDay(Two(d, 2), day > 60 ? day - 60 : day) && Luhn(d);
}
bool IsSePersonnummerWithCentury(std::string_view d) {
  return (d.starts_with("18") || d.starts_with("19") || d.starts_with("20")) &&
         IsSePersonnummer(d.substr(2));
}
bool IsSeOrganisation(std::string_view d) { return d[2] >= '2' && d[0] != '0' && Luhn(d); }

// Since 2007 the check digit need not fit.
bool IsDkDate(std::string_view d) { return BeginsWithDayMonthYear(d); }
bool IsDkCpr(std::string_view d) {
  return IsDkDate(d) && Weighted(d, {4, 3, 2, 7, 6, 5, 4, 3, 2, 1}) % 11 == 0;
}

// D-numbers have 40 more in the day, numbers of hospitals 40 more in the month.
bool IsNoFodselsnummer(std::string_view d) {
  const int day = Two(d, 0) % 40;
  const int month = Two(d, 2) % 40;
  return IsDay(month, day) && Weighted(d, {3, 7, 6, 1, 8, 9, 4, 5, 2, 1}) % 11 == 0 &&
         Weighted(d, {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1}) % 11 == 0;
}

constexpr Identifier kIdentifiers[] = {
    {Type::kPlPesel, "DDDDDDDDDDD", "11", IsPlPesel, 40, 40},
    {Type::kCzBirthNumber, "DDDDDDDDDD", "10,6-4", IsCzBirthNumber, 35, 65},
    {Type::kRoCnp, "DDDDDDDDDDDDD", "13", IsRoCnp, 50, 50},
    {Type::kBgEgn, "DDDDDDDDDD", "10", IsBgEgn, 35, 35},
    {Type::kHrOib, "DDDDDDDDDDD", "11", IsHrOib, 25, 25},
    {Type::kTrTckn, "DDDDDDDDDDD", "11", IsTrTckn, 50, 50},
    {Type::kFiHetu, "DDDDDDDDDA", "6-4", IsFiHetu, 0, 75},
    {Type::kFiHetu, "DDDDDDLDDDA", "11", IsFiHetuOfThisCentury, 80, 80},
    {Type::kSePersonnummer, "DDDDDDDDDD", "10,6-4", IsSePersonnummer, 35, 65},
    {Type::kSePersonnummer, "DDDDDDDDDDDD", "12,8-4", IsSePersonnummerWithCentury, 45, 80},
    {Type::kSeOrganisation, "DDDDDDDDDD", "10,6-4", IsSeOrganisation, 15, 30},
    {Type::kDkCpr, "DDDDDDDDDD", "10,6-4", IsDkDate, 15, 35},
    {Type::kDkCpr, "DDDDDDDDDD", "10,6-4", IsDkCpr, 30, 60},
    {Type::kNoFodselsnummer, "DDDDDDDDDDD", "11,6-5", IsNoFodselsnummer, 60, 85},
};

}  // namespace

std::span<const Identifier> NorthAndEastEuropeanIdentifiers() { return kIdentifiers; }

}  // namespace weir::privacy
