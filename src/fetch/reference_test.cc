#include "fetch/reference.h"

#include <gtest/gtest.h>

namespace weir::fetch {
namespace {

Reference Parsed(std::string_view text) {
  auto reference = ParseReference(text);
  EXPECT_TRUE(reference) << text << ": " << reference.error().message;
  return reference ? *reference : Reference();
}

TEST(ReferenceTest, EachKindIsToldByItsBeginning) {
  EXPECT_EQ(Parsed("smollm2:135m"), Reference(FromCatalogue{"smollm2:135m"}));
  EXPECT_EQ(Parsed("fast"), Reference(FromCatalogue{"fast"}));
  EXPECT_EQ(Parsed("pypi:smollm2:135m"), Reference(FromCatalogue{"smollm2:135m", true}));
  EXPECT_EQ(Parsed("hf:Qwen/Qwen2.5-0.5B-GGUF"), Reference(FromHub{"Qwen/Qwen2.5-0.5B-GGUF", ""}));
  EXPECT_EQ(Parsed("hf:a/b:Q4_K_M"), Reference(FromHub{"a/b", "Q4_K_M"}));
  EXPECT_EQ(Parsed("hf:a/b:sub/m-Q4_0.gguf"), Reference(FromHub{"a/b", "sub/m-Q4_0.gguf"}));
  EXPECT_EQ(Parsed("ollama:smollm2"), Reference(FromRegistry{"library/smollm2", "latest"}));
  EXPECT_EQ(Parsed("ollama:me/mine:v1"), Reference(FromRegistry{"me/mine", "v1"}));
  EXPECT_EQ(Parsed("https://h/x.gguf"), Reference(FromWeb{"https://h/x.gguf"}));
  EXPECT_EQ(Parsed("ollAma:q5_"), Reference(FromRegistry{"library/q5_", "latest"}));
  EXPECT_EQ(Parsed("HF:a/b"), Reference(FromHub{"a/b", ""}));
  EXPECT_EQ(Parsed("file:./x.gguf"), Reference(FromFile{"./x.gguf"}));
  EXPECT_EQ(Parsed("file:///a/x.gguf"), Reference(FromFile{"/a/x.gguf"}));
}

TEST(ReferenceTest, PathTricksAreNoReferences) {
  for (const char* text :
       {"hf:../..",      "hf:a/..",        "hf:a/b:../c",  "hf:a/b:.hidden", "hf:a/b:",
        "hf:a/b/c",      "hf:a",           "hf:",          "hf:a/b:x//y",    "ollama:../../etc",
        "ollama:a:../b", "ollama:a/b/c:t", "ollama:",      "pypi:../x",      "../x",
        "a/b",           "https://h/a b",  "https://h/\n", "file:",          "hf:a/b:x%2f..",
        "ollama:a:"}) {
    EXPECT_FALSE(ParseReference(text)) << text;
  }
  EXPECT_FALSE(ParseReference(std::string(5000, 'a')));
}

}  // namespace
}  // namespace weir::fetch
