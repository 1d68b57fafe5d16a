#include <gtest/gtest.h>

#include "dialects/qdrant/answer.h"
#include "dialects/qdrant/collection.h"
#include "dialects/qdrant/filter.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/points.h"
#include "dialects/qdrant/query.h"
#include "json/parse.h"

namespace weir::qdrant {
namespace {

json::Value Json(std::string_view text) {
  auto value = json::Parse(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(json::Value());
}

std::string Shown(std::string_view id) {
  std::string out;
  json::Writer writer(&out);
  AppendId(writer, id);
  return out;
}

TEST(Ids, NumbersKeepTheirOrderAndComeBack) {
  std::string before;
  for (const char* text : {"0", "9", "10", "4294967296", "18446744073709551615"}) {
    const auto id = NewId(Json(text));
    ASSERT_TRUE(id) << text;
    EXPECT_LT(before, *id);
    EXPECT_EQ(Shown(*id), text);
    EXPECT_EQ(IdInPath(text), *id);
    before = *id;
  }
}

TEST(Ids, UuidsHaveOneForm) {
  const std::string plain = "936da01f-9abd-4d9d-80c7-02af85c822a8";
  for (const char* text :
       {"936DA01F9ABD4D9D80C702AF85C822A8", "{936DA01F-9ABD-4D9D-80C7-02AF85C822A8}",
        "urn:uuid:936da01f-9abd-4d9d-80c7-02af85c822a8", plain.c_str()}) {
    EXPECT_EQ(NewId(json::Value(text)), plain) << text;
  }
  EXPECT_EQ(Shown(plain), "\"" + plain + "\"");
}

TEST(Ids, OthersAreNotNewButMayBeKnown) {
  for (const char* text : {"-1", "1.5", "true", "\"\"", "\"936da01f-9abd\"", "null", "[1]"})
    EXPECT_FALSE(NewId(Json(text))) << text;
  EXPECT_EQ(KnownId(json::Value("paper#3")), "paper#3");
  EXPECT_FALSE(KnownId(json::Value(std::string(513, 'x'))));
  EXPECT_EQ(Shown("paper#3"), "\"paper#3\"");
  // 20 digits that are no number of 64 bits.
  EXPECT_EQ(Shown("99999999999999999999"), "\"99999999999999999999\"");
}

struct Bad {
  const char* filter;
  const char* param;
};

TEST(Filters, ThatAreWrongAreRefusedByName) {
  const Bad rows[] = {
      {R"([])", "filter"},
      {R"({"must":3})", "filter.must"},
      {R"({"must":[{}, {"must_nut":[]}]})", "filter.must[1].must_nut"},
      {R"({"must":[{"key":""}]})", "filter.must[0]"},
      {R"({"must":[{"key":"a","match":{}}]})", "filter.must[0].match"},
      {R"({"must":[{"key":"a","match":{"value":1,"any":[2]}}]})", "filter.must[0].match"},
      {R"({"must":[{"key":"a","match":{"any":[1,{}]}}]})", "filter.must[0].match.any[1]"},
      {R"({"must":[{"key":"a","range":{"gt":1},"match":{"value":1}}]})", "filter.must[0]"},
      {R"({"must":[{"key":"a","range":{"above":1}}]})", "filter.must[0].range.above"},
      {R"({"must":[{"key":"a","values_count":{"gt":-1}}]})", "filter.must[0].values_count.gt"},
      {R"({"must":[{"key":"a","geo_radius":{"center":{"lon":181,"lat":0},"radius":1}}]})",
       "filter.must[0].geo_radius.center.lon"},
      {R"({"min_should":{"conditions":[]}})", "filter.min_should.min_count"},
      {R"({"must":[{"nested":{"key":"a"}}]})", "filter.must[0].nested.filter"},
  };
  for (const Bad& row : rows) {
    json::Problem problem;
    ReadFilter(problem, Json(row.filter), "filter");
    ASSERT_TRUE(problem) << row.filter;
    EXPECT_EQ(problem.error().param, row.param) << problem.error().message;
  }
}

TEST(Filters, AreBoundedInDepth) {
  const auto nested = [](int levels) {
    std::string text = R"({"key":"a","is_null":true})";
    for (int i = 0; i < levels; ++i) text = R"({"must":[)" + text + "]}";
    return text;
  };
  for (const int levels : {16, 17, 60}) {
    json::Problem problem;
    ReadFilter(problem, Json(nested(levels)), "filter");
    EXPECT_EQ(static_cast<bool>(problem), levels > 16) << levels;
  }
}

TEST(Shown, PartsOfPayloadsAreChosenByPath) {
  const vectors::Point point{
      .id = "00000000000000000001",
      .payload = Json(R"({"a":1,"b":{"c":2,"d":[{"e":3,"f":4},5]},"g":[{"h":6}]})")};
  const auto shown = [&](std::string_view with) {
    const json::Value body = Json(with);
    json::Problem problem;
    json::Fields fields(problem, body);
    const qdrant::Shown parts = ReadShown(fields, false);
    std::string out;
    json::Writer writer(&out);
    writer.BeginObject();
    AppendPoint(writer, point, parts);
    writer.EndObject();
    return *Json(out).Find("payload");
  };
  EXPECT_EQ(shown(R"({})"), json::Value());
  EXPECT_EQ(shown(R"({"with_payload":true})"), point.payload);
  EXPECT_EQ(shown(R"({"with_payload":["a","b.c"]})"), Json(R"({"a":1,"b":{"c":2}})"));
  EXPECT_EQ(shown(R"({"with_payload":["b.d[].e","g"]})"),
            Json(R"({"b":{"d":[{"e":3}]},"g":[{"h":6}]})"));
  EXPECT_EQ(shown(R"({"with_payload":{"exclude":["b","g[].h"]}})"), Json(R"({"a":1,"g":[{}]})"));
}

TEST(Queries, AreBoundedInPrefetches) {
  std::string deep = R"({"query":[1]})";
  for (int i = 0; i < 5; ++i) deep = R"({"query":[1],"prefetch":)" + deep + "}";
  EXPECT_EQ(ReadQuery(Json(deep)).error().reason, "invalid_value");
  std::string wide = R"({"query":[1],"prefetch":[)";
  for (int i = 0; i < 65; ++i) wide += std::string(i > 0 ? "," : "") + R"({"query":[1]})";
  EXPECT_EQ(ReadQuery(Json(wide + "]}")).error().param, "prefetch");
}

TEST(About, KeepsWhatOtherDialectsRemember) {
  About about;
  about.metadata = Json(R"({"x":1})");
  about.indexes = {{"city", "keyword", {}}};
  const json::Value whole = WithAbout(Json(R"({"chroma":{"y":2}})"), about);
  EXPECT_EQ(*whole.Find("chroma"), Json(R"({"y":2})"));
  EXPECT_EQ(AboutOf(whole).metadata, about.metadata);
  ASSERT_EQ(AboutOf(whole).indexes.size(), 1u);
  EXPECT_EQ(AboutOf(whole).indexes[0].field, "city");
  EXPECT_EQ(AboutOf({}).indexes.size(), 0u);
}

}  // namespace
}  // namespace weir::qdrant
