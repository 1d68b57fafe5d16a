#include "llama/schema_nullable.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "llama/grammar.h"

namespace weir::llama {
namespace {

TEST(Nullable, IsOneMoreType) {
  for (const auto& [written, meant] : {
           std::pair<std::string, std::string>{R"({"type":"string"})", R"({"type":"string"})"},
           {R"({"type":"string","nullable":true})", R"({"type":["string","null"]})"},
           {R"({"type":"string","nullable":false})", R"({"type":"string"})"},
           {R"({"type":"string","enum":["a"],"nullable":true})",
            R"({"type":["string","null"],"enum":["a",null]})"},
           {R"({"type":"object","properties":{"a":{"type":"array","items":)"
            R"({"anyOf":[{"type":"integer","nullable":true}]}}}})",
            R"({"type":"object","properties":{"a":{"type":"array","items":)"
            R"({"anyOf":[{"type":["integer","null"]}]}}}})"},
           // A property may have that name, and a value may look like a schema.
           {R"({"properties":{"nullable":{"type":"boolean"}}})",
            R"({"properties":{"nullable":{"type":"boolean"}}})"},
           {R"({"const":{"type":"string","nullable":true}})",
            R"({"const":{"type":"string","nullable":true}})"},
       })
    EXPECT_EQ(WithNullAsType(written), meant);
}

TEST(Nullable, LetsAnAnswerBeNull) {
  for (const char* schema :
       {R"({"type":"object","properties":{"a":{"type":"string","nullable":true}}})",
        R"({"type":"string","enum":["a","b"],"nullable":true})"}) {
    const auto grammar = GrammarFromSchema(schema, "schema");
    ASSERT_TRUE(grammar) << grammar.error().message;
    EXPECT_NE(grammar->find("null"), std::string::npos);
  }
}

TEST(Nullable, IsRefusedWhereNothingSaysWhatElseThereMayBe) {
  for (const char* schema :
       {R"({"nullable":true})", R"({"$ref":"#/$defs/a","nullable":true,"$defs":{"a":{}}})"}) {
    const auto grammar = GrammarFromSchema(schema, "schema");
    ASSERT_FALSE(grammar);
    EXPECT_EQ(grammar.error().param, "schema/nullable");
  }
}

}  // namespace
}  // namespace weir::llama
