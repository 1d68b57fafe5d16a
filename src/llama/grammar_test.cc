#include "llama/grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llama/grammar_gate.h"
#include "llama/json_calls.h"
#include "llama/schema_pattern.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using ::testing::HasSubstr;
using testing::RandomPath;

// Whether the whole of `text` is an answer that the grammar allows.
bool Takes(const Vocabulary& vocabulary, const Grammar& grammar, const std::string& text) {
  auto gate = GrammarGate::Create(vocabulary, grammar);
  EXPECT_TRUE(gate) << gate.error().message;
  if (!gate) return false;
  for (const Token token : *vocabulary.TokenizeMiddle(text, false)) {
    if (!(*gate)->Accept(token)) return false;
  }
  return (*gate)->Allows(vocabulary.end());
}

TEST(Grammar, TakesWhatItDescribes) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const Grammar object{.gbnf = JsonObjectGrammar()};
  EXPECT_TRUE(Takes(model.vocabulary(), object, R"({"a": [1, -2.5e3, "x\n", null, {}]})"));
  EXPECT_FALSE(Takes(model.vocabulary(), object, R"([1])"));
  EXPECT_FALSE(Takes(model.vocabulary(), object, R"({"a": 1)"));
  const Grammar schema{
      .gbnf = *GrammarFromSchema(R"({"type":"object","properties":{"n":{"type":"integer"}},)"
                                 R"("required":["n"]})",
                                 "s")};
  EXPECT_TRUE(Takes(model.vocabulary(), schema, R"({"n":12})"));
  EXPECT_FALSE(Takes(model.vocabulary(), schema, R"({"n":"12"})"));
  EXPECT_FALSE(Takes(model.vocabulary(), schema, R"({})"));
}

// The values are texts of JSON: what needs an escape there stands as one, whoever asks for it.
TEST(Grammar, APatternLetsOutOnlyWhatIsJson) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  struct {
    const char* pattern;
    std::vector<std::string> taken;
    std::vector<std::string> not_taken;
  } const kCases[] = {
      {R"(^a.b$)", {R"("axb")", R"("aäb")"}, {R"("a"b")", R"("a\b")", "\"a\tb\"", R"("ab")"}},
      {R"(^[^a]+$)", {R"("bc")"}, {R"("""")", "\"\n\"", R"("\")", R"("ba")"}},
      {R"(^[ -~]{2}$)", {R"("A!")", R"("z~")"}, {R"("a"")", R"("\a")", R"("aä")"}},
      {R"(^"+$)", {R"("\"")", R"("\"\"")"}, {R"(""")", R"("\")"}},
      {R"(^a\\b$)", {R"("a\\b")"}, {R"("a\b")"}},
      {R"(^\t\u0007?$)", {R"("\t")", R"("\t\u0007")"}, {"\"\t\"", R"("t")"}},
      {R"(^[\n\t]$)", {R"("\n")", R"("\t")"}, {"\"\n\"", R"("n")"}},
      {R"(^[a\n]$)", {R"("a")", R"("\n")"}, {"\"\n\"", R"("n")"}},
      {R"(^[\x00-\x1F]$)", {R"("\u0001")", R"("\n")"}, {"\"\x01\"", R"("a")"}},
      {R"(^[a-cä\-\]]$)", {R"("b")", R"("ä")", R"("-")", R"("]")"}, {R"("d")"}},
      {R"(^\d{2}\/\w\-$)", {R"("12/a-")", R"("00/_-")"}, {R"("1x/a-")", R"("12\/a-")"}},
      {R"(^\S\s\D\W$)", {R"("a x!")"}, {R"("  x!")", R"("a 1!")", R"("a xy")"}},
      {R"(^[\d.]+$)", {R"("1.5")"}, {R"("1,5")", R"("d")"}},
      {R"(^[^\s,a-c]$)", {R"("x")", R"("-")"}, {R"(" ")", R"(",")", R"("b")"}},
      {R"(^["a]$)", {R"("a")", R"("\"")"}, {R"(""")"}},
      {R"(b+)", {R"("abba")", R"("b")"}, {R"("aca")", R"("")"}},
      {R"(^a|b$)", {R"("a")", R"("b")"}, {R"("c")"}},
      {R"(^(a|b))", {R"("a")", R"("bcd")"}, {R"("cb")"}},
      {R"(a\$)", {R"("a$b")"}, {R"("a")"}},
      {R"(^[+-]$)", {R"("+")", R"("-")"}, {R"(",")"}},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.pattern);
    ASSERT_EQ(PatternProblem(one.pattern), "");
    std::string quoted;
    for (const char c : std::string_view(one.pattern))
      quoted += c == '\\' || c == '"' ? std::string("\\") + c : std::string(1, c);
    const auto gbnf =
        GrammarFromSchema(R"({"type":"string","pattern":")" + quoted + R"("})", "schema");
    ASSERT_TRUE(gbnf) << gbnf.error().message;
    const Grammar grammar{.gbnf = *gbnf};
    for (const std::string& text : one.taken)
      EXPECT_TRUE(Takes(model.vocabulary(), grammar, text)) << text << "\n" << *gbnf;
    for (const std::string& text : one.not_taken)
      EXPECT_FALSE(Takes(model.vocabulary(), grammar, text)) << text << "\n" << *gbnf;
  }
}

TEST(Grammar, FormatsThatAPatternDescribesAreEnforced) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  struct {
    const char* format;
    std::vector<std::string> taken;
    std::vector<std::string> not_taken;
  } const kCases[] = {
      {"email", {R"("a.b+c@example.org")"}, {R"("a@b")", R"("a b@example.org")", R"("@x.org")"}},
      {"hostname", {R"("a-b.example.org")", R"("localhost")"}, {R"("a..b")", R"("-a")"}},
      {"ipv4", {R"("127.0.0.1")", R"("255.1.20.0")"}, {R"("256.1.1.1")", R"("1.2.3")"}},
      {"ipv6", {R"("2001:db8:0:0:0:0:0:1")"}, {R"("2001:db8")", R"("g:0:0:0:0:0:0:1")"}},
      {"duration", {R"("P3D")", R"("PT1H30M")", R"("P2W")"}, {R"("P")", R"("3D")", R"("PT")"}},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.format);
    const auto gbnf = GrammarFromSchema(
        std::string(R"({"type":"string","format":")") + one.format + R"("})", "schema");
    ASSERT_TRUE(gbnf) << gbnf.error().message;
    for (const std::string& text : one.taken)
      EXPECT_TRUE(Takes(model.vocabulary(), {.gbnf = *gbnf}, text)) << text << "\n" << *gbnf;
    for (const std::string& text : one.not_taken)
      EXPECT_FALSE(Takes(model.vocabulary(), {.gbnf = *gbnf}, text)) << text << "\n" << *gbnf;
  }
}

TEST(Grammar, AFunctionWithoutParametersTakesNone) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const auto gbnf = CallGrammar({{.name = "now"}}, {});
  ASSERT_TRUE(gbnf) << gbnf.error().message;
  const Grammar grammar{.gbnf = *gbnf};
  EXPECT_TRUE(Takes(model.vocabulary(), grammar, R"({"name": "now", "arguments": {}})"));
  EXPECT_FALSE(Takes(model.vocabulary(), grammar, R"({"name": "now", "arguments": {"a": 1}})"));
}

// A property may be called so, and values are no schemas.
TEST(Grammar, APatternIsRewrittenOnlyWhereItIsOne) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const auto gbnf =
      GrammarFromSchema(R"({"type":"object","properties":{"pattern":{"const":{"pattern":"."}}},)"
                        R"("required":["pattern"],"additionalProperties":false})",
                        "schema");
  ASSERT_TRUE(gbnf) << gbnf.error().message;
  EXPECT_TRUE(Takes(model.vocabulary(), {.gbnf = *gbnf}, R"({"pattern": {"pattern":"."}})"));
}

TEST(Grammar, APropertyMayBeCalledAsAKeywordThatHoldsValues) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  for (const std::string name : {"default", "const", "enum", "examples", "properties"}) {
    const auto gbnf =
        GrammarFromSchema(R"({"type":"object","properties":{")" + name +
                              R"(":{"type":"string","pattern":"^.$"}},"required":[")" + name +
                              R"("],"additionalProperties":false})",
                          "schema");
    ASSERT_TRUE(gbnf) << gbnf.error().message;
    const std::string begin = R"({")" + name + R"(":)";
    EXPECT_TRUE(Takes(model.vocabulary(), {.gbnf = *gbnf}, begin + R"("a"})")) << *gbnf;
    EXPECT_FALSE(Takes(model.vocabulary(), {.gbnf = *gbnf}, begin + R"("""})")) << *gbnf;
  }
}

TEST(Grammar, WhatNothingRefersToIsNotLookedAt) {
  for (const std::string pattern : {"[", "\\\\", "(", "^\\\\p{L}$", "\\\\x4"}) {
    const auto gbnf = GrammarFromSchema(
        R"({"$defs":{"a":{"type":"string","pattern":")" + pattern + R"("}},"type":"null"})", "s");
    EXPECT_TRUE(gbnf) << pattern;
  }
}

TEST(Grammar, WhatItDoesNotAllowIsAnErrorOfTheAnswerAndNothingElse) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  auto gate = GrammarGate::Create(model.vocabulary(), {.gbnf = "root ::= \"ab\""});
  ASSERT_TRUE(gate);
  const auto accepted = (*gate)->Accept(model.vocabulary().end());
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, Code::kUnprocessable);
  EXPECT_FALSE((*gate)->Accept(5));
  EXPECT_FALSE((*gate)->Allows(5));
}

TEST(Grammar, ALazyOneWaitsForItsTriggerEvenInsideOfAToken) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const Grammar lazy{
      .gbnf = "root ::= \"<call>\" [0-9]+", .lazy = true, .triggers = {{.value = "<call>"}}};
  EXPECT_TRUE(Takes(model.vocabulary(), lazy, "free text, then <call>42"));
  EXPECT_FALSE(Takes(model.vocabulary(), lazy, "free text, then <call>x"));
  EXPECT_TRUE(Takes(model.vocabulary(), lazy, "free text alone"));
  EXPECT_TRUE(Takes(model.vocabulary(), lazy, std::string(20'000, 'x') + "<call>42"));
  const Grammar pattern{.gbnf = "root ::= \"!\" [0-9]+",
                        .lazy = true,
                        .triggers = {{.kind = GrammarTrigger::Kind::kPattern, .value = "go(!)"}}};
  EXPECT_TRUE(Takes(model.vocabulary(), pattern, "now go!7"));
  EXPECT_FALSE(Takes(model.vocabulary(), pattern, "now go!x"));
}

TEST(Grammar, OneAfterReasoningStartsWhenTheThoughtEnds) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const Grammar after{.gbnf = "root ::= [ \\n]* [0-9]+", .starts_after = "</think>"};
  EXPECT_TRUE(Takes(model.vocabulary(), after, "anything 1 x </think>\n\n42"));
  EXPECT_FALSE(Takes(model.vocabulary(), after, "anything </think>\n\nx"));
}

TEST(Grammar, AClonedGateGoesItsOwnWay) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  auto gate = GrammarGate::Create(model.vocabulary(), {.gbnf = "root ::= [a-z]+ | [0-9]+"});
  ASSERT_TRUE(gate);
  auto clone = (*gate)->Clone();
  const Token letter = model.vocabulary().TokenizeMiddle("a", false)->front();
  const Token digit = model.vocabulary().TokenizeMiddle("7", false)->front();
  ASSERT_TRUE((*gate)->Accept(letter));
  EXPECT_FALSE((*gate)->Allows(digit));
  EXPECT_TRUE(clone->Allows(digit));
}

TEST(GrammarCheck, WrongGrammarsAreRefusedInWords) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "no rule called root"},
      {"a ::= \"x\"", "no rule called root"},
      {"root ::= b", "rule b"},
      {"root ::= \"x", "line 1"},
      {"root ::= [a", "class"},
      {"root ::= []", "class"},
      {"root ::= (\"a\"", "parenthesis"},
      {"root ::= *", "nothing stands before"},
      {"root ::= \"a\"{5,2}", "less than the first"},
      {"root ::= \"a\"{99999}", "over 2000"},
      {"root ::= \"a\"{1,99999}", "over 2000"},
      {"root ::= ((\"a\"{2000}){2000}){2000}", "repetitions of repetitions"},
      {"root ::= root \"a\"", "begins with itself"},
      {"root ::= a\na ::= root | \"x\"", "begins with itself"},
      {"root ::= <think>", "token is written"},
      {"root ::= \"\\q\"", "escape"},
      {"root ::= \"a\"\nroot ::= \"b\"", "twice"},
      {"root ::= \"a\" }", "end of a rule"},
      {std::string("root ::= \"a\0b\"", 14), "UTF-8"},
      {"root ::= \"\xff\"", "UTF-8"},
  };
  for (const auto& [gbnf, words] : cases) {
    const auto checked = CheckGrammar(gbnf);
    ASSERT_FALSE(checked) << gbnf;
    EXPECT_THAT(checked.error().message, HasSubstr(words)) << gbnf;
    EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
  }
  std::string nested = "root ::= ";
  for (int i = 0; i < 1000; ++i) nested += "(";
  EXPECT_THAT(CheckGrammar(nested).error().message, HasSubstr("64 deep"));
}

TEST(GrammarCheck, WhatPassesLibllamaTakes) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  std::string chain = "root ::= r1\n";
  for (int i = 1; i < 9'000; ++i) {
    chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " | \"x\"\n";
  }
  chain += "r9000 ::= \"x\"\n";
  for (const std::string& gbnf :
       {std::string("root ::= \"a\" | # comment\n (\"b\" |\n \"c\")+ [^\\x00-\\x1F\"]{2,4} . <[3]> "
                    "!<[4]>"),
        chain, std::string("root ::= [a-z\\]\\-]*\nother ::= root?")}) {
    ASSERT_TRUE(CheckGrammar(gbnf)) << CheckGrammar(gbnf).error().message;
    EXPECT_TRUE(GrammarGate::Create(model.vocabulary(), {.gbnf = gbnf})) << gbnf.substr(0, 100);
  }
}

}  // namespace
}  // namespace weir::llama
