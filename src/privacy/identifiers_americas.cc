#include <algorithm>
#include <array>
#include <string>

#include "privacy/characters.h"
#include "privacy/check_digits.h"
#include "privacy/identifiers.h"

namespace weir::privacy {
namespace {

bool IsUsSsn(std::string_view d) {
  if (d == "078051120" || d == "219099999") return false;  // printed on cards and in leaflets
  return d[0] != '9' && !d.starts_with("000") && !d.starts_with("666") && d.substr(3, 2) != "00" &&
         d.substr(5) != "0000";
}

bool IsUsItin(std::string_view d) {
  const int group = Two(d, 3);
  return d[0] == '9' && ((group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
                         (group >= 90 && group != 93));
}

bool IsUsAbaRouting(std::string_view d) {
  const int region = Two(d, 0);
  const bool known = region <= 12 || (region >= 21 && region <= 32) ||
                     (region >= 61 && region <= 72) || region == 80;
  return known && !AllSame(d) && Weighted(d, {3, 7, 1, 3, 7, 1, 3, 7, 1}) % 10 == 0;
}

bool IsUsNpi(std::string_view d) {
  return (d[0] == '1' || d[0] == '2') && Luhn("80840" + std::string(d));
}

bool IsUsMbi(std::string_view s) {
  constexpr std::string_view kLetters = "ACDEFGHJKMNPQRTUVWXY";
  const auto letter = [&](size_t at) { return kLetters.find(s[at]) != std::string_view::npos; };
  const auto either = [&](size_t at) { return IsDigit(s[at]) || letter(at); };
  return s[0] >= '1' && s[0] <= '9' && letter(1) && either(2) && IsDigit(s[3]) && letter(4) &&
         either(5) && IsDigit(s[6]) && letter(7) && letter(8);
}

bool IsUsDea(std::string_view s) {
  constexpr std::string_view kKinds = "ABCDEFGHJKLMPRSTUX";
  if (kKinds.find(s[0]) == std::string_view::npos) return false;
  const std::string_view d = s.substr(2);
  return Weighted(d, {1, 2, 1, 2, 1, 2}) % 10 == Value(d[6]);
}

bool IsCaSin(std::string_view d) { return d[0] != '0' && d[0] != '8' && Luhn(d); }

constexpr std::string_view kMexican = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ ";

int MexicanValue(char c) { return static_cast<int>(kMexican.find(c)); }

bool IsMxCurp(std::string_view s) {
  if (!IsDay(Two(s, 6), Two(s, 8)) || (s[10] != 'H' && s[10] != 'M' && s[10] != 'X')) return false;
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) sum += MexicanValue(s[i]) * static_cast<int>(18 - i);
  return (10 - sum % 10) % 10 == Value(s[17]);
}

// Of people (13 characters) and companies (12).
bool IsMxRfc(std::string_view compact) {
  const std::string s = compact.size() == 12 ? " " + std::string(compact) : std::string(compact);
  if (!IsDay(Two(s, 6), Two(s, 8))) return false;
  int sum = 0;
  for (size_t i = 0; i < 12; ++i) sum += MexicanValue(s[i]) * static_cast<int>(13 - i);
  const int check = (11 - sum % 11) % 11;
  return s[12] == (check == 10 ? 'A' : static_cast<char>('0' + check));
}

// A check digit that counts down to 2 on its right: 11 minus the remainder, 0 for more than 9.
int BrazilianDigit(std::string_view s, int weight_max) {
  int sum = 0;
  int weight = 2;
  for (size_t i = s.size(); i-- > 0;) {
    sum += (s[i] - '0') * weight;
    weight = weight == weight_max ? 2 : weight + 1;
  }
  const int rest = sum % 11;
  return rest < 2 ? 0 : 11 - rest;
}

bool IsBrCpf(std::string_view d) {
  return !AllSame(d) && BrazilianDigit(d.substr(0, 9), 11) == Value(d[9]) &&
         BrazilianDigit(d.substr(0, 10), 11) == Value(d[10]);
}

// Digits, and since 2026 also capital letters, which count by their place in ASCII.
bool IsBrCnpj(std::string_view s) {
  return !AllSame(s) && BrazilianDigit(s.substr(0, 12), 9) == Value(s[12]) &&
         BrazilianDigit(s.substr(0, 13), 9) == Value(s[13]);
}

constexpr Identifier kIdentifiers[] = {
    {Type::kUsSsn, "DDDDDDDDD", "9,3-2-4", IsUsSsn, 10, 65, 40},
    {Type::kUsItin, "DDDDDDDDD", "9,3-2-4", IsUsItin, 15, 70, 40},
    {Type::kUsAbaRouting, "DDDDDDDDD", "9", IsUsAbaRouting, 25, 25},
    {Type::kUsNpi, "DDDDDDDDDD", "10", IsUsNpi, 25, 25},
    {Type::kUsMbi, "DLADLADLLDD", "11,4-3-4", IsUsMbi, 75, 90},
    {Type::kUsDea, "LLDDDDDDD", "9,2-7", IsUsDea, 45, 45},
    {Type::kCaSin, "DDDDDDDDD", "9,3-3-3", IsCaSin, 20, 35},
    {Type::kMxCurp, "LLLLDDDDDDLLLLLLAD", "18", IsMxCurp, 95, 95},
    {Type::kMxRfc, "LLLLDDDDDDAAA", "13,4-6-3", IsMxRfc, 70, 85},
    {Type::kMxRfc, "LLLDDDDDDAAA", "12,3-6-3", IsMxRfc, 60, 80},
    {Type::kBrCpf, "DDDDDDDDDDD", "11,3-3-3-2,9-2", IsBrCpf, 50, 90},
    {Type::kBrCnpj, "AAAAAAAAAAAADD", "14,2-3-3-4-2", IsBrCnpj, 50, 90},
};

}  // namespace

std::span<const Identifier> AmericanIdentifiers() { return kIdentifiers; }

}  // namespace weir::privacy
