#include "privacy/request_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::privacy {
namespace {

using chat::Label;
using testing::ElementsAre;
using testing::IsEmpty;

chat::GenerateRequest Saying(std::vector<std::string> texts) {
  chat::GenerateRequest request;
  for (std::string& text : texts)
    request.messages.push_back({.parts = {{.text = std::move(text)}}});
  return request;
}

struct RequestScannerTest : testing::Test {
  RequestScanner scanner_{Detector::Make({}).value()};
};

TEST_F(RequestScannerTest, WithoutFindingsItSaysNothing) {
  const Scanned scanned = scanner_.Scan(Saying({"what is the weather like?"}));
  EXPECT_EQ(scanned.label, Label::kPublic);
  EXPECT_THAT(scanned.why, IsEmpty());
  EXPECT_FALSE(scanned.unscanned);
}

TEST_F(RequestScannerTest, SaysTypeAndPlaceAndNeverTheText) {
  const Scanned scanned =
      scanner_.Scan(Saying({"hello", "my iban is GB82 WEST 1234 5698 7654 32",
                            "and the key AKIA2E3KJ4LM5NPQ6RST", "jane@doe.org"}));
  EXPECT_EQ(scanned.label, Label::kSecret);
  EXPECT_THAT(scanned.why, ElementsAre("label personal: detector iban at message 2",
                                       "label secret: detector api_key at message 3",
                                       "label personal: detector email at message 4"));
}

TEST_F(RequestScannerTest, EachTypeIsToldOnceAndNotMoreThanEight) {
  EXPECT_THAT(scanner_.Scan(Saying({"a@b.org", "c@d.org"})).why,
              ElementsAre("label personal: detector email at message 1"));
  chat::GenerateRequest many =
      Saying({"a@b.org", "GB82 WEST 1234 5698 7654 32", "BOXW310820HNERXN09", "27AAPFU0939F1ZV",
              "RSSMRA85T10A562S", "756.9217.0769.85", "11010519491231002X", "1HGCM82633A004352",
              "390.533.447-05", "AKIA2E3KJ4LM5NPQ6RST"});
  const Scanned scanned = scanner_.Scan(many);
  EXPECT_EQ(scanned.why.size(), RequestScanner::kLinesMax);
  EXPECT_EQ(scanned.label, Label::kSecret) << "also when the line that says so is left out";
}

TEST_F(RequestScannerTest, WhatCannotBeReadIsToldApart) {
  const Scanned scanned = scanner_.Scan(Saying({"fine", std::string(100, '\x01')}));
  EXPECT_TRUE(scanned.unscanned);
  EXPECT_EQ(scanned.unscanned_at, "message 2");
  EXPECT_EQ(scanned.label, Label::kPublic);
  EXPECT_TRUE(
      scanner_.Scan(Saying(std::vector<std::string>(5, std::string(4 << 20, 'a')))).unscanned);
  EXPECT_FALSE(
      scanner_.Scan(Saying(std::vector<std::string>(4, std::string(4 << 20, 'a')))).unscanned);
}

TEST_F(RequestScannerTest, VerdictsOnLongTextsAreRememberedAndBounded) {
  const std::string mail = std::string(600, ' ') + "a@b.org";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(scanner_.Scan(Saying({mail})).label, Label::kPersonal);
  EXPECT_EQ(scanner_.remembered(), 1u);
  EXPECT_EQ(scanner_.Scan(Saying({"short a@b.org"})).label, Label::kPersonal);
  EXPECT_EQ(scanner_.remembered(), 1u);
  for (size_t i = 0; i < 2 * RequestScanner::kRememberedMax; ++i) {
    scanner_.Scan(Saying({std::to_string(i) + std::string(600, ' ')}));
  }
  EXPECT_LE(scanner_.remembered(), RequestScanner::kRememberedMax);
  EXPECT_EQ(scanner_.Scan(Saying({mail})).label, Label::kPersonal);
}

}  // namespace
}  // namespace weir::privacy
