#include "models/name.h"

#include <gtest/gtest.h>

namespace weir::models {
namespace {

TEST(ParseName, TakesNamesAsPeopleWriteThem) {
  for (const char* text : {"smollm2:135m", "qwen2.5-coder:0.5b", "a", "0", "a_b-c.d:q4_k_m"}) {
    const auto name = ParseName(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->ToString(), text);
  }
}

TEST(ParseName, FoldsUpperCase) {
  EXPECT_EQ(ParseName("Qwen:7B-Q4_K_M")->ToString(), "qwen:7b-q4_k_m");
}

TEST(ParseName, RefusesWhatCouldBeAPath) {
  for (const char* text :
       {"",       ".",       "..",       "../x",     "a/b", "/etc/passwd", "a\\b", "a:..",
        "a:../b", ".hidden", "-x",       "a:",       ":a",  "a:b:c",       "a b",  "a\n",
        "a%2fb",  "file:/x", "a:b/../c", "\xc3\xa4", "a~",  "_a"}) {
    const auto name = ParseName(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, Code::kInvalidArgument);
    EXPECT_EQ(name.error().param, "model");
  }
  EXPECT_FALSE(ParseName(std::string_view("a\0b", 3)));
}

TEST(ParseName, BoundsBothParts) {
  const std::string most(kNamePartBytesMax, 'a');
  EXPECT_TRUE(ParseName(most + ":" + most));
  EXPECT_FALSE(ParseName(most + "a"));
  EXPECT_FALSE(ParseName("a:" + most + "a"));
  EXPECT_FALSE(ParseName(std::string(1 << 20, 'a')));
}

TEST(IsSha256, TakesLowerCaseDigitsOnly) {
  EXPECT_TRUE(IsSha256(std::string(64, 'a')));
  EXPECT_FALSE(IsSha256(std::string(64, 'A')));
  EXPECT_FALSE(IsSha256(std::string(63, 'a')));
  EXPECT_FALSE(IsSha256(std::string(61, 'a') + "/.."));
}

}  // namespace
}  // namespace weir::models
