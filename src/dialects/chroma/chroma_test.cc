#include <gtest/gtest.h>

#include "dialects/chroma/answer.h"
#include "dialects/chroma/collection.h"
#include "dialects/chroma/records.h"
#include "json/parse.h"

namespace weir::chroma {
namespace {

json::Value Json(std::string_view text) {
  auto value = json::Parse(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(json::Value());
}

TEST(Uuids, AreOfIdsAndBack) {
  for (const int64_t id : {int64_t{1}, int64_t{255}, int64_t{0xffffffffffff}})
    EXPECT_EQ(IdOf(UuidOf(id)), id);
  for (const char* text :
       {"", "none", "77656972-0000-8000-8000-00000000000g", "87656972-0000-8000-8000-000000000001"})
    EXPECT_FALSE(IdOf(text)) << text;
  EXPECT_EQ(UuidOfText("a").size(), 36u);
  EXPECT_EQ(UuidOfText("a"), UuidOfText("a"));
  EXPECT_NE(UuidOfText("a"), UuidOfText("b"));
}

TEST(Collections, SayTheirDistanceInThreeWays) {
  using vectors::Metric;
  const auto metric = [](const char* body) {
    const auto ask = ReadCreate(Json(body));
    EXPECT_TRUE(ask) << ask.error().message;
    return MetricOf({.about = AboutOf(*ask)});
  };
  EXPECT_EQ(metric(R"({"name":"abc"})"), Metric::kL2);
  EXPECT_EQ(metric(R"({"name":"abc","metadata":{"hnsw:space":"ip"}})"), Metric::kDot);
  EXPECT_EQ(metric(R"({"name":"abc","configuration":{"hnsw":{"space":"cosine"}}})"),
            Metric::kCosine);
  EXPECT_EQ(metric(R"({"name":"abc","configuration":{"spann":{"space":"cosine"}}})"),
            Metric::kCosine);
}

TEST(Collections, ChangesKeepWhatTheyDoNotName) {
  const json::Value about = Json(
      R"({"qdrant":{"z":1},"chroma":{"metric":"ip","metadata":{"a":1},"configuration":{"e":2}}})");
  const auto change = ReadChange(Json(R"({"new_name":"other","new_metadata":{"b":2}})"));
  ASSERT_TRUE(change);
  const json::Value changed = WithChange(about, *change);
  EXPECT_EQ(*changed.Find("qdrant"), Json(R"({"z":1})"));
  EXPECT_EQ(*changed.Find("chroma"),
            Json(R"({"metric":"ip","metadata":{"b":2},"configuration":{"e":2}})"));
}

TEST(Records, MustHaveColumnsOfOneLength) {
  for (const char* body :
       {R"({"ids":["a"],"embeddings":[[1],[2]]})", R"({"ids":["a"],"embeddings":[[1]],"uris":[]})",
        R"({"ids":["a"],"embeddings":[[1]],"documents":["x","y"]})",
        R"({"ids":["a"],"embeddings":[[1]],"metadatas":[]})"}) {
    EXPECT_FALSE(ReadRecords(Json(body), WriteKind::kAdd)) << body;
  }
  // An update needs no embeddings.
  EXPECT_TRUE(ReadRecords(Json(R"({"ids":["a"],"documents":[null]})"), WriteKind::kUpdate));
}

TEST(Errors, HaveWordsThatClientsKnow) {
  EXPECT_EQ(*Json(RenderError({Code::kNotFound, "no"})).Find("error"),
            json::Value("NotFoundError"));
  EXPECT_EQ(*Json(RenderError({Code::kTooLarge, "no", "ids", "batch_too_large"})).Find("error"),
            json::Value("BatchSizeExceededError"));
}

}  // namespace
}  // namespace weir::chroma
