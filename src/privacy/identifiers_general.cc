#include <algorithm>
#include <array>
#include <string>

#include "privacy/characters.h"
#include "privacy/check_digits.h"
#include "privacy/identifiers.h"

namespace weir::privacy {
namespace {

int Prefix(std::string_view digits, size_t count) {
  int value = 0;
  for (const char digit : digits.substr(0, count)) value = value * 10 + Value(digit);
  return value;
}
constexpr bool Within(int value, int first, int last) { return value >= first && value <= last; }

// Issuers by the first digits, each with its lengths.
bool IsIssued(std::string_view digits) {
  const size_t length = digits.size();
  const int two = Prefix(digits, 2);
  const int three = Prefix(digits, 3);
  const int four = Prefix(digits, 4);
  if (digits[0] == '4') return length == 13 || length == 16 || length == 19;  // Visa
  if (Within(two, 51, 55) || Within(four, 2221, 2720)) return length == 16;   // Mastercard
  if (two == 34 || two == 37) return length == 15;                            // Amex
  if (Within(three, 300, 305) || two == 36 || two == 38 || two == 39)
    return length == 14;                                                          // Diners
  if (Within(four, 3528, 3589)) return length >= 16;                              // JCB
  if (four == 6011 || two == 65 || Within(three, 644, 649)) return length >= 16;  // Discover
  if (two == 62 || two == 81) return length >= 16;                                // UnionPay
  if (Within(four, 2200, 2204)) return length >= 16;                              // Mir
  return (two == 50 || Within(two, 56, 58) || two == 60 || two == 63 || two == 67) && length >= 16;
}

bool IsCard(std::string_view digits) {
  return IsIssued(digits) && Luhn(digits) && !AllSame(digits);
}

bool IsImei(std::string_view digits) { return Luhn(digits) && !AllSame(digits); }

bool IsVin(std::string_view vin) {
  constexpr std::string_view kValues =
      "12345678.12345.7.923456789";  // of A to Z; I, O, Q have none
  constexpr std::array<int, 17> kWeights = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
  int sum = 0;
  int letters = 0;
  for (size_t i = 0; i < vin.size(); ++i) {
    const bool letter = IsUpper(vin[i]);
    const char value = letter ? kValues[static_cast<size_t>(vin[i] - 'A')] : vin[i];
    if (value == '.') return false;
    letters += letter;
    sum += Value(value) * kWeights[i];
  }
  const char check = sum % 11 == 10 ? 'X' : static_cast<char>('0' + sum % 11);
  return letters >= 2 && letters <= 12 && vin[8] == check;
}

bool HasDigits(std::string_view text) { return std::ranges::count_if(text, IsDigit) >= 4; }

constexpr Identifier kIdentifiers[] = {
    {Type::kCard, "DDDDDDDDDDDDD", "13", IsCard, 15, 15},
    {Type::kCard, "DDDDDDDDDDDDDD", "14,4-6-4", IsCard, 35, 85},
    {Type::kCard, "DDDDDDDDDDDDDDD", "15,4-6-5", IsCard, 55, 90},
    {Type::kCard, "DDDDDDDDDDDDDDDD", "16,4-4-4-4", IsCard, 60, 90},
    {Type::kCard, "DDDDDDDDDDDDDDDDDDD", "19,4-4-4-4-3", IsCard, 40, 85},
    {Type::kImei, "DDDDDDDDDDDDDDD", "15,2-6-6-1,6-2-6-1", IsImei, 30, 65},
    {Type::kVin, "AAAAAAAAAAAAAAAAA", "17", IsVin, 70, 70},
    // Nothing but a word nearby tells these from other numbers.
    {Type::kPassport, "DDDDDDDDD", "9", nullptr, 15, 15},
    {Type::kPassport, "LDDDDDDD", "8,1-7", nullptr, 15, 15},
    {Type::kPassport, "LDDDDDDDD", "9,1-8", nullptr, 15, 15},
    {Type::kPassport, "LLDDDDDDD", "9,2-7", nullptr, 15, 15},
    {Type::kPassport, "DDLLDDDDD", "9", nullptr, 15, 15},
    {Type::kDriverLicence, "LDDDDDDD", "8,1-7", nullptr, 10, 10},
    {Type::kDriverLicence, "LDDDDDDDDDDDD", "13,1-3-3-2-3-1,1-3-3-3-3", nullptr, 10, 10},
    {Type::kDriverLicence, "DDDDDDDDD", "9,3-3-3", nullptr, 10, 10},
    {Type::kDriverLicence, "DDDDDDDD", "8", nullptr, 10, 10},
    {Type::kDriverLicence, "AAAAAAAAAAA", "11", HasDigits, 10, 10},
    {Type::kBankAccount, "DDDDDDDD", "8,4-4", nullptr, 10, 10},
    {Type::kBankAccount, "DDDDDDDDD", "9", nullptr, 10, 10},
    {Type::kBankAccount, "DDDDDDDDDD", "10,3-7", nullptr, 10, 10},
    {Type::kBankAccount, "DDDDDDDDDDD", "11", nullptr, 10, 10},
    {Type::kBankAccount, "DDDDDDDDDDDD", "12,4-4-4", nullptr, 10, 10},
    {Type::kMedicalRecord, "DDDDDD", "6", nullptr, 10, 10},
    {Type::kMedicalRecord, "DDDDDDD", "7", nullptr, 10, 10},
    {Type::kMedicalRecord, "DDDDDDDD", "8,4-4", nullptr, 10, 10},
    {Type::kMedicalRecord, "DDDDDDDDD", "9", nullptr, 9, 9},
    {Type::kMedicalRecord, "DDDDDDDDDD", "10", nullptr, 9, 9},
};

struct Country {
  std::string_view code;
  size_t length;
};
// SWIFT's registry.
constexpr Country kIbanLengths[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30}};
static_assert(std::ranges::is_sorted(kIbanLengths, {}, &Country::code));

}  // namespace

std::span<const Identifier> GeneralIdentifiers() { return kIdentifiers; }

size_t IbanLength(std::string_view country) {
  const auto found = std::ranges::lower_bound(kIbanLengths, country, {}, &Country::code);
  return found != std::end(kIbanLengths) && found->code == country ? found->length : 0;
}

bool IsIban(std::string_view compact) {
  if (compact.size() < 15 || IbanLength(compact.substr(0, 2)) != compact.size()) return false;
  if (!IsDigit(compact[2]) || !IsDigit(compact[3])) return false;
  return Mod97Is1(std::string(compact.substr(4)) + std::string(compact.substr(0, 4)));
}

}  // namespace weir::privacy
