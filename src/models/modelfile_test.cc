#include "models/modelfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Refused(std::string_view text) {
  const auto file = ParseModelfile(text);
  return file ? "accepted" : file.error().message;
}

TEST(ModelfileTest, EveryInstructionIsRead) {
  const auto file = ParseModelfile(
      "# mine\nfrom smollm2:135m\nPARAMETER temperature 0.3\nPARAMETER stop \"<|im_end|>\"\n"
      "PARAMETER stop END\nPARAMETER num_gpu 1\nSYSTEM \"\"\"You are\nbrief.\"\"\"\n"
      "TEMPLATE {% for m in messages %}{{ m.content }}{% endfor %}\nMESSAGE user Hi there\n"
      "MESSAGE assistant \"Hello\"\nLICENSE MIT\n");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->from, "smollm2:135m");
  EXPECT_THAT(file->parameters, ElementsAre(Parameter{"temperature", "0.3"},
                                            Parameter{"stop", R"(["<|im_end|>","END"])"}));
  EXPECT_EQ(file->system, "You are\nbrief.");
  EXPECT_THAT(file->turns, ElementsAre(Turn{"user", "Hi there"}, Turn{"assistant", "Hello"}));
  EXPECT_EQ(file->licence, "MIT");
  EXPECT_THAT(file->notes, ElementsAre(HasSubstr("num_gpu")));
}

TEST(ModelfileTest, WhatIsPrintedIsReadBack) {
  const Modelfile file = {
      .from = "smollm2:135m",
      .parameters = {{"temperature", "0.3"}, {"stop", R"(["<|im_end|>","END"])"}},
      .chat_template = "{% for m in messages %}\n{{ m.content }}{% endfor %}",
      .system = "You are\n\"brief\".",
      .licence = "MIT",
      .turns = {{"user", "Hi there"}, {"assistant", "Hello"}}};
  const auto read = ParseModelfile(PrintModelfile(file));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->from, file.from);
  EXPECT_EQ(read->parameters, file.parameters);
  EXPECT_EQ(read->chat_template, file.chat_template);
  EXPECT_EQ(read->system, file.system);
  EXPECT_EQ(read->licence, file.licence);
  EXPECT_EQ(read->turns, file.turns);
}

TEST(ModelfileTest, WhatCannotBeQuotedIsNamedInsteadOfPrinted) {
  const std::string text = PrintModelfile({.from = "a", .system = "x \"\"\" y"});
  EXPECT_THAT(text, HasSubstr("# SYSTEM holds"));
  EXPECT_TRUE(ParseModelfile(text));
}

TEST(ModelfileTest, ErrorsNameTheLine) {
  EXPECT_THAT(Refused("SYSTEM x\n"), HasSubstr("FROM"));
  EXPECT_THAT(Refused("FROM a\nFROM b\n"), HasSubstr("line 2: FROM is there twice"));
  EXPECT_THAT(Refused("FROM a\nFROM b.gguf\nFROM c.gguf\n"), HasSubstr("line 3"));
  EXPECT_THAT(Refused("FROM a\nNONSENSE 1\n"), HasSubstr("line 2: NONSENSE"));
  EXPECT_THAT(Refused("FROM a\n\nPARAMETER heat 1\n"),
              HasSubstr("line 3: there is no parameter heat"));
  EXPECT_THAT(Refused("FROM a\nPARAMETER top_p 2\n"), HasSubstr("between 0 and 1"));
  EXPECT_THAT(Refused("FROM a\nPARAMETER top_k 1.5\n"), HasSubstr("whole number"));
  EXPECT_THAT(Refused("FROM a\nSYSTEM \"\"\"open\n"),
              HasSubstr("line 2: the \"\"\" is not closed"));
  EXPECT_THAT(Refused("FROM a\nMESSAGE robot x\n"), HasSubstr("system, user or assistant"));
  EXPECT_THAT(Refused("FROM a\nSYSTEM\n"), HasSubstr("missing"));
}

TEST(ModelfileTest, WhatCannotBeCarriedIsRefusedByName) {
  EXPECT_THAT(Refused("FROM a\nTEMPLATE \"\"\"{{ if .System }}{{ .System }}{{ end }}\"\"\"\n"),
              HasSubstr("Go's dialect"));
}

TEST(ModelfileTest, AdaptersArePathsUpToABound) {
  const auto file = ParseModelfile("FROM a\nADAPTER ./lora.gguf\nadapter \"my lora.gguf\"\n");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_THAT(file->adapters, ElementsAre("./lora.gguf", "my lora.gguf"));
  std::string many = "FROM a\n";
  for (size_t i = 0; i <= kAdaptersMax; ++i) many += "ADAPTER x.gguf\n";
  EXPECT_THAT(Refused(many), HasSubstr("line 6: a model takes at most 4 adapters"));
}

TEST(ModelfileTest, GoTemplatesAreToldFromJinja) {
  EXPECT_TRUE(IsGoTemplate("{{ if .System }}{{ .System }}{{ end }}"));
  EXPECT_TRUE(IsGoTemplate("{{- range .Messages }}x{{- end }}"));
  EXPECT_FALSE(IsGoTemplate("{% for m in messages %}{{ m.content }}{% endfor %}"));
  EXPECT_FALSE(IsGoTemplate("plain"));
}

}  // namespace
}  // namespace weir::models
