#include <algorithm>
#include <array>
#include <string>

#include "privacy/characters.h"
#include "privacy/check_digits.h"
#include "privacy/identifiers.h"

namespace weir::privacy {
namespace {

bool IsUkNhs(std::string_view d) {
  const int check = (11 - Weighted(d, {10, 9, 8, 7, 6, 5, 4, 3, 2}) % 11) % 11;
  return !AllSame(d) && check == Value(d[9]);  // 10 is no digit
}

bool IsUkNino(std::string_view s) {
  constexpr std::string_view kNever[] = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"};
  return std::string_view("DFIQUV").find(s[0]) == std::string_view::npos &&
         std::string_view("DFIOQUV").find(s[1]) == std::string_view::npos &&
         std::ranges::find(kNever, s.substr(0, 2)) == std::end(kNever) && s[8] <= 'D';
}

// Surname (filled with 9), year, month (women: 50 more), day, year, initials, three more.
bool IsUkDrivingLicence(std::string_view s) {
  const auto name = s.substr(0, 5);
  const size_t filled = std::min(name.find('9'), name.size());
  const bool good_name = filled > 0 && std::ranges::all_of(name.substr(0, filled), IsUpper) &&
                         std::ranges::all_of(name.substr(filled), [](char c) { return c == '9'; });
  const auto initial = [](char c) { return IsUpper(c) || c == '9'; };
  return good_name && IsDay(Two(s, 6) % 50, Two(s, 8)) && Two(s, 6) < 63 && initial(s[11]) &&
         initial(s[12]) && IsUpper(s[14]) && IsUpper(s[15]);
}

bool IsDeTaxId(std::string_view d) {
  std::array<int, 10> count = {};
  for (const char digit : d.substr(0, 10)) ++count[static_cast<size_t>(Value(digit))];
  const auto repeated = std::ranges::count_if(count, [](int n) { return n > 1; });
  return d[0] != '0' && repeated == 1 && std::ranges::max(count) <= 3 && Mod11And10(d);
}

// A letter counts as the two digits of its place in the alphabet.
std::string WithLetterAsDigits(std::string_view s, size_t at) {
  const int place = s[at] - 'A' + 1;
  std::string digits(s.substr(0, at));
  digits += static_cast<char>('0' + place / 10);
  digits += static_cast<char>('0' + place % 10);
  return digits.append(s.substr(at + 1));
}

bool IsDePension(std::string_view s) {
  const std::string d = WithLetterAsDigits(s, 8);
  const int month = Two(s, 4);
  return month >= 1 && month <= 12 &&
         WeightedDigitSum(d, {2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1}) % 10 == Value(s[11]);
}

bool IsDeHealth(std::string_view s) {
  return !AllSame(s.substr(1)) &&
         WeightedDigitSum(WithLetterAsDigits(s, 0), {1, 2, 1, 2, 1, 2, 1, 2, 1, 2}) % 10 ==
             Value(s[9]);
}

// As in machine-readable zones: weights 7, 3, 1 in turn, letters from 10 on.
bool IsDeIdCard(std::string_view s) {
  constexpr std::string_view kFirst = "CFGHJKLMNPRTVWXYZ";
  if (kFirst.find(s[0]) == std::string_view::npos) return false;
  int sum = 0;
  constexpr std::array<int, 3> kWeights = {7, 3, 1};
  for (size_t i = 0; i < 9; ++i) sum += Value36(s[i]) * kWeights[i % 3];
  return sum % 10 == Value(s[9]);
}

bool IsDeVat(std::string_view s) { return s.starts_with("DE") && Mod11And10(s.substr(2)); }

bool IsDeDoctor(std::string_view d) {
  return !AllSame(d) && (10 - Weighted(d, {4, 9, 4, 9, 4, 9}) % 10) % 10 == Value(d[6]);
}

bool IsAtSvnr(std::string_view d) {
  const int sum = Weighted(d, {3, 7, 9, 0, 5, 8, 4, 2, 1, 6}) % 11;
  const int month = Two(d, 6);
  return d[0] != '0' && sum == Value(d[3]) && month >= 1 && month <= 15 && Two(d, 4) >= 1 &&
         Two(d, 4) <= 31;
}

bool IsChAhv(std::string_view d) { return d.starts_with("756") && Ean13(d); }

bool IsNlBsn(std::string_view d) {
  return !AllSame(d) && Weighted(d, {9, 8, 7, 6, 5, 4, 3, 2, -1}) % 11 == 0;
}

bool IsBeNational(std::string_view d) {
  const int month = Two(d, 2) % 20;  // 20 and 40 more for other registers
  if (month > 12 || Two(d, 2) > 52 || Two(d, 4) > 31) return false;
  const int check = Two(d, 9);
  const std::string number(d.substr(0, 9));
  return check == 97 - Remainder(number, 97) || check == 97 - Remainder("2" + number, 97);
}

// Sex, year, month, department (Corsica has letters), place, number, key.
bool IsFrNir(std::string_view s) {
  std::string d(s);
  if (s[5] == '2' && (s[6] == 'A' || s[6] == 'B')) d.replace(5, 2, s[6] == 'A' ? "19" : "18");
  if (!std::ranges::all_of(d, IsDigit)) return false;
  const int month = Two(d, 3);
  const bool good_month =
      (month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50;
  return std::string_view("123478").find(d[0]) != std::string_view::npos && good_month &&
         Two(d, 13) == 97 - Remainder(d.substr(0, 13), 97);
}

bool IsFrCompany(std::string_view d) { return !AllSame(d) && Luhn(d); }

constexpr std::string_view kSpanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE";

bool IsEsNif(std::string_view s) {
  return kSpanishLetters[static_cast<size_t>(Remainder(s.substr(0, 8), 23))] == s[8];
}

bool IsEsNie(std::string_view s) {
  if (s[0] < 'X' || s[0] > 'Z') return false;
  const std::string number = static_cast<char>('0' + s[0] - 'X') + std::string(s.substr(1, 7));
  return kSpanishLetters[static_cast<size_t>(Remainder(number, 23))] == s[8];
}

bool IsPtNif(std::string_view d) {
  const int rest = Weighted(d, {9, 8, 7, 6, 5, 4, 3, 2}) % 11;
  return std::string_view("1235689").find(d[0]) != std::string_view::npos &&
         (rest < 2 ? 0 : 11 - rest) == Value(d[8]);
}

bool IsPtVat(std::string_view s) { return s.starts_with("PT") && IsPtNif(s.substr(2)); }

bool IsItFiscalCode(std::string_view s) {
  constexpr std::array<int, 36> kOdd = {1,  0, 5, 7,  9,  13, 15, 17, 19, 21, 1,  0,
                                        5,  7, 9, 13, 15, 17, 19, 21, 2,  4,  18, 20,
                                        11, 3, 6, 8,  12, 14, 16, 10, 22, 25, 24, 23};
  if (std::string_view("ABCDEHLMPRST").find(s[8]) == std::string_view::npos) return false;
  int sum = 0;
  for (size_t i = 0; i < 15; ++i) {
    const int value = Value36(s[i]);
    sum += i % 2 == 0 ? kOdd[static_cast<size_t>(value)] : (value < 10 ? value : value - 10);
  }
  return s[15] == 'A' + sum % 26;
}

bool IsItVat(std::string_view d) { return !AllSame(d) && Luhn(d); }
bool IsItVatWithCountry(std::string_view s) { return s.starts_with("IT") && IsItVat(s.substr(2)); }

constexpr Identifier kIdentifiers[] = {
    {Type::kUkNhs, "DDDDDDDDDD", "10,3-3-4", IsUkNhs, 25, 50},
    {Type::kUkNino, "LLDDDDDDL", "9,2-6-1,2-2-2-2-1,8-1", IsUkNino, 70, 85},
    {Type::kUkDrivingLicence, "AAAAADDDDDDAAAAA", "16,5-6-5", IsUkDrivingLicence, 85, 90},
    {Type::kDeTaxId, "DDDDDDDDDDD", "11,2-3-3-3", IsDeTaxId, 30, 60},
    {Type::kDeTaxNumber, "DDDDDDDDDD", "10,2-3-5", nullptr, 10, 25},
    {Type::kDeTaxNumber, "DDDDDDDDDDD", "11,3-3-5,3-4-4", nullptr, 10, 25},
    {Type::kDeTaxNumber, "DDDDDDDDDDDDD", "13,5-3-5", nullptr, 10, 20},
    {Type::kDePension, "DDDDDDDDLDDD", "12,2-6-1-3,2-6-4", IsDePension, 80, 90},
    {Type::kDeHealth, "LDDDDDDDDD", "10", IsDeHealth, 40, 40},
    {Type::kDeIdCard, "LAAAAAAAAD", "10,9-1", IsDeIdCard, 25, 25},
    {Type::kDeVat, "LLDDDDDDDDD", "11,2-9,2-3-3-3", IsDeVat, 85, 85},
    {Type::kDeDoctor, "DDDDDDDDD", "9", IsDeDoctor, 10, 10},
    {Type::kAtSvnr, "DDDDDDDDDD", "10,4-6", IsAtSvnr, 30, 60},
    {Type::kChAhv, "DDDDDDDDDDDDD", "13,3-4-4-2", IsChAhv, 75, 95},
    {Type::kNlBsn, "DDDDDDDDD", "9,4-2-3", IsNlBsn, 20, 35},
    {Type::kBeNational, "DDDDDDDDDDD", "11,2-2-2-3-2,6-3-2", IsBeNational, 55, 90},
    {Type::kFrNir, "DDDDDDADDDDDDDD", "15,13-2,1-2-2-2-3-3-2", IsFrNir, 80, 95},
    {Type::kFrSiren, "DDDDDDDDD", "9,3-3-3", IsFrCompany, 15, 25},
    {Type::kFrSiret, "DDDDDDDDDDDDDD", "14,9-5,3-3-3-5", IsFrCompany, 25, 45},
    {Type::kEsNif, "DDDDDDDDL", "9,8-1,2-3-3-1,2-3-4", IsEsNif, 65, 75},
    {Type::kEsNif, "LDDDDDDDL", "9,1-7-1,8-1,1-1-3-3-1", IsEsNie, 75, 85},
    {Type::kPtNif, "DDDDDDDDD", "9,3-3-3", IsPtNif, 15, 30},
    {Type::kPtNif, "LLDDDDDDDDD", "11,2-9,2-3-3-3", IsPtVat, 80, 80},
    {Type::kItFiscalCode, "LLLLLLAALAALAAAL", "16,3-3-5-5,6-5-5", IsItFiscalCode, 90, 95},
    {Type::kItVat, "DDDDDDDDDDD", "11", IsItVat, 20, 20},
    {Type::kItVat, "LLDDDDDDDDDDD", "13,2-11", IsItVatWithCountry, 80, 80},
};

}  // namespace

std::span<const Identifier> WestEuropeanIdentifiers() { return kIdentifiers; }

}  // namespace weir::privacy
