#include "privacy/entity_types.h"

#include <algorithm>

namespace weir::privacy {
namespace {

// In the order of Type.
constexpr std::array<std::string_view, kTypeCount> kNames = {"email",
                                                             "phone",
                                                             "ip_address",
                                                             "mac_address",
                                                             "name",
                                                             "address",
                                                             "date_of_birth",
                                                             "location",
                                                             "card",
                                                             "iban",
                                                             "bank_account",
                                                             "crypto_wallet",
                                                             "passport",
                                                             "driver_licence",
                                                             "medical_record",
                                                             "imei",
                                                             "vin",
                                                             "mrz",
                                                             "us_ssn",
                                                             "us_itin",
                                                             "us_aba_routing",
                                                             "us_npi",
                                                             "us_mbi",
                                                             "us_dea",
                                                             "ca_sin",
                                                             "mx_curp",
                                                             "mx_rfc",
                                                             "br_cpf",
                                                             "br_cnpj",
                                                             "uk_nhs",
                                                             "uk_nino",
                                                             "uk_driving_licence",
                                                             "de_tax_id",
                                                             "de_tax_number",
                                                             "de_pension",
                                                             "de_health",
                                                             "de_id_card",
                                                             "de_vat",
                                                             "de_doctor",
                                                             "at_svnr",
                                                             "ch_ahv",
                                                             "nl_bsn",
                                                             "be_national",
                                                             "fr_nir",
                                                             "fr_siren",
                                                             "fr_siret",
                                                             "es_nif",
                                                             "pt_nif",
                                                             "it_fiscal_code",
                                                             "it_vat",
                                                             "pl_pesel",
                                                             "cz_birth_number",
                                                             "ro_cnp",
                                                             "bg_egn",
                                                             "hr_oib",
                                                             "tr_tckn",
                                                             "fi_hetu",
                                                             "se_personnummer",
                                                             "se_organisation",
                                                             "dk_cpr",
                                                             "no_fodselsnummer",
                                                             "in_aadhaar",
                                                             "in_pan",
                                                             "in_gstin",
                                                             "in_voter",
                                                             "kr_rrn",
                                                             "kr_brn",
                                                             "jp_my_number",
                                                             "cn_resident_id",
                                                             "sg_nric",
                                                             "sg_uen",
                                                             "th_id",
                                                             "ph_tin",
                                                             "au_abn",
                                                             "au_acn",
                                                             "au_tfn",
                                                             "au_medicare",
                                                             "za_id",
                                                             "ng_nin",
                                                             "api_key",
                                                             "jwt",
                                                             "private_key",
                                                             "password",
                                                             "connection_string",
                                                             "auth_header",
                                                             "cookie",
                                                             "unscanned"};
static_assert(std::ranges::none_of(kNames, &std::string_view::empty));

}  // namespace

std::string_view TypeName(Type type) { return kNames[static_cast<size_t>(type)]; }

std::optional<Type> TypeFromName(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Type>(found - kNames.begin());
}

chat::Label LabelOfType(Type type) {
  if (type == Type::kUnscanned) return chat::Label::kUnscanned;
  return type >= Type::kApiKey ? chat::Label::kSecret : chat::Label::kPersonal;
}

}  // namespace weir::privacy
