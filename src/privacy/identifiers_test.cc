#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/settings.h"
#include "privacy/characters.h"
#include "privacy/detector.h"

namespace weir::privacy {
namespace {

const Detector& Built() {
  static const auto detector = Detector::Make({}).value();
  return *detector;
}

// What is found as `type` in `text`.
std::vector<std::string> Found(const std::string& text, std::string_view type) {
  std::vector<std::string> found;
  for (const Finding& finding : Built().Find(text)) {
    if (finding.type == type)
      found.push_back(text.substr(finding.begin, finding.end - finding.begin));
  }
  return found;
}

// Numbers that standards, authorities and libraries print as examples, each with the words that
// people write beside it. A changed character makes it another number, which must not be found.
struct Example {
  std::string type;
  std::string context;
  std::string good;
  std::string bad;  // a near miss: the same shape, and one check or rule is broken
};

const std::vector<Example>& Examples() {
  static const std::vector<Example> examples = {
      {"card", "card", "4111 1111 1111 1111", "4111 1111 1111 1112"},
      {"card", "card", "5555555555554444", "5555555555554445"},
      {"card", "card", "2223003122003222", "2223003122003223"},
      {"card", "card", "3782-822463-10005", "3782-822463-10006"},
      {"iban", "account", "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"},
      {"iban", "Konto", "DE89370400440532013000", "DE89370400440532013001"},
      {"iban", "compte", "FR14 2004 1010 0505 0001 3M02 606", "FR14 2004 1010 0505 0001 3M02 607"},
      {"imei", "IMEI", "490154203237518", "490154203237519"},
      {"vin", "VIN", "1HGCM82633A004352", "1HGCM82633A004353"},
      {"crypto_wallet", "account", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
       "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"},
      {"crypto_wallet", "account", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
       "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"},
      {"us_ssn", "SSN", "536-22-1234", "536-00-1234"},
      {"us_ssn", "social security number", "536221234", "666221234"},
      {"us_itin", "ITIN", "912-70-1234", "912-49-1234"},
      {"us_aba_routing", "routing number", "021000021", "021000022"},
      {"us_npi", "NPI", "1234567893", "1234567894"},
      {"us_mbi", "Medicare", "1EG4-TE5-MK73", "1EG4-TE5-MS73"},
      {"us_dea", "DEA number", "AB1234563", "AB1234564"},
      {"ca_sin", "social insurance number", "123 456 782", "123 456 783"},
      {"mx_curp", "CURP", "BOXW310820HNERXN09", "BOXW310820HNERXN08"},
      {"mx_rfc", "RFC", "GODE561231GR8", "GODE561231GR9"},
      {"br_cpf", "CPF", "390.533.447-05", "390.533.447-06"},
      {"br_cnpj", "CNPJ", "16.727.230/0001-97", "16.727.230/0001-98"},
      {"br_cnpj", "CNPJ", "12ABC34501DE35", "12ABC34501DE36"},
      {"uk_nhs", "NHS number", "943 476 5919", "943 476 5918"},
      {"uk_nino", "national insurance", "AB 12 34 56 C", "AB 12 34 56 E"},
      {"uk_nino", "national insurance", "JG103759A", "GB103759A"},
      {"uk_driving_licence", "driving licence", "MORGA657054SM9IJ", "MORGA693054SM9IJ"},
      {"de_tax_id", "Steuer-ID", "86 095 742 719", "86 095 742 718"},
      {"de_pension", "Rentenversicherung", "15 070649 C 103", "15 070649 C 104"},
      {"de_health", "Versichertennummer", "A123456780", "A123456781"},
      {"de_id_card", "Personalausweis", "T220001293", "T220001294"},
      {"de_vat", "USt-ID", "DE136695976", "DE136695977"},
      {"de_doctor", "LANR", "123456601", "123456701"},
      {"at_svnr", "SVNR", "1237 010180", "1238 010180"},
      {"ch_ahv", "AHV", "756.9217.0769.85", "756.9217.0769.86"},
      {"nl_bsn", "BSN", "111222333", "111222334"},
      {"be_national", "rijksregisternummer", "85.07.30-033.28", "85.07.30-033.29"},
      {"fr_nir", "securite sociale", "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"},
      {"fr_siren", "SIREN", "552 008 443", "552 008 444"},
      {"fr_siret", "SIRET", "73282932000074", "73282932000075"},
      {"es_nif", "NIF", "54362315K", "54362315Z"},
      {"es_nif", "NIE", "X-5253868-R", "X-5253868-S"},
      {"pt_nif", "NIF", "501964843", "501964842"},
      {"it_fiscal_code", "codice fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562T"},
      {"it_vat", "partita IVA", "00743110157", "00743110158"},
      {"pl_pesel", "PESEL", "44051401359", "44051401358"},
      {"cz_birth_number", "rodne cislo", "710319/2745", "710319/2746"},
      {"ro_cnp", "CNP", "1630615123457", "1630615123458"},
      {"bg_egn", "EGN", "7523169263", "7523169264"},
      {"hr_oib", "OIB", "33392005961", "33392005962"},
      {"tr_tckn", "TC kimlik", "10000000146", "10000000147"},
      {"fi_hetu", "henkilotunnus", "131052-308T", "131052-308U"},
      {"fi_hetu", "henkilotunnus", "010203A9024", "010203A9025"},
      {"se_personnummer", "personnummer", "811218-9876", "811218-9877"},
      {"se_organisation", "organisationsnummer", "556703-7485", "556703-7486"},
      {"dk_cpr", "CPR", "211062-5629", "321362-5629"},
      {"no_fodselsnummer", "fodselsnummer", "151086 95088", "151086 95089"},
      {"in_aadhaar", "Aadhaar", "2341 2341 2346", "2341 2341 2347"},
      {"in_pan", "PAN", "ACUPA7085R", "ACUXA7085R"},
      {"in_gstin", "GSTIN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZW"},
      {"kr_rrn", "RRN", "850101-1234566", "851301-1234566"},
      {"kr_brn", "business registration", "220-81-62517", "220-81-62518"},
      {"jp_my_number", "my number", "6214 9832 0257", "6214 9832 0258"},
      {"cn_resident_id", "resident id", "11010519491231002X", "110105194912310021"},
      {"sg_nric", "NRIC", "S1234567D", "S1234567E"},
      {"sg_uen", "UEN", "00192200M", "00192200N"},
      {"sg_uen", "UEN", "197401143C", "197401143D"},
      {"th_id", "Thai ID", "1-2345-45678-78-1", "1-2345-45678-78-2"},
      {"au_abn", "ABN", "51 824 753 556", "51 824 753 557"},
      {"au_acn", "ACN", "004 085 616", "004 085 617"},
      {"au_tfn", "TFN", "876 543 210", "876 543 211"},
      {"au_medicare", "Medicare", "2123 45670 1", "2123 45671 1"},
      {"za_id", "ID number", "8001015009087", "8001015009088"},
      {"ng_nin", "NIN", "23412341235", "23412341236"},
      {"mrz", "passport", "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
       "L898902C36UTO7408123F1204159ZE184226B<<<<<10"},
      {"email", "write to", "jane.doe+x@mail.example.org", "jane.doe+x@localhost"},
      {"phone", "call", "+49 30 901820", "+49 30 9"},
      {"phone", "call", "(415) 555-0132", "415-55"},
      {"phone", "call", "020 7946 0958", "020 7946"},
      {"ip_address", "from", "81.2.69.142", "192.168.69.142"},
      {"ip_address", "from", "2a00:1450:4001:82a::200e", "fe80:1450:4001:82a::200e"},
      {"mac_address", "at", "3c:22:fb:12:34:56", "3c:22:fb:12:34:5g"},
      {"location", "at coordinates", "52.52000, 13.40495", "52.5, 13.4"},
      {"passport", "passport", "C01X00T47 and 123456789", "C01X and 12345"},
      {"in_voter", "voter id", "ABC1234567", "ABC123456"},
      {"ph_tin", "Philippine TIN", "123-456-789-000", "123-456-78"},
  };
  return examples;
}

TEST(Identifiers, EachExampleIsFoundWhereItStands) {
  for (const Example& example : Examples()) {
    if (example.type == "passport" || example.type == "ph_tin") continue;
    const std::string text = "Here is the " + example.context + ": " + example.good + " (as said).";
    const auto found = Found(text, example.type);
    EXPECT_EQ(found.size(), 1u) << text << " " << example.type;
    if (found.empty()) continue;
    EXPECT_EQ(found[0], example.good);
  }
}

TEST(Identifiers, ANearMissIsNotFound) {
  for (const Example& example : Examples()) {
    const std::string text = "Here is the " + example.context + ": " + example.bad + " (as said).";
    EXPECT_TRUE(Found(text, example.type).empty()) << text << " " << example.type;
  }
}

TEST(Identifiers, InTheMiddleOfALongerNumberNothingIsFound) {
  for (const Example& example : Examples()) {
    if (!std::ranges::all_of(example.good, IsAlnum)) continue;
    std::vector<std::string> texts = {"9" + example.good + "7", "x" + example.good + "y"};
    if (std::ranges::all_of(example.good, IsDigit)) texts.push_back("8." + example.good);
    for (const std::string& text : texts) {
      const auto found = Found("the " + example.context + " " + text, example.type);
      EXPECT_TRUE(std::ranges::find(found, example.good) == found.end())
          << text << " " << example.type;
    }
  }
}

TEST(Identifiers, WithoutAWordNearbyWeakNumbersAreNothing) {
  for (const std::string number :
       {"046454286", "111222333", "2123456701", "1234567893", "73282932000074", "33392005961"}) {
    EXPECT_TRUE(Built().Find("The result was " + number + " in the end").empty()) << number;
  }
}

TEST(Identifiers, AWordAfterTheNumberCountsToo) {
  EXPECT_EQ(Found("111222333 (his BSN)", "nl_bsn").size(), 1u);
  EXPECT_EQ(Found("{\"customerBsn\": 111222333}", "nl_bsn").size(), 1u);
  EXPECT_TRUE(Found("absnormal 111222333", "nl_bsn").empty());
}

TEST(Identifiers, ANumberBetweenCommasIsOneOfAList) {
  EXPECT_EQ(Found("1001,4111111111111111,12", "card").size(), 1u);
  EXPECT_EQ(Found("[4111111111111111,5555555555554444]", "card").size(), 2u);
  EXPECT_EQ(Found("4111111111111111,12/27", "card").size(), 1u);
  EXPECT_EQ(Found("7,DE89370400440532013000,250", "iban").size(), 1u);
  EXPECT_EQ(Found("42,536-90-4399,9", "us_ssn").size(), 1u);
  EXPECT_EQ(Found("1001,415-555-0132,12", "phone").size(), 1u);
  EXPECT_EQ(Found("phone\n1001,4155550132,12", "phone").size(), 1u);
  EXPECT_EQ(Found("[7,\"81.2.69.142\",5] and 7,81.2.69.142,5", "ip_address").size(), 2u);
  // Thousands and decimals.
  for (const char* text :
       {"1,234,567.89", "12,345,678 of account 7", "account balance 12345678,90 EUR",
        "phone costs 3,1415926 each", "3,14159265358979"}) {
    EXPECT_TRUE(Built().Find(text).empty()) << text;
  }
}

TEST(Identifiers, NamesOfFieldsAreWordsToo) {
  EXPECT_EQ(Found("{\"social_security_number\":\"536904399\"}", "us_ssn").size(), 1u);
  EXPECT_EQ(Found("tax-id: 12-3456789, tax_id=536904399", "us_ssn").size(), 1u);
  EXPECT_EQ(Found("steuer_id: 36574261809", "de_tax_id").size(), 1u);
  EXPECT_EQ(Found("my_number=621498320257", "jp_my_number").size(), 1u);
  EXPECT_EQ(Found("medical_record_number: 8675309", "medical_record").size(), 1u);
  EXPECT_EQ(Found("drivers_license: D1234567", "driver_licence").size(), 1u);
  for (const char* name : {"date_of_birth", "birth_date", "date-of-birth", "fecha_de_nacimiento"}) {
    EXPECT_EQ(Found("{\"" + std::string(name) + "\":\"1984-03-12\"}", "date_of_birth").size(), 1u)
        << name;
  }
  EXPECT_EQ(Found("<birth_date>1984-03-12</birth_date>", "date_of_birth").size(), 1u);
}

TEST(Identifiers, WordsOfOtherScriptsCountInTheirOwn) {
  EXPECT_EQ(Found("マイナンバー 123456789018", "jp_my_number").size(), 1u);
  EXPECT_EQ(Found("マイナンバーは123456789018です", "jp_my_number").size(), 1u);
  EXPECT_EQ(Found("ЕГН 7523169263", "bg_egn").size(), 1u);
  EXPECT_EQ(Found("手机号:13800138000", "phone").size(), 1u);
  EXPECT_EQ(Found("我的手机号是13800138000，请联系", "phone").size(), 1u);
  EXPECT_EQ(Found("телефон 89161234567", "phone").size(), 1u);
  EXPECT_EQ(Found("Телефон: 89161234567", "phone").size(), 1u);
  EXPECT_EQ(Found("전화번호는 01012345678입니다", "phone").size(), 1u);
  EXPECT_EQ(Found("信用卡4111111111111111到期", "card").size(), 1u);
  EXPECT_EQ(Found("我的SSN是536221234。", "us_ssn").size(), 1u);
}

TEST(Identifiers, WordsOfOtherScriptsCountHoweverFarTheyStandApart) {
  for (size_t gap = 0; gap < 200; ++gap) {
    const std::string text = "日" + std::string(gap, ' ') + "Телефон: 89161234567";
    EXPECT_EQ(Found(text, "phone").size(), 1u) << gap;
  }
}

TEST(Identifiers, GroupsThatBeginWithLettersAreFound) {
  EXPECT_EQ(Found("MORGA 657054 SM9IJ", "uk_driving_licence").size(), 1u);
  EXPECT_EQ(Found("RSSMRA 85T10 A562S", "it_fiscal_code").size(), 1u);
  EXPECT_EQ(Found("RSS MRA 85T10 A562S", "it_fiscal_code").size(), 1u);
  EXPECT_EQ(Found("DNI 54.362.315-K", "es_nif").size(), 1u);
  EXPECT_EQ(Found("VAT IT00743110157", "it_vat").size(), 1u);
  EXPECT_EQ(Found("NIF PT501964843", "pt_nif").size(), 1u);
  EXPECT_EQ(Found("personnummer 811218+9876", "se_personnummer").size(), 1u);
  EXPECT_EQ(Found("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "crypto_wallet").size(), 1u);
  EXPECT_TRUE(Found("Bc1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "crypto_wallet").empty());
}

TEST(Identifiers, CoordinatesAreFoundAsFields) {
  for (const char* text :
       {"{\"latitude\": 48.8584, \"longitude\": 2.2945}", "lat: 48.8584, lon: 2.2945",
        "lat=48.8584&lng=-2.2945", "{\"lat\":-48.8584,\n \"lon\":2.2945}"}) {
    EXPECT_EQ(Found(text, "location").size(), 1u) << text;
  }
  EXPECT_TRUE(Found("lat: 48.8584, weight: 2.2945", "location").empty());
}

TEST(Identifiers, YearsAndAmountsAndSumsAreNone) {
  for (const char* text :
       {"Compare sales of 2023 2024 2025.", "account for 2020-2021", "call 1234567 functions",
        "score 123 45 6789", "scores 912 70 1234", "123+456+7890 is what?",
        "4500 4600 4700 4800 4900 5000", "In 2020 Wall Street crashed.",
        "By March 2009 Wall Street had lost", "the 1987 Wall Street crash"}) {
    EXPECT_TRUE(Built().Find(text).empty()) << text << " " << Built().Find(text)[0].type;
  }
  EXPECT_EQ(Found("my SSN is 536 22 1234", "us_ssn").size(), 1u);
  EXPECT_EQ(Found("call 5550132 now", "phone").size(), 1u);
  EXPECT_EQ(Found("He lives at 1984 Wall Street", "address").size(), 1u);
  EXPECT_EQ(Found("cc=4111+1111+1111+1111&x=1", "card").size(), 1u);
}

TEST(Identifiers, EveryTypeOfTheTableHasATestHereOrAmongTheTexts) {
  std::set<std::string> tested;
  for (const Example& example : Examples()) tested.insert(example.type);
  // detector_test.cc has these.
  for (const char* type : {"name", "address", "date_of_birth", "bank_account", "driver_licence",
                           "medical_record", "de_tax_number", "api_key", "jwt", "private_key",
                           "password", "connection_string", "auth_header", "cookie", "unscanned"}) {
    tested.insert(type);
  }
  for (size_t i = 0; i < kTypeCount; ++i) {
    EXPECT_TRUE(tested.contains(std::string(TypeName(static_cast<Type>(i)))))
        << TypeName(static_cast<Type>(i));
  }
}

}  // namespace
}  // namespace weir::privacy
