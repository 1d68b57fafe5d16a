#include "llama/schema_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llama/grammar.h"

namespace weir::llama {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ParamOf(const std::string& schema) {
  const auto checked = CheckSchema(schema, "schema");
  return checked ? "" : checked.error().param;
}

TEST(SchemaCheck, WhatTheConverterEnforcesPasses) {
  for (const std::string schema : {
           R"({})",
           R"({"type":"object","properties":{"a":{"type":"integer","minimum":0,"maximum":9}},)"
           R"("required":["a"],"additionalProperties":false})",
           R"({"type":["string","null"],"maxLength":5})",
           R"({"type":"number","exclusiveMinimum":0,"maximum":1.5})",
           R"({"type":["string","number","null"],"minimum":0,"multipleOf":0.5,"maxLength":5})",
           R"({"type":["integer","number"],"minimum":5,"exclusiveMinimum":2})",
           R"({"enum":["a",1,null]})",
           R"({"const":{"x":[1]}})",
           R"({"type":"array","items":{"type":"number"},"minItems":1,"maxItems":3})",
           R"({"type":"array","prefixItems":[{"type":"number"},{"type":"string"}]})",
           R"({"type":"string","pattern":"^[a-z]{2,5}(-[0-9]+)?$"})",
           R"({"type":"string","format":"date-time"})",
           R"({"anyOf":[{"type":"string"},{"type":"null"}],"description":"x"})",
           R"({"oneOf":[{"type":"string"},{"type":"null"}]})",
           R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},)"
           R"({"type":"object","properties":{"k":{"const":"b"}},"required":["k"]}]})",
           R"({"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}},)"
           R"("$ref":"#/$defs/n"})",
           R"({"$defs":{"group":{"const":{"type":"null"}}},"$ref":"#/$defs/group"})",
           R"({"properties":{"const":{"type":"null"},"b":{"$ref":"#/properties/const"}}})",
           R"({"$defs":{"group":{"n":{"type":"null"}}},"$ref":"#/$defs/group/n"})",
           R"({"allOf":[{"type":"object","properties":{"a":{"type":"string"}}},)"
           R"({"type":"object","properties":{"b":{"type":"string"}}}]})",
       }) {
    EXPECT_EQ(ParamOf(schema), "") << schema;
    const auto gbnf = GrammarFromSchema(schema, "schema");
    EXPECT_TRUE(gbnf) << schema << ": " << (gbnf ? "" : gbnf.error().message);
  }
}

TEST(SchemaCheck, WhatItWouldIgnoreIsNamedWithItsPath) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"type":"number","minimum":1e300})", "schema/minimum"},
      {R"({"type":"integer","multipleOf":12345})", "schema/multipleOf"},
      {R"({"type":"string","minimum":2})", "schema/minimum"},
      {R"({"minLength":2,"minimum":2})", "schema/minimum"},
      {R"({"type":["string","null"],"minimum":2})", "schema/minimum"},
      {R"({"type":"object","patternProperties":{}})", "schema/patternProperties"},
      {R"({"type":"object","minProperties":1})", "schema/minProperties"},
      {R"({"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}})",
       "schema/properties/a/uniqueItems"},
      {R"({"type":"array","contains":{}})", "schema/contains"},
      {R"({"type":"array","prefixItems":[{}],"minItems":1})", "schema/minItems"},
      {R"({"type":"string","format":"uri"})", "schema/format"},
      {R"({"type":"string","format":"email","maxLength":9})", "schema/maxLength"},
      {R"({"type":"string","pattern":"^a|b"})", "schema/pattern"},
      {R"({"type":"string","pattern":"^\\p{L}+$"})", "schema/pattern"},
      {R"({"type":"string","pattern":"^\\bword$"})", "schema/pattern"},
      {R"({"type":"string","pattern":"^(?=a)b$"})", "schema/pattern"},
      {R"({"type":"string","pattern":"^a$","minLength":1})", "schema/minLength"},
      {R"({"type":"string","maxLength":1000000})", "schema/maxLength"},
      {R"({"type":"string","minLength":5,"maxLength":2})", "schema/minLength"},
      {R"({"not":{"type":"string"}})", "schema/not"},
      {R"({"if":{},"then":{}})", "schema/if"},
      {R"({"$ref":"http://x/y"})", "schema/$ref"},
      {R"({"$ref":"#/$defs/missing"})", "schema/$ref"},
      {R"({"$defs":{"a":{"const":{"pattern":"."}}},"$ref":"#/$defs/a/const"})", "schema/$ref"},
      {R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"})",
       "schema/$ref"},
      {R"({"$defs":{"a":{}},"$ref":"#/$defs/a","minimum":3})", "schema/minimum"},
      {R"({"anyOf":[{}],"type":"object"})", "schema/type"},
      {R"({"oneOf":[{"type":"object"},{"type":"object"}]})", "schema/oneOf"},
      {R"({"allOf":[{"type":"string"}]})", "schema/allOf"},
      {R"({"type":"object","properties":{"a":true}})", "schema/properties/a"},
      {R"({"type":"object","properties":{},"required":["b"]})", "schema/required"},
      {R"({"type":"integer","minimum":5,"maximum":2})", "schema"},
      {R"({"type":"integer","minimum":5,"exclusiveMinimum":true})", "schema/exclusiveMinimum"},
      {R"({"type":"wibble"})", "schema/type"},
      {R"({"enum":[]})", "schema/enum"},
      {R"({"type":"string","enum":[1]})", "schema/enum"},
      {R"([])", "schema"},
      {R"({)", "schema"},
      {R"({"nullable":true})", "schema/nullable"},
  };
  for (const auto& [schema, param] : cases) {
    EXPECT_EQ(ParamOf(schema), param) << schema;
    if (param.empty()) continue;
    EXPECT_EQ(CheckSchema(schema, "schema").error().code, Code::kInvalidArgument);
  }
}

TEST(SchemaCheck, ParametersAreThoseOfAnObject) {
  const auto param = [](const std::string& schema) {
    const auto checked = CheckSchema(schema, "p", SchemaUse::kParameters);
    return checked ? "" : checked.error().param;
  };
  for (const std::string schema : {
           R"({})",
           R"({"type":"object"})",
           R"({"title":"Nothing","description":"is said about it"})",
           R"({"properties":{"a":{}}})",
           R"({"type":"object","additionalProperties":true})",
           R"({"$defs":{"a":{"type":"object"}},"$ref":"#/$defs/a"})",
           R"({"anyOf":[{"type":"object"},{"properties":{"a":{"type":"string"}}}]})",
       }) {
    EXPECT_EQ(param(schema), "") << schema;
    const auto gbnf = GrammarFromSchema(schema, "p", SchemaUse::kParameters);
    ASSERT_TRUE(gbnf) << schema << gbnf.error().message;
    EXPECT_THAT(*gbnf, Not(HasSubstr("root ::= value"))) << schema;
  }
  for (const std::string schema :
       {R"({"type":"string"})", R"({"type":["object","null"]})", R"({"type":"array"})",
        R"({"items":{"type":"string"}})", R"({"enum":[1,2]})", R"({"const":{}})",
        R"({"anyOf":[{"type":"object"},{"type":"null"}]})",
        R"({"$defs":{"a":{"type":"integer"}},"$ref":"#/$defs/a"})"}) {
    EXPECT_EQ(param(schema), "p") << schema;
    EXPECT_EQ(ParamOf(schema), "") << "is well as an answer: " << schema;
  }
}

TEST(SchemaCheck, FormatsThatNobodyEnforcesAreAnnotationsOfParametersOnly) {
  const auto passes = [](const std::string& property, SchemaUse use) {
    const std::string schema = R"({"type":"object","properties":{"a":)" + property + "}}";
    return CheckSchema(schema, "p", use).has_value() &&
           GrammarFromSchema(schema, "p", use).has_value();
  };
  for (const std::string property :
       {R"({"type":"string","format":"idn-email"})", R"({"type":"integer","format":"int32"})",
        R"({"type":"string","format":"email","maxLength":254})",
        R"({"type":"number","format":"double"})", R"({"format":"uri"})",
        R"({"type":"number","format":"double","minimum":1})",
        R"({"type":"string","format":"uri","minLength":1,"maxLength":9})",
        R"({"type":"string","format":"date","pattern":"^[0-9-]+$"})",
        R"({"anyOf":[{"type":"string","format":"uri"},{"type":"null"}],"default":null})"}) {
    EXPECT_TRUE(passes(property, SchemaUse::kParameters)) << property;
    EXPECT_FALSE(passes(property, SchemaUse::kStrictParameters)) << property;
    EXPECT_FALSE(passes(property, SchemaUse::kAnswer)) << property;
  }
  for (const std::string property :
       {R"({"type":"string","format":3})", R"({"type":"string","format":"date","maxLength":5})"}) {
    EXPECT_FALSE(passes(property, SchemaUse::kParameters)) << property;
  }
  EXPECT_TRUE(passes(R"({"type":"string","format":"date"})", SchemaUse::kStrictParameters));
}

TEST(SchemaCheck, BoundsAreNamed) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += R"({"type":"array","items":)";
  deep += "{}" + std::string(40, '}');
  EXPECT_THAT(CheckSchema(deep, "s").error().message, HasSubstr("over 32 deep"));
  EXPECT_THAT(CheckSchema(std::string(300'000, ' '), "s").error().message, HasSubstr("bytes"));
  std::string wide = R"({"anyOf":[)";
  for (int i = 0; i < 6000; ++i) wide += std::string(i == 0 ? "" : ",") + "{}";
  EXPECT_THAT(CheckSchema(wide + "]}", "s").error().message, HasSubstr("5000 subschemas"));
  EXPECT_FALSE(CheckSchema(std::string(100'000, '['), "s"));
}

}  // namespace
}  // namespace weir::llama
