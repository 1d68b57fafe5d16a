#include "models/naming.h"

#include <gtest/gtest.h>

namespace weir::models {
namespace {

TEST(NamingTest, TheQuantisationIsFoundInAFileName) {
  EXPECT_EQ(QuantisationIn("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"), "q4_k_m");
  EXPECT_EQ(QuantisationIn("a/Model.Q4_K_S.gguf"), "Q4_K_S");
  EXPECT_EQ(QuantisationIn("Model-BF16-00001-of-00002.gguf"), "BF16");
  EXPECT_EQ(QuantisationIn("Model-IQ2_XXS.gguf"), "IQ2_XXS");
  EXPECT_EQ(QuantisationIn("model.gguf"), "");
  EXPECT_EQ(QuantisationIn("xq4_0y.gguf"), "");
}

TEST(NamingTest, NamesAreMadeOfWhatTheFileIsCalled) {
  EXPECT_EQ(NameFor("Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf", "Q4_K_M").ToString(),
            "qwen2.5-coder-0.5b-instruct:q4_k_m");
  EXPECT_EQ(NameFor("Qwen/Qwen2.5-0.5B-GGUF", "Q8_0").ToString(), "qwen2.5-0.5b:q8_0");
  EXPECT_EQ(NameFor("/tmp/..weird name!.gguf", "").ToString(), "weird-name-:latest");
  EXPECT_EQ(NameFor("...", "").ToString(), "model:latest");
}

}  // namespace
}  // namespace weir::models
