#include "models/name.h"

#include <gtest/gtest.h>

#include "models/folder.h"

namespace weir::models {
namespace {

TEST(ParseName, TakesNamesAsPeopleWriteThem) {
  for (const char* text : {"smollm2:135m", "qwen2.5-coder:0.5b", "a", "0", "a_b-c.d:q4_k_m",
                           "me/small:1b", "me/small", "0.a/b"}) {
    const auto name = ParseName(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->ToString(), text);
  }
}

TEST(ParseName, FoldsUpperCase) {
  EXPECT_EQ(ParseName("Qwen:7B-Q4_K_M")->ToString(), "qwen:7b-q4_k_m");
}

TEST(ParseName, LeavesOutTheNamespaceOfOllamasOwnModels) {
  EXPECT_EQ(ParseName("library/smollm2:135m")->ToString(), "smollm2:135m");
  EXPECT_EQ(ParseName("Library/A")->ToString(), "a");
  EXPECT_FALSE(ParseName("library/"));
  EXPECT_FALSE(ParseName("library/a/b"));
}

// No two models share a folder, and none is a path.
TEST(FolderOf, IsOnePieceOfAPath) {
  for (const char* text : {"small", "me/small", "me.a/b-c"}) {
    const std::string folder = FolderOf(text);
    EXPECT_EQ(folder.find('/'), folder.npos) << text;
    EXPECT_EQ(ModelInFolder(folder), text);
    EXPECT_FALSE(ParseName(folder) && folder != text);
  }
  // A folder that somebody made by hand is no way to a name that cannot be.
  EXPECT_FALSE(ParseName(ModelInFolder("..+a")));
  EXPECT_FALSE(ParseName(ModelInFolder("a+b+c")));
  EXPECT_FALSE(ParseName(ModelInFolder("+a")));
}

TEST(ParseName, RefusesWhatCouldBeAPath) {
  for (const char* text :
       {"",       ".",       "..",       "../x",     "a/b/c", "/etc/passwd", "a\\b", "a:..",
        "a:../b", ".hidden", "-x",       "a:",       ":a",    "a:b:c",       "a b",  "a\n",
        "a%2fb",  "file:/x", "a:b/../c", "\xc3\xa4", "a~",    "_a",          "a/",   "a/..",
        "a/.b",   "./a",     "../a:b",   "a//b",     "/a",    "a/b:c/d",     "a+b",  "me/small:"}) {
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
  EXPECT_TRUE(ParseName(most + "/" + most + ":" + most));
  EXPECT_FALSE(ParseName(most + "a/b"));
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
