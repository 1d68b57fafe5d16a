#include "json/schema.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "json/parse.h"
#include "json/writer.h"

namespace weir::json {
namespace {

Value Json(std::string_view text) {
  auto parsed = Parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? std::move(*parsed) : Value();
}

TEST(Fits, LooksAtEveryKeywordThatItTakes) {
  struct Case {
    const char* schema;
    const char* good;
    const char* bad;
  };
  const Case cases[] = {
      {R"({"type":"object"})", "{}", "[]"},
      {R"({"type":["string","null"]})", "null", "1"},
      {R"({"type":"integer"})", "2.0", "2.5"},
      {R"({"type":"number"})", "18446744073709551615", "true"},
      {R"({"enum":["a",1]})", "1.0", R"("b")"},
      {R"({"enum":[9007199254740992.0]})", "9007199254740992", "9007199254740993"},
      {R"({"const":{"a":1,"b":2}})", R"({"b":2,"a":1})", R"({"a":1})"},
      {R"({"const":[1,[2]]})", "[1,[2.0]]", "[1,[2],3]"},
      {R"({"const":false})", "false", "0"},
      {R"({"required":["a"]})", R"({"a":null})", "{}"},
      {R"({"required":["a"]})", "7", R"({"b":1})"},
      {R"({"properties":{"a":{"type":"string"}}})", R"({"a":"x"})", R"({"a":1})"},
      {R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1})", R"({"b":1})"},
      {R"({"additionalProperties":{"type":"string"}})", R"({"b":"x"})", R"({"b":1})"},
      {R"({"minProperties":1,"maxProperties":1})", R"({"a":1})", "{}"},
      {R"({"items":{"type":"integer"},"maxItems":2})", "[1,2]", "[1,2,3]"},
      {R"({"minItems":1})", "[1]", "[]"},
      {R"({"items":{"type":"integer"}})", "[1]", R"(["a"])"},
      {R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a"])", R"(["a",1])"},
      {R"({"prefixItems":[{"type":"string"}]})", R"(["a",1])", "[1]"},
      {R"({"uniqueItems":true})", "[1,2]", "[1,1.0]"},
      {R"({"uniqueItems":true})", R"([{"a":1},{"a":2}])", R"([{"a":1,"b":2},{"b":2,"a":1}])"},
      {R"({"minLength":2,"maxLength":2})", R"("äö")", R"("abc")"},
      {R"({"minLength":2})", "1", R"("a")"},
      {R"({"minimum":1,"maximum":3})", "3", "4"},
      {R"({"maximum":9007199254740992})", "9007199254740992", "9007199254740993"},
      {R"({"exclusiveMinimum":1,"exclusiveMaximum":3})", "2", "3"},
      {R"({"exclusiveMinimum":1})", R"("1")", "1"},
      {R"({"multipleOf":0.1})", "0.3", "0.35"},
      {R"({"multipleOf":2})", "1000000000000000", "1000000000000001"},
      {R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "null", "1"},
      {R"({"oneOf":[{"minimum":1},{"maximum":3}]})", "0", "2"},
      {R"({"allOf":[{"minimum":1},{"maximum":3}]})", "2", "4"},
      {R"({"not":{"type":"string"}})", "1", R"("a")"},
      {R"({"type":"integer","$ref":"#/$defs/t","$defs":{"t":{"minimum":1}}})", "1", "0"},
      {R"({"properties":{"a":false},"items":true})", R"({"b":1})", R"({"a":1})"},
      {R"({"$defs":{"t":{"properties":{"c":{"$ref":"#/$defs/t"}},"required":["n"]}},)"
       R"("$ref":"#/$defs/t"})",
       R"({"n":1,"c":{"n":2}})", R"({"n":1,"c":{}})"},
      {R"({"properties":{"c":{"$ref":"#"}},"additionalProperties":false})", R"({"c":{"c":{}}})",
       R"({"c":{"d":{}}})"},
  };
  for (const Case& one : cases) {
    const Value schema = Json(one.schema);
    EXPECT_FALSE(UnheldIn(schema)) << one.schema;
    EXPECT_TRUE(Fits(Json(one.good), schema)) << one.schema << " " << one.good;
    EXPECT_FALSE(Fits(Json(one.bad), schema)) << one.schema << " " << one.bad;
  }
}

TEST(Fits, EndsWithinItsBoundsAndThenNothingFits) {
  const std::string many = [] {
    std::string list = "[0";
    for (int i = 1; i < 3000; ++i) list += "," + std::to_string(i);
    return list + "]";
  }();
  const std::pair<std::string, std::string> cases[] = {
      {R"({"$ref":"#","anyOf":[{"$ref":"#"},{"$ref":"#"}]})", "1"},
      {R"({"not":{"$ref":"#"}})", "1"},
      {R"({"oneOf":[{"type":"integer"},{"uniqueItems":false,"not":{"$ref":"#"}}]})", "1"},
      {R"({"uniqueItems":true})", many},
      {R"({"not":{"uniqueItems":true}})", many},
      {R"({"allOf":[)" + std::string(R"({"enum":[)" + many + "," + many + "]}") + "," +
           R"({"items":{"enum":)" + many + "}}]}",
       many}};
  for (const auto& [schema, value] : cases) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(Fits(Json(value), Json(schema))) << schema.substr(0, 80);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  }
}

TEST(UnheldIn, NamesWhatIsPassedOver) {
  const auto unheld = [](const char* schema) {
    const auto found = UnheldIn(Json(schema));
    return found ? found->path + ": " + found->why : std::string("none");
  };
  EXPECT_EQ(unheld(R"({"title":"x","description":"pattern","default":{"pattern":1}})"), "none");
  EXPECT_EQ(unheld(R"({"properties":{"pattern":{"type":"string"}}})"), "none");
  EXPECT_EQ(unheld(R"({"enum":[{"pattern":1}],"const":{"format":2}})"), "none");
  EXPECT_EQ(unheld(R"({"properties":{"a":{"pattern":"x"}}})"),
            "/properties/a/pattern: cannot be checked");
  EXPECT_EQ(unheld(R"({"anyOf":[{},{"format":"date"}]})"), "/anyOf/1/format: cannot be checked");
  EXPECT_EQ(unheld(R"({"$defs":{"a":{"if":true}}})"), "/$defs/a/if: cannot be checked");
  EXPECT_EQ(unheld(R"({"items":{"$ref":"https://example.org"}})"),
            "/items/$ref: must be \"#\", or lead to one of the schema's $defs");
  EXPECT_EQ(unheld(R"({"$ref":"#/$defs/nobody"})"),
            "/$ref: must be \"#\", or lead to one of the schema's $defs");
}

TEST(UnheldIn, NamesWhatIsNotOfTheKeywordsForm) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"text"})", "/type"},
      {R"({"type":["null",1]})", "/type"},
      {R"({"required":"a"})", "/required"},
      {R"({"required":[1]})", "/required"},
      {R"({"enum":1})", "/enum"},
      {R"({"minimum":"1"})", "/minimum"},
      {R"({"exclusiveMinimum":true})", "/exclusiveMinimum"},
      {R"({"multipleOf":0})", "/multipleOf"},
      {R"({"maxItems":-1})", "/maxItems"},
      {R"({"maxItems":1.5})", "/maxItems"},
      {R"({"uniqueItems":"yes"})", "/uniqueItems"},
      {R"({"items":[{}]})", "/items"},
      {R"({"anyOf":{}})", "/anyOf"},
      {R"({"anyOf":[]})", "/anyOf"},
      {R"({"anyOf":[1]})", "/anyOf/0"},
      {R"({"properties":[]})", "/properties"},
      {R"({"properties":{"a":1}})", "/properties/a"}};
  for (const auto& [schema, path] : cases) {
    const auto found = UnheldIn(Json(schema));
    ASSERT_TRUE(found) << schema;
    EXPECT_EQ(found->path, path);
    EXPECT_TRUE(found->why.starts_with("must be ")) << found->why;
  }
}

// Trees and schemas of a few words, drawn again and again: what must be so of any of them.
class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}

  Value Tree(int depth) {
    switch (Below(depth > 0 ? 7 : 5)) {
      case 0:
        return {};
      case 1:
        return Below(2) == 1;
      case 2:
        return Below(4);
      case 3:
        return Below(8) / 4.0;
      case 4:
        return Name();
      case 5:
        return List([&] { return Tree(depth - 1); });
      default:
        return Map([&] { return Tree(depth - 1); });
    }
  }

  Value Schema(int depth) {
    if (Below(12) == 0) return Below(4) != 0;
    Object said;
    for (int i = Below(4); i > 0; --i) {
      Member member = Keyword(depth);
      if (Value(said).Find(member.key) == nullptr) said.push_back(std::move(member));
    }
    return said;
  }

 private:
  int Below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }
  std::string Name() { return std::string(1, static_cast<char>('a' + Below(3))); }
  Value List(const std::function<Value()>& one, int least = 0) {
    Array list;
    for (int i = least + Below(3); i > 0; --i) list.push_back(one());
    return list;
  }
  Value Map(const std::function<Value()>& one) {
    Object map;
    for (const char* name : {"a", "b", "c"}) {
      if (Below(2) == 1) map.push_back({name, one()});
    }
    return map;
  }

  Member Keyword(int depth) {
    static constexpr const char* kTypes[] = {"object",  "array",  "string", "boolean",
                                             "integer", "number", "null"};
    static constexpr const char* kBounds[] = {
        "minimum",   "maximum",  "exclusiveMinimum", "exclusiveMaximum", "minLength",
        "maxLength", "minItems", "maxItems",         "minProperties",    "maxProperties"};
    static constexpr const char* kLists[] = {"anyOf", "oneOf", "allOf", "prefixItems"};
    static constexpr const char* kInner[] = {"items", "additionalProperties", "not"};
    const auto inner = [&] { return Schema(depth - 1); };
    switch (Below(depth > 0 ? 9 : 6)) {
      case 0:
        return {"type", kTypes[Below(7)]};
      case 1:
        return {"type", List([&] { return Value(kTypes[Below(7)]); }, 1)};
      case 2:
        return {"enum", List([&] { return Tree(1); }, 1)};
      case 3:
        return {kBounds[Below(10)], Below(3)};
      case 4:
        return {"required", List([&] { return Value(Name()); })};
      case 5:
        return {"uniqueItems", Below(2) == 1};
      case 6:
        return {kLists[Below(4)], List(inner, 1)};
      case 7:
        return {kInner[Below(3)], inner()};
      default:
        return {"properties", Map(inner)};
    }
  }

  std::mt19937 random_;
};

TEST(Fits, KeepsTheLawsOfSchemas) {
  Draw draw(1);
  int fitting = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Value schema = draw.Schema(3);
    const Value other = draw.Schema(2);
    const Value value = draw.Tree(3);
    ASSERT_FALSE(UnheldIn(schema)) << Print(schema);
    const bool fits = Fits(value, schema);
    const bool fits_other = Fits(value, other);
    fitting += fits ? 1 : 0;
    const auto holds = [&](const char* keyword, Value said) {
      return Fits(value, Object{{keyword, std::move(said)}});
    };
    const std::string why = Print(schema) + " " + Print(other) + " " + Print(value);
    ASSERT_EQ(holds("not", schema), !fits) << why;
    ASSERT_EQ(holds("anyOf", Array{schema, other}), fits || fits_other) << why;
    ASSERT_EQ(holds("allOf", Array{schema, other}), fits && fits_other) << why;
    ASSERT_EQ(holds("oneOf", Array{schema, other}), fits != fits_other) << why;
    ASSERT_TRUE(holds("const", value)) << why;
    ASSERT_EQ(Fits(Array{value}, Object{{"items", schema}}), fits) << why;
    ASSERT_EQ(Fits(Array{value, value}, Object{{"prefixItems", Array{schema}}, {"items", other}}),
              fits && fits_other)
        << why;
    ASSERT_EQ(Fits(Object{{"a", value}},
                   Object{{"properties", Object{{"a", schema}}}, {"additionalProperties", false}}),
              fits)
        << why;
    ASSERT_EQ(Fits(value, Object{{"$ref", "#/$defs/a"}, {"$defs", Object{{"a", schema}}}}), fits)
        << why;
  }
  EXPECT_GT(fitting, 2'000);
  EXPECT_LT(fitting, 18'000);
}

}  // namespace
}  // namespace weir::json
