#include "llama/schema_work.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <json-schema.h>
#include <json.h>

#include <string>
#include <vector>

#include "llama/grammar.h"

namespace weir::llama {
namespace {

using ::testing::HasSubstr;

std::string Object(int properties, bool required, const std::string& value = R"({"type":"null"})",
                   const std::string& name = "p{}") {
  std::string members;
  std::string names;
  for (int i = 0; i < properties; ++i) {
    const std::string key = fmt::format(fmt::runtime("\"" + name + "\""), i);
    members += fmt::format("{}{}:{}", i == 0 ? "" : ",", key, value);
    names += fmt::format("{}{}", i == 0 ? "" : ",", key);
  }
  return fmt::format(R"({{"type":"object","properties":{{{}}},"required":[{}],)"
                     R"("additionalProperties":false}})",
                     members, required ? names : "");
}

// -1: too many.
int64_t Steps(const std::string& schema) {
  SchemaWork work;
  try {
    (void)ReadWithin(common_json::parse(schema), work);
  } catch (const SchemaTooMuch&) {
    return -1;
  }
  return work.steps;
}

TEST(SchemaWork, WhatTheConverterTakesMoreThanOnceIsCountedSo) {
  // Twice as many required properties are twice the work, twice as many optional ones four times.
  EXPECT_LT(Steps(Object(2000, true)), 2 * Steps(Object(1000, true)) + 100);
  EXPECT_GT(Steps(Object(200, false)), 3 * Steps(Object(100, false)));
  EXPECT_GT(Steps(Object(500, true, R"({"type":"string","pattern":"^a$"})")),
            4 * Steps(Object(500, true, R"({"type":"string"})")));
}

TEST(SchemaWork, OrdinarySchemasAreFarFromTheBound) {
  EXPECT_GT(Steps(Object(100, false)), 0);
  EXPECT_GT(Steps(Object(5, false, Object(50, false))), 0);
  EXPECT_GT(Steps(Object(500, true)), 0);
  EXPECT_GT(Steps(R"({"type":["object","null"],"properties":{"a":{"type":["string","null"]}}})"),
            0);
}

TEST(SchemaWork, WhatWouldTakeTooLongIsNotBegun) {
  std::string types = R"({"type":"string"})";
  for (int i = 0; i < 20; ++i)
    types = R"({"type":["object","object"],"properties":{"a":)" + types + "}}";
  std::string parts = R"({"$ref":"#/$defs/a"})";
  for (int i = 0; i < 200; ++i) parts += R"(,{"$ref":"#/$defs/a"})";
  std::string names;
  for (int i = 1; i <= 1200; ++i) {
    std::string name;
    for (int n = i; n > 0; n /= 2) name += n % 2 == 1 ? "\u540d" : "\u524d";
    names += fmt::format("{}\"{}\":{{}}", i == 1 ? "" : ",", name);
  }
  const std::vector<std::string> schemas = {
      Object(500, false),
      Object(15, false, Object(250, false)),
      Object(1000, true, R"({"type":"string","pattern":"^a$"})"),
      R"({"type":"object","properties":{)" + names + R"(}})",
      types,
      R"({"$defs":{"a":)" + Object(40, true) + R"(},"allOf":[)" + parts + "]}",
      Object(3, true, Object(3, true), std::string(300, 'n') + "{}"),
  };
  for (const std::string& schema : schemas) EXPECT_EQ(Steps(schema), -1) << schema.substr(0, 99);
}

// Made from classes of Python that hold themselves, and of which a part has a description.
TEST(SchemaWork, AnAllOfThatHoldsItselfIsRefused) {
  const std::string tree =
      R"({"$defs":{"a":{"type":"object","properties":{"next":{"allOf":[{"$ref":"#/$defs/a"}]}}}},)"
      R"("$ref":"#/$defs/a"})";
  const auto grammar = GrammarFromSchema(tree, "schema");
  ASSERT_FALSE(grammar);
  EXPECT_EQ(grammar.error().param, "schema");
  EXPECT_THAT(grammar.error().message, HasSubstr("allOf that holds itself"));
  for (const std::string& schema :
       {tree,
        std::string(R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/a"}}})")}) {
    SchemaWork work;
    EXPECT_FALSE(HasGrammar(schema, work)) << schema;
  }
}

TEST(SchemaWork, SchemasOfOneRequestShareTheBound) {
  SchemaWork work;
  int taken = 0;
  while (taken < 100 && HasGrammar(Object(100, false), work)) ++taken;
  EXPECT_GT(taken, 3);
  EXPECT_LT(taken, 10);
}

}  // namespace
}  // namespace weir::llama
