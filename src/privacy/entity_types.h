// What the detectors know: the kinds of things, their names (which configuration, `weir label` and
// explanations use) and the label that each gives unless the operator says otherwise.
// docs/internals/detectors.md has the rules and sources of each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "chat/label.h"

namespace weir::privacy {

enum class Type : uint8_t {
  kEmail,
  kPhone,
  kIpAddress,
  kMacAddress,
  kName,
  kAddress,
  kDateOfBirth,
  kLocation,
  kCard,
  kIban,
  kBankAccount,
  kCryptoWallet,
  kPassport,
  kDriverLicence,
  kMedicalRecord,
  kImei,
  kVin,
  kMrz,
  kUsSsn,
  kUsItin,
  kUsAbaRouting,
  kUsNpi,
  kUsMbi,
  kUsDea,
  kCaSin,
  kMxCurp,
  kMxRfc,
  kBrCpf,
  kBrCnpj,
  kUkNhs,
  kUkNino,
  kUkDrivingLicence,
  kDeTaxId,
  kDeTaxNumber,
  kDePension,
  kDeHealth,
  kDeIdCard,
  kDeVat,
  kDeDoctor,
  kAtSvnr,
  kChAhv,
  kNlBsn,
  kBeNational,
  kFrNir,
  kFrSiren,
  kFrSiret,
  kEsNif,
  kPtNif,
  kItFiscalCode,
  kItVat,
  kPlPesel,
  kCzBirthNumber,
  kRoCnp,
  kBgEgn,
  kHrOib,
  kTrTckn,
  kFiHetu,
  kSePersonnummer,
  kSeOrganisation,
  kDkCpr,
  kNoFodselsnummer,
  kInAadhaar,
  kInPan,
  kInGstin,
  kInVoter,
  kKrRrn,
  kKrBrn,
  kJpMyNumber,
  kCnResidentId,
  kSgNric,
  kSgUen,
  kThId,
  kPhTin,
  kAuAbn,
  kAuAcn,
  kAuTfn,
  kAuMedicare,
  kZaId,
  kNgNin,
  kApiKey,
  kJwt,
  kPrivateKey,
  kPassword,
  kConnectionString,
  kAuthHeader,
  kCookie,
  kUnscanned,
};
inline constexpr size_t kTypeCount = static_cast<size_t>(Type::kUnscanned) + 1;

// "us_ssn", "api_key", ...
std::string_view TypeName(Type type);
std::optional<Type> TypeFromName(std::string_view name);
// kSecret of what opens doors, kPersonal of the rest, kUnscanned of what could not be read.
chat::Label LabelOfType(Type type);

// A set of types.
class Types {
 public:
  constexpr Types() = default;
  constexpr Types(std::initializer_list<Type> types) {
    for (const Type type : types) Add(type);
  }
  constexpr void Add(Type type) { words_[Index(type) / 64] |= Bit(type); }
  constexpr void Add(const Types& others) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= others.words_[i];
  }
  constexpr bool Has(Type type) const { return (words_[Index(type) / 64] & Bit(type)) != 0; }

 private:
  static constexpr size_t Index(Type type) { return static_cast<size_t>(type); }
  static constexpr uint64_t Bit(Type type) { return uint64_t{1} << Index(type) % 64; }
  std::array<uint64_t, (kTypeCount + 63) / 64> words_ = {};
};

}  // namespace weir::privacy
