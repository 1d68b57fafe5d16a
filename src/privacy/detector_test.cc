#include "privacy/detector.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/base64.h"
#include "base/utf8.h"

namespace weir::privacy {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const Detector& Built() {
  static const auto detector = Detector::Make({}).value();
  return *detector;
}

// "type: what", in order.
std::vector<std::string> Find(const std::string& text) {
  std::vector<std::string> found;
  for (const Finding& finding : Built().Find(text)) {
    found.push_back(std::string(finding.type) + ": " +
                    text.substr(finding.begin, finding.end - finding.begin));
  }
  return found;
}
std::vector<std::string> Types(const std::string& text) {
  std::vector<std::string> types;
  for (const Finding& finding : Built().Find(text)) types.emplace_back(finding.type);
  return types;
}

TEST(Detector, FindsNames) {
  EXPECT_THAT(Find("Please ask Maria Gonzalez about it."), ElementsAre("name: Maria Gonzalez"));
  EXPECT_THAT(Find("Dear Mr. Kowalczyk, thank you"), ElementsAre("name: Kowalczyk"));
  EXPECT_THAT(Find("Ludwig van Beethoven wrote it"), ElementsAre("name: Ludwig van Beethoven"));
  EXPECT_THAT(Find("John F. Kennedy spoke"), ElementsAre("name: John F. Kennedy"));
  EXPECT_THAT(Find("Frau Dr. Schneider kommt"), ElementsAre("name: Schneider"));
  EXPECT_THAT(Find("{\"patient\": \"Nguyen\"}"), ElementsAre("name: Nguyen"));
  EXPECT_THAT(Find("Søren Kierkegård schrieb"), ElementsAre("name: Søren Kierkegård"));
  EXPECT_THAT(Find("my name is Xyzabeth Qwerty"), ElementsAre("name: Xyzabeth Qwerty"));
}

TEST(Detector, WordsWithCapitalsAreNoNames) {
  for (const char* text :
       {"The Quick Brown Fox jumps over the Lazy Dog", "In May Will comes",
        "Grace Period and Dead Letter", "New York and San Francisco", "JSON Schema, HTTP Server",
        "Mark Complete; Bill Payment",
        "#include <gtest/gtest.h> class Result final : public Base {", "On Monday The Boss said"}) {
    EXPECT_THAT(Find(text), IsEmpty()) << text;
  }
}

TEST(Detector, FindsAddresses) {
  EXPECT_THAT(Types("I live at 221B Baker Street, London"), Contains("address"));
  EXPECT_THAT(Types("1600 Pennsylvania Avenue NW"), Contains("address"));
  EXPECT_THAT(Types("wohnhaft Goethestraße 12a, 60313 Frankfurt"), Contains("address"));
  EXPECT_THAT(Types("12 bis rue de la Paix, Paris"), Contains("address"));
  EXPECT_THAT(Types("Calle de Alcalá 42, Madrid"), Contains("address"));
  EXPECT_THAT(Types("ul. Marszałkowska 10"), Contains("address"));
  EXPECT_THAT(Types("Springfield, IL 62704-1234"), Contains("address"));
  EXPECT_THAT(Types("London SW1A 1AA"), Contains("address"));
  EXPECT_THAT(Types("P.O. Box 1234"), Contains("address"));
  EXPECT_THAT(Find("There are 3 ways to place 4 items on the road"), IsEmpty());
}

TEST(Detector, FindsDatesOfBirthAndNoOtherDates) {
  EXPECT_THAT(Find("Date of birth: 12.03.1984"), ElementsAre("date_of_birth: 12.03.1984"));
  EXPECT_THAT(Find("{\"dob\": \"1984-03-12\"}"), ElementsAre("date_of_birth: 1984-03-12"));
  EXPECT_THAT(Find("she was born on March 12th, 1984"),
              ElementsAre("date_of_birth: March 12th, 1984"));
  EXPECT_THAT(Find("geboren am 12. März 1984"), ElementsAre("date_of_birth: 12. März 1984"));
  EXPECT_THAT(Find("released on 12.03.1984, built 2024-01-02"), IsEmpty());
}

TEST(Detector, FindsWhatAWordMakesAnIdentifier) {
  EXPECT_THAT(Find("account number 12345678"), ElementsAre("bank_account: 12345678"));
  EXPECT_THAT(Find("driver's license D1234567"), ElementsAre("driver_licence: D1234567"));
  EXPECT_THAT(Find("passport no C01234567"), ElementsAre("passport: C01234567"));
  EXPECT_THAT(Find("MRN: 8675309"), ElementsAre("medical_record: 8675309"));
  EXPECT_THAT(Find("Steuernummer 181/815/08155"), ElementsAre("de_tax_number: 181/815/08155"));
  EXPECT_THAT(Find("the build 12345678 of C01234567 took 8675309"), IsEmpty());
}

TEST(Detector, FindsAnIbanThatIsLaidOutOrWrapped) {
  for (const std::string iban :
       {"DE89  3704  0044  0532  0130  00", "DE89 3704  0044 0532 0130 00",
        "DE89 - 3704 - 0044 - 0532 - 0130 - 00", "DE89|3704|0044|0532|0130|00",
        "DE89 | 3704 | 0044 | 0532 | 0130 | 00", "DE89 3704 0044\n0532 0130 00",
        "DE89 3704 0044\r\n    0532 0130 00", "DE893704004\n40532013000",
        "DE89 3704 00\n44 0532 0130 00"}) {
    EXPECT_THAT(Find("to " + iban + " by Monday"), ElementsAre("iban: " + iban)) << iban;
    std::string wrong = iban;
    wrong.back() = '1';
    EXPECT_THAT(Types("to " + wrong + " by Monday"), Not(Contains("iban"))) << wrong;
  }
}

TEST(Detector, FindsACardThatIsLaidOutOrWrappedWhereAWordSaysSo) {
  for (const std::string card :
       {"4111  1111  1111  1111", "4111 - 1111 - 1111 - 1111", "4111 | 1111 | 1111 | 1111",
        "4111 1111\n1111 1111", "411111111\n1111111", "3782  822463  10005"}) {
    EXPECT_THAT(Find("my card is " + card + " and"), ElementsAre("card: " + card)) << card;
    EXPECT_THAT(Find("the sums were " + card + " and"), IsEmpty()) << card;
  }
  EXPECT_THAT(Find("card\n\n4111 1111\n\n1111 1111"), IsEmpty()) << "two paragraphs";
}

TEST(Detector, AHeadSpeaksForItsColumnHoweverFarBelowItLies) {
  std::string rows;
  for (int i = 100; i < 140; ++i) rows += fmt::format("{},Widget no. {},blue,536221234\n", i, i);
  EXPECT_THAT(Types("id,what,colour,ssn\n" + rows), Each("us_ssn"));
  EXPECT_EQ(Types("id,what,colour,ssn\n" + rows).size(), 40u);
  EXPECT_EQ(Types("id,what,colour,\"Customer SSN\"\r\n" + rows).size(), 40u);
  EXPECT_THAT(Types("id,what,ssn,amount\n" + rows).size(), testing::Le(3u)) << "another column";
  EXPECT_THAT(Types("id,what,colour,amount\n" + rows), IsEmpty());
  std::string bars;
  for (int i = 0; i < 9; ++i) bars += "| \"a|b\" | " + std::string(80, 'x') + " | 536221234 |\n";
  EXPECT_EQ(Types("| a | b | SSN |\n|---|---|---|\n" + bars).size(), 9u);
  std::string prose = "Dear holder of the ssn, we write\n";
  for (int i = 0; i < 9; ++i) prose += "about a thing that costs, as we say, 536221234 and more\n";
  EXPECT_THAT(Types("About the ssn, and, more\n" + prose).size(), testing::Le(2u));
}

TEST(Detector, FindsKeysByTheirPrefixes) {
  const std::string token = "a8Kd03mZq7Lw5XcV2bN9rT4yU6iO1pE";
  for (const std::string& key :
       {"sk-proj-" + token, "sk-ant-api03-" + token, "ghp_" + token + "Ab12Z",
        "github_pat_" + token + token, "glpat-" + token, "xoxb-123456789012-" + token,
        "AIza" + token + "Q1w2", "hf_" + token + "x", "npm_" + token + "Ab12Z", "sk_live_" + token,
        std::string("AKIA2E3KJ4LM5NPQ6RST"), "glsa_" + token + "x_0a1b2c3d",
        "weir_sk_" + token + "q1w2e3r4t5y6"}) {
    EXPECT_THAT(Find("use " + key + " there"), ElementsAre("api_key: " + key));
    EXPECT_THAT(Find("KEY=" + key + "\n"), ElementsAre("api_key: " + key));
  }
  EXPECT_THAT(Find("sk-fading-circle-animation-in-css and AKIAIOSFODNN7EXAMPLE and ghp_short"),
              IsEmpty());
}

TEST(Detector, FindsOtherSecrets) {
  EXPECT_THAT(
      Types("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nafter"),
      ElementsAre("private_key"));
  EXPECT_THAT(Types("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_"
                    "XgL0n3I9PlFUP0THsR8U"),
              ElementsAre("jwt"));
  EXPECT_THAT(Find("password: hunter2!x"), ElementsAre("password: hunter2!x"));
  EXPECT_THAT(Find("DB_PASSWORD=\"Tr0ub4dor&3\""), ElementsAre("password: Tr0ub4dor&3"));
  EXPECT_THAT(Find("Das Passwort lautet Sommer2024"), ElementsAre("password: Sommer2024"));
  EXPECT_THAT(Find("postgres://app:s3cr3tPw@db.internal:5432/x"),
              ElementsAre("connection_string: app:s3cr3tPw"));
  EXPECT_THAT(Find("Authorization: Basic dXNlcjpwYXNzd29yZDE="),
              ElementsAre("auth_header: dXNlcjpwYXNzd29yZDE="));
  EXPECT_THAT(Types("Cookie: session=9f8a7b6c5d4e3f2a1b0c"), ElementsAre("cookie"));
  EXPECT_THAT(Types("api_key = 'q8Zx7Lm2Nv5Tb0Rw3Yk6'"), ElementsAre("api_key"));
}

TEST(Detector, FindsPasswordsOfLettersAndKeysWithSigns) {
  EXPECT_THAT(Find("POSTGRES_PASSWORD=supersecretpassword\n"),
              ElementsAre("password: supersecretpassword"));
  EXPECT_THAT(Find("\"password\": \"letmein\""), ElementsAre("password: letmein"));
  EXPECT_THAT(Find("password: \"correct horse battery staple\""),
              ElementsAre("password: correct horse battery staple"));
  EXPECT_THAT(Types("SECRET_KEY = 'k2#j4v&8m!x)w0q^z@p5r*t7(n'"), ElementsAre("api_key"));
  EXPECT_THAT(Types("SECRET_KEY='django-insecure-k2#j4v&8m!x)w0q^z@p5r*t7(n'"),
              ElementsAre("api_key"));
  for (const char* text : {"пароль: Winter2026x", "Пароль: Winter2026x", "密码：Winter2026x",
                           "密码是Winter2026x", "パスワードはWinter2026x", "hasło: Winter2026x",
                           "şifre: Winter2026x", "비밀번호: Winter2026x"}) {
    EXPECT_THAT(Find(text), ElementsAre("password: Winter2026x")) << text;
  }
  EXPECT_THAT(Types("密钥sk-proj-a8Kd03mZq7Lw5XcV2bN9rT4yU6iO1pE"), ElementsAre("api_key"));
}

TEST(Detector, PlaceholdersAndCodeAreNoSecrets) {
  for (const char* text : {"\"password\": \"string\"",
                           "\"password\": \"Please enter it\"",
                           "PASSWORD=password",
                           "password: \"must have at least eight letters\"",
                           "password = getpass",
                           "PASSWORD=",
                           "type=\"password\"",
                           "\"password\": \"Passwort\"",
                           "confirmPassword: 'Wiederholen'",
                           "password=supersecretpassword && go",
                           "password = os.environ['DB']",
                           "password: <your password>",
                           "PASSWORD=${DB_PASSWORD}",
                           "api_key = get_key(config)",
                           "token: string;",
                           "the password is incorrect",
                           "secret = None",
                           "-----BEGIN CERTIFICATE-----",
                           "password: ********",
                           "https://user:password@example/x",
                           "const token = tokenizer.next_token",
                           "Authorization: Bearer $TOKEN",
                           "api_key=YOUR_API_KEY_HERE_1234",
                           "std::string password = options.password;"}) {
    EXPECT_THAT(Find(text), IsEmpty()) << text;
  }
}

TEST(Detector, NumbersOfEverydayTextAreNothing) {
  for (const char* text :
       {"version 1.2.3.4 of 2024-01-15 12:30:45", "pi is 3.14159265358979",
        "1,234,567.89 USD and $1234567890", "line 1234567890123456 of 987654321",
        "0x1234567890abcdef at 127.0.0.1:8080", "192.168.0.1/24 and 10.0.0.1",
        "a1b2c3d4-e5f6-7890-abcd-ef1234567890", "sha 5d41402abc4b2a76b9719d911017c592",
        "ISBN 978-3-16-148410-0", "icon@2x.png git@github.com:x/y.git @property foo@bar",
        "std::vector<int> a = {1, 22, 333, 4444};", "1700000000123456789 ns, 1700000000 s",
        "§ 123 Abs. 4 Nr. 5", "uint64_t x = 0123456789;"}) {
    EXPECT_THAT(Find(text), IsEmpty()) << text;
  }
}

TEST(Detector, HiddenFormsAreFoundWhereTheyStand) {
  EXPECT_THAT(Find("card ４１１１ １１１１ １１１１ １１１１!"),
              ElementsAre("card: ４１１１ １１１１ １１１１ １１１１"));
  EXPECT_THAT(Find("SSN 5\u200b36\u200b-22-1234."), ElementsAre("us_ssn: 5\u200b36\u200b-22-1234"));
  EXPECT_THAT(Find(R"({"mail":"jane\u0040doe.org"})"), ElementsAre(R"(email: jane\u0040doe.org)"));
  EXPECT_THAT(Find(R"('jane\x40doe.org')"), ElementsAre(R"(email: jane\x40doe.org)"));
  EXPECT_THAT(Find("?mail=jane%40doe.org&x"), ElementsAre("email: jane%40doe.org"));
  EXPECT_THAT(Find("jane&#64;doe.org"), ElementsAre("email: jane&#64;doe.org"));
  EXPECT_THAT(Find("рassword=Tr0ub4dor&3"), ElementsAre("password: Tr0ub4dor&3"));
}

TEST(Detector, LooksIntoBase64AndHex) {
  const std::string inside = "please send it to jane@doe.org as soon as you can";
  const std::string base64 = EncodeBase64(inside);
  EXPECT_THAT(Find("x " + base64), ElementsAre("email: " + base64.substr(0, base64.find('='))));
  std::string hex;
  for (const char c : inside)
    hex += "0123456789abcdef"[c >> 4 & 15], hex += "0123456789abcdef"[c & 15];
  EXPECT_THAT(Types(hex), ElementsAre("email"));
  EXPECT_THAT(Find("x am9lLmRvZUBleGFtcGxlLmNvbQ== y"),
              ElementsAre("email: am9lLmRvZUBleGFtcGxlLmNvbQ"));
  EXPECT_THAT(Types("src/privacy/detection_copy and VeryLongNamesOfClassesInSomeLanguages and "
                    "0123456789abcdef0123456789abcdef"),
              IsEmpty());
}

TEST(Detector, WhatCannotBeReadIsUnscanned) {
  EXPECT_THAT(Types(std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", 18)),
              ElementsAre("unscanned"));
  EXPECT_THAT(Types(std::string(Detector::kTextMax + 1, 'a')), ElementsAre("unscanned"));
  std::mt19937 dice(1);
  std::string bytes;
  for (int i = 0; i < 3000; ++i) bytes += static_cast<char>(dice());
  EXPECT_THAT(Types("data:image/png;base64," + EncodeBase64(bytes)), Contains("unscanned"));
  EXPECT_THAT(Types("\x1b[31mred\x1b[0m and \x1b[1mbold\x1b[0m"), IsEmpty())
      << "a terminal's colours are text";
  std::string mails;
  for (int i = 0; i < 5000; ++i) mails += "a" + std::to_string(i) + "@b.org ";
  EXPECT_THAT(Types(mails), ElementsAre("unscanned")) << "more than is kept";
  EXPECT_EQ(Built().Find(mails)[0].label, chat::Label::kUnscanned);
}

TEST(Detector, TheHigherLabelStaysWhereFindingsOverlap) {
  EXPECT_THAT(Find("https://jane.doe%40corp.com:Pa55w0rd1@db.corp.com/"),
              Contains(testing::StartsWith("connection_string: ")));
}

// Cut anywhere, a text is still read without harm; findings lie in it, in order and apart.
TEST(Detector, FindingsLieInTheTextAndOnBorders) {
  const std::string text =
      "Liebe Frau Müller, 我的 email 是 jane@doe.org；SSN 536-22-1234 и карта 4111 1111 1111 1111. "
      "Goethestraße 12, ４１１１ %41 \\u00e9 password=Tr0ub4dor&3 AKIA2E3KJ4LM5NPQ6RST born "
      "12.03.1984 <<<";
  std::mt19937 dice(20261122);
  for (int round = 0; round < 3000; ++round) {
    const size_t begin = dice() % text.size();
    const std::string part = text.substr(begin, dice() % (text.size() - begin) + 1);
    size_t end = 0;
    for (const Finding& finding : Built().Find(part)) {
      ASSERT_LE(end, finding.begin);
      ASSERT_LT(finding.begin, finding.end);
      ASSERT_LE(finding.end, part.size());
      if (IsValidUtf8(part)) {
        EXPECT_TRUE(IsValidUtf8(part.substr(finding.begin, finding.end - finding.begin)));
      }
      end = finding.end;
    }
  }
}

TEST(Detector, WhatStandsAroundAFindingDoesNotHideIt) {
  std::mt19937 dice(4);
  const std::vector<std::string> fillers = {" ", "\n", "word ", "日本 ", "12 ", "é ",
                                            "(", "\"", ", ",    "; ",    "\t"};
  for (int round = 0; round < 1000; ++round) {
    std::string before;
    std::string after;
    for (size_t i = 0; i < dice() % 20; ++i) before += fillers[dice() % fillers.size()];
    for (size_t i = 0; i < dice() % 20; ++i) after += fillers[dice() % fillers.size()];
    const std::string text = before + " <jane@doe.org> " + after;
    const auto found = Built().Find(text);
    ASSERT_EQ(found.size(), 1u) << text;
    EXPECT_EQ(text.substr(found[0].begin, found[0].end - found[0].begin), "jane@doe.org");
  }
}

}  // namespace
}  // namespace weir::privacy
