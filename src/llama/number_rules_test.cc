#include "llama/number_rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <regex>
#include <tuple>

#include "llama/grammar.h"
#include "llama/grammar_gate.h"
#include "llama/json_calls.h"
#include "llama/schema_work.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using ::testing::HasSubstr;
using testing::RandomPath;

// In units of the sixteenth decimal place.
using Wide = __int128;
constexpr int kPlaces = 16;

Wide TenTo(int power) { return power == 0 ? 1 : 10 * TenTo(power - 1); }

// A decimal without an exponent.
Wide Scaled(std::string text) {
  const bool negative = text.starts_with('-');
  if (negative) text.erase(0, 1);
  const size_t point = std::min(text.find('.'), text.size());
  const auto places = static_cast<int>(text.size() - std::min(point + 1, text.size()));
  std::erase(text, '.');
  Wide value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  value *= TenTo(kPlaces - places);
  return negative ? -value : value;
}

// `value` counts units of the place `places`.
std::string TextOf(Wide value, int places) {
  const bool negative = value < 0;
  if (negative) value = -value;
  std::string digits;
  for (; value > 0 || digits.size() < static_cast<size_t>(places) + 1; value /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  if (places > 0) digits.insert(digits.size() - static_cast<size_t>(places), ".");
  return (negative ? "-" : "") + digits;
}

struct Case {
  bool integer = false;
  std::string least;
  bool least_excluded = false;
  std::string most;
  bool most_excluded = false;
  std::string step;

  std::string Schema() const {
    std::string schema = fmt::format(R"({{"type":"{}")", integer ? "integer" : "number");
    if (!least.empty())
      schema += fmt::format(R"(,"{}":{})", least_excluded ? "exclusiveMinimum" : "minimum", least);
    if (!most.empty())
      schema += fmt::format(R"(,"{}":{})", most_excluded ? "exclusiveMaximum" : "maximum", most);
    if (!step.empty()) schema += fmt::format(R"(,"multipleOf":{})", step);
    return schema + "}";
  }

  // How numbers are written, whatever the bounds.
  bool Form(const std::string& text) const {
    static const std::regex kForm(R"(-?(0|[1-9][0-9]*)(\.([0-9]+))?)");
    std::smatch match;
    if (!std::regex_match(text, match, kForm)) return false;
    if (text.starts_with('-') && Scaled(text) == 0) return false;
    const auto places = static_cast<size_t>(match.length(3));
    if (integer && places > 0) return false;
    const size_t step_places = step.contains('.') ? step.size() - step.find('.') - 1 : 0;
    if (!step.empty() && places > step_places) return false;
    const size_t most_digits = integer && (step.empty() || step == "1") ? 16 : 15;
    return static_cast<size_t>(match.length(1)) + places <= most_digits;
  }

  bool Inside(const std::string& text) const {
    const Wide value = Scaled(text);
    if (!step.empty() && value % Scaled(step) != 0) return false;
    const bool above =
        least.empty() || value > Scaled(least) || (value == Scaled(least) && !least_excluded);
    return above &&
           (most.empty() || value < Scaled(most) || (value == Scaled(most) && !most_excluded));
  }

  // For a reader with doubles.
  bool InsideAsDouble(const std::string& text) const {
    const auto read = [](const std::string& number) {
      return std::strtod(number.c_str(), nullptr);
    };
    const bool above =
        least.empty() || read(text) > read(least) || (read(text) == read(least) && !least_excluded);
    return above && (most.empty() || read(text) < read(most) ||
                     (read(text) == read(most) && !most_excluded));
  }
};

using Dice = std::mt19937;
int Roll(Dice& dice, int sides) { return static_cast<int>(dice() % static_cast<unsigned>(sides)); }

std::string RandomNumber(Dice& dice, bool integer) {
  const std::vector<std::string> often = {"0", "1", "-1", "9",   "10",    "-10", "99",
                                          "5", "7", "-5", "100", "-1000", "105", "1000000"};
  if (Roll(dice, 3) == 0) return often[static_cast<size_t>(Roll(dice, 14))];
  const int places = integer && Roll(dice, 4) != 0 ? 0 : Roll(dice, 7);
  const Wide most = TenTo(1 + Roll(dice, 14 - places));
  const Wide value = static_cast<Wide>(dice()) * dice() % most;
  return TextOf(Roll(dice, 2) == 0 ? value : -value, places);
}

Case RandomCase(Dice& dice) {
  Case one{.integer = Roll(dice, 2) == 0};
  const int which = Roll(dice, 5);
  if (which != 0) one.least = RandomNumber(dice, one.integer);
  if (which != 1) one.most = RandomNumber(dice, one.integer);
  one.least_excluded = Roll(dice, 3) == 0;
  one.most_excluded = Roll(dice, 3) == 0;
  if (which > 1 && Scaled(one.least) > Scaled(one.most)) std::swap(one.least, one.most);
  const std::vector<std::string> steps = {"2", "3",   "7",    "10",   "15",   "60",  "100",  "64",
                                          "1", "0.5", "0.25", "0.01", "0.05", "1.5", "0.001"};
  const int step = Roll(dice, 40);
  if (step < (one.integer ? 9 : 15)) one.step = steps[static_cast<size_t>(step)];
  return one;
}

// Beside a bound: equal, and a little less and more, in several places.
void AddNear(const std::string& bound, std::vector<std::string>& texts) {
  if (bound.empty()) return;
  for (const int places : {0, 1, 2, 3, 8, 13}) {
    const Wide unit = TenTo(kPlaces - places);
    for (int away = -2; away <= 2; ++away)
      texts.push_back(TextOf(Scaled(bound) / unit + away, places));
  }
}

// Writes numbers a character at a time, as a grammar lets it.
class Pen {
 public:
  explicit Pen(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (const char c : std::string_view("0123456789.-e+, ")) {
      const auto tokens = vocabulary.TokenizeMiddle(std::string(1, c), false);
      if (tokens && tokens->size() == 1) tokens_.emplace_back(c, tokens->front());
    }
  }

  std::unique_ptr<GrammarGate> Begin(const std::string& gbnf) const {
    auto gate = GrammarGate::Create(vocabulary_, {.gbnf = gbnf});
    return gate ? std::move(*gate) : nullptr;
  }

  bool Takes(const GrammarGate& begin, const std::string& text) const {
    const auto gate = begin.Clone();
    for (const char c : text) {
      const auto token = std::find_if(tokens_.begin(), tokens_.end(),
                                      [&](const auto& one) { return one.first == c; });
      if (token == tokens_.end() || !gate->Allows(token->second)) return false;
      if (!gate->Accept(token->second)) return false;
    }
    return gate->Allows(vocabulary_.end());
  }

  // What a model would write that draws each character with the same probability.
  std::string Drawn(const GrammarGate& begin, Dice& dice) const {
    const auto gate = begin.Clone();
    for (std::string text;;) {
      std::vector<std::pair<char, Token>> allowed;
      for (const auto& one : tokens_)
        if (gate->Allows(one.second)) allowed.push_back(one);
      const bool may_end = gate->Allows(vocabulary_.end());
      EXPECT_TRUE(may_end || !allowed.empty()) << "no way on from " << text;
      if (allowed.empty() || (may_end && Roll(dice, 5) == 0)) return text;
      const auto& one = allowed[static_cast<size_t>(Roll(dice, static_cast<int>(allowed.size())))];
      EXPECT_TRUE(gate->Accept(one.second));
      text += one.first;
    }
  }

 private:
  const Vocabulary& vocabulary_;
  std::vector<std::pair<char, Token>> tokens_ = {};
};

void HoldTo(const Case& one, const Pen& pen, Dice& dice) {
  std::vector<std::string> texts = {"0", "-0", "-0.0", "00", "01", "1.", ".5", "1e3", "--1", ""};
  AddNear(one.least, texts);
  AddNear(one.most, texts);
  for (int i = 0; i < 20; ++i) texts.push_back(RandomNumber(dice, one.integer));
  const auto gbnf = GrammarFromSchema(one.Schema(), "schema");
  if (!gbnf) {
    EXPECT_THAT(gbnf.error().message, HasSubstr("is within these bounds"));
    for (const std::string& text : texts) EXPECT_FALSE(one.Form(text) && one.Inside(text)) << text;
    return;
  }
  const auto begin = pen.Begin(*gbnf);
  ASSERT_TRUE(begin) << *gbnf;
  for (const std::string& text : texts)
    EXPECT_EQ(pen.Takes(*begin, text), one.Form(text) && one.Inside(text)) << text;
  for (int i = 0; i < 12; ++i) {
    const std::string text = pen.Drawn(*begin, dice);
    EXPECT_TRUE(one.Form(text) && one.Inside(text) && one.InsideAsDouble(text)) << text;
  }
}

TEST(NumberRules, TakeExactlyWhatIsWithinTheBounds) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const Pen pen(model.vocabulary());
  for (unsigned seed = 1; seed <= 200 && !::testing::Test::HasFailure(); ++seed) {
    Dice dice(seed);
    const Case one = RandomCase(dice);
    SCOPED_TRACE(fmt::format("seed {}: {}", seed, one.Schema()));
    HoldTo(one, pen, dice);
  }
}

TEST(NumberRules, TakeThoseThatLieAtTheEdges) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const Pen pen(model.vocabulary());
  struct {
    const char* schema;
    std::vector<std::string> taken;
    std::vector<std::string> not_taken;
  } const kCases[] = {
      // What llama-common's own rules for integers let through.
      {R"({"type":"integer","minimum":100})", {"100", "9999999999999999"}, {"10", "15", "99"}},
      {R"({"type":"integer","maximum":-5})", {"-5", "-10"}, {"-01", "-00", "-4", "5"}},
      {R"({"type":"integer","minimum":0.5,"maximum":2.5})", {"1", "2"}, {"0", "3", "1.0"}},
      {R"({"type":"number","exclusiveMinimum":0,"maximum":1})",
       {"0.00000000000001", "1", "1.0", "1.00000000000000"},
       {"0", "0.0", "-0.5", "1.1", "1.00000000000001", "1e0"}},
      {R"({"type":"number","minimum":-1.5,"exclusiveMaximum":0})", {"-1.5", "-0.1"}, {"0", "-0"}},
      {R"({"type":"number","minimum":2.5e-3,"maximum":1E2})", {"0.0025", "100"}, {"0.0024"}},
      {R"({"type":"number","minimum":1,"exclusiveMinimum":1,"maximum":2})", {"1.1"}, {"1", "1.0"}},
      {R"({"type":"number","minimum":3,"exclusiveMinimum":1})", {"3"}, {"2", "2.99"}},
      {R"({"type":"number","minimum":-0.0,"maximum":-0.0})", {"0", "0.00"}, {"-0", "0.01"}},
      {R"({"type":"number","exclusiveMaximum":100})",
       {"99.9999999999999", "-999999999999999"},
       {"100", "99.99999999999999", "100.0"}},
      {R"({"type":"number","multipleOf":0.01})", {"0.07", "-12.3", "5"}, {"0.071", "0.070"}},
      {R"({"type":"number","multipleOf":10})", {"0", "-120"}, {"5", "10.0"}},
      {R"({"type":"number","multipleOf":1e-15,"minimum":0.5,"maximum":0.5})", {"0.5"}, {"0"}},
      {R"({"type":"integer","multipleOf":0.75})", {"3", "-6", "0"}, {"1", "4"}},
      {R"({"type":"integer","multipleOf":251})", {"251", "251000000000000"}, {"250"}},
      {R"({"type":"integer","multipleOf":1000})", {"0", "12000"}, {"100", "1200"}},
      {R"({"type":"integer","multipleOf":123456,"minimum":200000,"maximum":400000})",
       {"246912", "370368"},
       {"123456", "246913"}},
      {R"({"type":"number","multipleOf":123456.75,"minimum":-130000,"maximum":123456.75})",
       {"-123456.75", "0", "123456.75"},
       {"246913.5", "123456"}},
      {R"({"type":["string","number","null"],"minimum":3,"maxLength":2})", {"3.5", "4"}, {"2"}},
      {R"({"type":"integer","nullable":true,"minimum":3,"maximum":5})", {"3"}, {"2", "6"}},
      {R"({"type":["integer","number"],"minimum":3,"maximum":5})", {"3", "3.5"}, {"2", "5.5"}},
      {R"({"minimum":3,"multipleOf":0.5})", {"3", "4.5"}, {"2.5", "3.1"}},
      {R"({"$defs":{"n":{"type":"number","minimum":3}},"anyOf":[{"$ref":"#/$defs/n"}]})",
       {"3"},
       {"2"}},
      {R"({"$defs":{"n":{"type":"number","minimum":3}},"type":["object","integer"],"maximum":2,)"
       R"("properties":{"a":{"$ref":"#/$defs/n"}}})",
       {"2"},
       {"3"}},
  };
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.schema);
    const auto gbnf = GrammarFromSchema(one.schema, "schema");
    ASSERT_TRUE(gbnf) << gbnf.error().message;
    const auto begin = pen.Begin(*gbnf);
    ASSERT_TRUE(begin);
    for (const std::string& text : one.taken) EXPECT_TRUE(pen.Takes(*begin, text)) << text;
    for (const std::string& text : one.not_taken) EXPECT_FALSE(pen.Takes(*begin, text)) << text;
  }
}

TEST(NumberRules, WhatIsOutOfReachIsNamed) {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {R"("minimum":1,"maximum":0)", "schema", "within these bounds"},
      {R"("exclusiveMinimum":1,"maximum":1)", "schema", "within these bounds"},
      {R"("minimum":999999999999999.5,"maximum":999999999999999.6)", "schema/minimum", "15 digits"},
      {R"("minimum":99999999999999.51,"maximum":99999999999999.59)", "schema/minimum", "15 digits"},
      {R"("minimum":9999999999999.51,"maximum":9999999999999.59)", "", ""},
      {R"("minimum":0.000000000000011,"maximum":0.000000000000012)", "schema", "15 digits"},
      {R"("maximum":1e300)", "schema/maximum", "between -1e15 and 1e15"},
      {R"("exclusiveMaximum":1e-300)", "schema/exclusiveMaximum", "decimal places"},
      {R"("minimum":0.1234567890123456)", "schema/minimum", "at most 15 digits"},
      {R"("exclusiveMinimum":true,"minimum":0)", "schema/exclusiveMinimum", "must be a number"},
      {R"("minimum":"0")", "schema/minimum", "must be a number"},
      {R"("multipleOf":0)", "schema/multipleOf", "over 0"},
      {R"("multipleOf":-2)", "schema/multipleOf", "over 0"},
      {R"("multipleOf":0.123456789)", "schema/multipleOf", "4000 rules"},
      {R"("multipleOf":4099)", "schema/multipleOf", "4000 rules"},
      {R"("multipleOf":12345678901)", "schema/multipleOf", "9 digits"},
      {R"("multipleOf":7,"minimum":8,"maximum":13)", "schema", "no multiple"},
  };
  for (const auto& [said, param, words] : cases) {
    const auto gbnf = GrammarFromSchema(R"({"type":"number",)" + said + "}", "schema");
    ASSERT_EQ(gbnf.has_value(), param.empty()) << said;
    if (gbnf) continue;
    EXPECT_EQ(gbnf.error().param, param) << said;
    EXPECT_THAT(gbnf.error().message, HasSubstr(words)) << said;
  }
}

std::string ObjectOf(int count, const std::function<std::string(int)>& number) {
  std::string members;
  std::string names;
  for (int i = 0; i < count; ++i) {
    members += fmt::format("{}\"p{}\":{{\"type\":\"number\",{}}}", i == 0 ? "" : ",", i, number(i));
    names += fmt::format("{}\"p{}\"", i == 0 ? "" : ",", i);
  }
  return fmt::format(R"({{"type":"object","properties":{{{}}},"required":[{}]}})", members, names);
}

// One range that many properties have is one; many different ones and large steps have an end.
TEST(NumberRules, HaveABoundForAllRangesOfASchema) {
  EXPECT_TRUE(GrammarFromSchema(ObjectOf(500, [](int) { return R"("minimum":0)"; }), "s"));
  EXPECT_TRUE(GrammarFromSchema(
      ObjectOf(100, [](int i) { return fmt::format(R"("maximum":{}.5)", i); }), "s"));
  const std::function<std::string(int)> kTooMuch[] = {
      [](int i) { return fmt::format(R"("minimum":{0},"maximum":{0}8765.4321)", 1234567 + i); },
      [](int i) { return fmt::format(R"("multipleOf":{})", 251 + i); },
      [](int i) { return fmt::format(R"("multipleOf":251,"minimum":{})", i); },
      [](int i) { return fmt::format(R"("multipleOf":{},"minimum":12345)", 999'999'937 - i); },
  };
  for (const auto& number : kTooMuch) {
    SchemaWork work;
    EXPECT_FALSE(GrammarFromSchema(ObjectOf(1500, number), "s", SchemaUse::kAnswer, &work));
    EXPECT_LT(work.steps, 2 * kSchemaStepsMax);
  }
}

TEST(NumberRules, HoldForArgumentsOfCalls) {
  WEIR_VOCABULARY_OR_SKIP(model, RandomPath());
  const auto gbnf =
      CallGrammar({{.name = "f",
                    .parameters = R"({"type":"object","properties":{"n1":{"type":"number",)"
                                  R"("minimum":1.5,"maximum":2}},"required":["n1"]})"}},
                  {});
  ASSERT_TRUE(gbnf) << gbnf.error().message;
  for (const auto& [number, taken] : {std::pair("1.5", true), {"1.25", false}, {"3", false}}) {
    auto gate = GrammarGate::Create(model.vocabulary(), {.gbnf = *gbnf});
    ASSERT_TRUE(gate);
    const std::string call = fmt::format(R"({{"name": "f", "arguments": {{"n1":{}}}}})", number);
    bool all = true;
    for (const Token token : *model.vocabulary().TokenizeMiddle(call, false))
      all = all && (*gate)->Accept(token);
    EXPECT_EQ(all, taken) << number;
  }
}

}  // namespace
}  // namespace weir::llama
