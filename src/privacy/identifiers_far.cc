#include <algorithm>
#include <array>
#include <string>

#include "privacy/characters.h"
#include "privacy/check_digits.h"
#include "privacy/identifiers.h"

namespace weir::privacy {
namespace {

bool IsInAadhaar(std::string_view d) { return d[0] >= '2' && !AllSame(d) && Verhoeff(d); }

bool IsInPan(std::string_view s) {
  return std::string_view("ABCFGHJLPT").find(s[3]) != std::string_view::npos &&
         s.substr(5, 4) != "0000";
}

bool IsInGstin(std::string_view s) {
  const int state = Two(s, 0);
  if (state < 1 || (state > 38 && state != 97 && state != 99) || s[13] != 'Z') return false;
  int sum = 0;
  for (size_t i = 0; i < 14; ++i) {
    const int product = Value36(s[i]) * (i % 2 == 0 ? 1 : 2);
    sum += product / 36 + product % 36;
  }
  return IsInPan(s.substr(2, 10)) && (36 - sum % 36) % 36 == Value36(s[14]);
}

// Numbers that were given since October 2020 have no check digit.
bool IsKrRrn(std::string_view d) {
  if (!BeginsWithYearMonthDay(d) || d[6] < '1' || d[6] > '8') return false;
  const int sum = Weighted(d, {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5});
  const bool foreign = d[6] >= '5';
  const bool checked = ((foreign ? 13 : 11) - sum % 11) % 10 == Value(d[12]);
  const bool of_this_century = std::string_view("3478").find(d[6]) != std::string_view::npos;
  return checked || (of_this_century && Two(d, 0) >= 20);
}

bool IsKrBrn(std::string_view d) {
  const int sum = Weighted(d, {1, 3, 7, 1, 3, 7, 1, 3, 5}) + Value(d[8]) * 5 / 10;
  return !AllSame(d) && (10 - sum % 10) % 10 == Value(d[9]);
}

bool IsJpMyNumber(std::string_view d) {
  const int rest = Weighted(d, {6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2}) % 11;
  return !AllSame(d) && (rest < 2 ? 0 : 11 - rest) == Value(d[11]);
}

bool IsCnResidentId(std::string_view s) {
  const int rest = Weighted(s, {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}) % 11;
  return (s[6] == '1' || s[6] == '2') && IsDay(Two(s, 10), Two(s, 12)) &&
         std::string_view("10X98765432")[static_cast<size_t>(rest)] == s[17];
}

bool IsSgNric(std::string_view s) {
  int sum = Weighted(s.substr(1), {2, 7, 6, 5, 4, 3, 2});
  if (s[0] == 'T' || s[0] == 'G') sum += 4;
  if (s[0] == 'M') sum += 3;
  const auto rest = static_cast<size_t>(sum % 11);
  if (s[0] == 'S' || s[0] == 'T') return std::string_view("JZIHGFEDCBA")[rest] == s[8];
  if (s[0] == 'F' || s[0] == 'G') return std::string_view("XWUTRQPNMLK")[rest] == s[8];
  return s[0] == 'M' && std::string_view("XWUTRQPNJLK")[rest] == s[8];
}

bool IsSgBusiness(std::string_view s) {
  const int rest = Weighted(s, {10, 4, 9, 3, 8, 2, 7, 1}) % 11;
  return std::string_view("XMKECAWLJDB")[static_cast<size_t>(rest)] == s[8];
}
bool IsSgCompany(std::string_view s) {
  const int rest = Weighted(s, {10, 8, 6, 4, 9, 7, 5, 3, 1}) % 11;
  const int century = Two(s, 0);
  return (century == 19 || century == 20 || century == 18) &&
         std::string_view("ZKCMDNERGWH")[static_cast<size_t>(rest)] == s[9];
}

bool IsThId(std::string_view d) {
  const int sum = Weighted(d, {13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2});
  return d[0] != '0' && d[0] != '9' && !AllSame(d) && (11 - sum % 11) % 10 == Value(d[12]);
}

bool IsAuAbn(std::string_view d) {
  const int sum = Weighted(d, {10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19}) - 10;  // one off the first
  return d[0] != '0' && sum % 89 == 0;
}
bool IsAuAcn(std::string_view d) {
  return !AllSame(d) && (10 - Weighted(d, {8, 7, 6, 5, 4, 3, 2, 1}) % 10) % 10 == Value(d[8]);
}
bool IsAuTfn(std::string_view d) {
  return !AllSame(d) && Weighted(d, {1, 4, 3, 7, 5, 8, 6, 9, 10}) % 11 == 0;
}
bool IsAuMedicare(std::string_view d) {
  return d[0] >= '2' && d[0] <= '6' && d[9] != '0' &&
         Weighted(d, {1, 3, 7, 9, 1, 3, 7, 9}) % 10 == Value(d[8]);
}

bool IsZaId(std::string_view d) { return BeginsWithYearMonthDay(d) && d[10] <= '2' && Luhn(d); }
bool IsNgNin(std::string_view d) { return !AllSame(d) && Verhoeff(d); }

constexpr Identifier kIdentifiers[] = {
    {Type::kInAadhaar, "DDDDDDDDDDDD", "12,4-4-4", IsInAadhaar, 30, 60},
    {Type::kInPan, "LLLLLDDDDL", "10", IsInPan, 65, 65},
    {Type::kInGstin, "DDLLLLLDDDDLAAA", "15", IsInGstin, 90, 90},
    {Type::kInVoter, "LLLDDDDDDD", "10", nullptr, 15, 15},
    {Type::kKrRrn, "DDDDDDDDDDDDD", "13,6-7", IsKrRrn, 35, 75},
    {Type::kKrBrn, "DDDDDDDDDD", "10,3-2-5", IsKrBrn, 15, 55},
    {Type::kJpMyNumber, "DDDDDDDDDDDD", "12,4-4-4", IsJpMyNumber, 20, 35},
    {Type::kCnResidentId, "DDDDDDDDDDDDDDDDDA", "18,6-8-4", IsCnResidentId, 90, 95},
    {Type::kSgNric, "LDDDDDDDL", "9", IsSgNric, 75, 75},
    {Type::kSgUen, "DDDDDDDDL", "9", IsSgBusiness, 30, 30},
    {Type::kSgUen, "DDDDDDDDDL", "10", IsSgCompany, 50, 50},
    {Type::kThId, "DDDDDDDDDDDDD", "13,1-4-5-2-1", IsThId, 30, 85},
    {Type::kPhTin, "DDDDDDDDD", "9,3-3-3", nullptr, 9, 9},
    {Type::kPhTin, "DDDDDDDDDDDD", "12,3-3-3-3", nullptr, 9, 25},
    {Type::kAuAbn, "DDDDDDDDDDD", "11,2-3-3-3", IsAuAbn, 45, 70},
    {Type::kAuAcn, "DDDDDDDDD", "9,3-3-3", IsAuAcn, 15, 25},
    {Type::kAuTfn, "DDDDDDDDD", "9,3-3-3", IsAuTfn, 20, 35},
    {Type::kAuMedicare, "DDDDDDDDDD", "10,4-5-1", IsAuMedicare, 25, 60},
    {Type::kZaId, "DDDDDDDDDDDDD", "13,6-4-2-1,6-4-3", IsZaId, 55, 80},
    {Type::kNgNin, "DDDDDDDDDDD", "11,4-3-4", IsNgNin, 20, 30},
};

}  // namespace

std::span<const Identifier> AsianPacificAndAfricanIdentifiers() { return kIdentifiers; }

}  // namespace weir::privacy
