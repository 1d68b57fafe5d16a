#include "dialects/openai/vector_stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::openai {
namespace {

using chat::AttributeFilter;
using Kind = AttributeFilter::Kind;

template <class T>
std::string Why(const Result<T>& read) {
  return read ? "accepted" : read.error().param + ": " + read.error().message;
}

std::string Filtered(const std::string& filter) {
  return Why(ReadStoreSearch(R"({"query":"x","filters":)" + filter + "}", {}));
}

TEST(ReadStoreSearch, TakesQueriesAFilterAndOptions) {
  const auto search = ReadStoreSearch(
      R"({"query":["a","b"],"max_num_results":3,"rewrite_query":false,
          "ranking_options":{"ranker":"auto","score_threshold":0.5},
          "filters":{"type":"or","filters":[{"type":"in","key":"by","value":["Ada",7]},
            {"type":"and","filters":[{"type":"gte","key":"year","value":1843},
                                     {"type":"ne","key":"draft","value":true}]}]}})",
      {});
  ASSERT_TRUE(search) << search.error().message;
  EXPECT_EQ(search->queries, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(search->where.hits, 3U);
  EXPECT_EQ(search->where.score_threshold, 0.5F);
  const AttributeFilter expected{
      .kind = Kind::kOr,
      .parts = {
          {.kind = Kind::kIn, .key = "by", .values = {"Ada", int64_t{7}}},
          {.kind = Kind::kAnd,
           .parts = {{.kind = Kind::kGreaterOrEqual, .key = "year", .values = {int64_t{1843}}},
                     {.kind = Kind::kNotEqual, .key = "draft", .values = {true}}}}}};
  EXPECT_EQ(search->where.filter, expected);
  EXPECT_EQ(ReadStoreSearch(R"({"query":"x"})", {})->where.hits, 10U);
}

TEST(ReadStoreSearch, NamesWhatIsWrong) {
  using testing::StartsWith;
  EXPECT_THAT(Why(ReadStoreSearch("{}", {})), StartsWith("query: "));
  EXPECT_THAT(Why(ReadStoreSearch(R"({"query":[]})", {})), StartsWith("query: "));
  EXPECT_THAT(Why(ReadStoreSearch(R"({"query":""})", {})), StartsWith("query: "));
  EXPECT_THAT(Why(ReadStoreSearch(R"({"query":"x","max_num_results":51})", {})),
              StartsWith("max_num_results: "));
  EXPECT_THAT(Why(ReadStoreSearch(R"({"query":"x","rewrite_query":"yes"})", {})),
              StartsWith("rewrite_query: "));
  EXPECT_THAT(Why(ReadStoreSearch(
                  R"({"query":"x","ranking_options":{"ranker":"default-2024-11-15"}})", {})),
              StartsWith("ranking_options.ranker: "));
  EXPECT_THAT(Why(ReadStoreSearch(R"({"query":"x","ranking_options":{"score_threshold":2}})", {})),
              StartsWith("ranking_options.score_threshold: "));
  EXPECT_THAT(Filtered(R"({"type":"like","key":"a","value":"b"})"), StartsWith("filters.type: "));
  EXPECT_THAT(Filtered(R"({"type":"eq","value":"b"})"), StartsWith("filters.key: "));
  EXPECT_THAT(Filtered(R"({"type":"eq","key":"a"})"), StartsWith("filters.value: "));
  EXPECT_THAT(Filtered(R"({"type":"eq","key":"a","value":[1]})"), StartsWith("filters.value: "));
  EXPECT_THAT(Filtered(R"({"type":"gt","key":"a","value":"b"})"), StartsWith("filters.value: "));
  EXPECT_THAT(Filtered(R"({"type":"in","key":"a","value":"b"})"), StartsWith("filters.value: "));
  EXPECT_THAT(Filtered(R"({"type":"and","filters":[]})"), StartsWith("filters.filters: "));
  EXPECT_THAT(Filtered(R"({"type":"and","filters":[{"type":"eq","key":"a","value":{}}]})"),
              StartsWith("filters.filters[0].value: "));
  EXPECT_THAT(Filtered(R"({"type":"eq","key":"a","value":1,"more":2})"),
              StartsWith("filters.more: "));
}

TEST(ReadStoreSearch, AFilterHasBounds) {
  std::string deep = R"({"type":"eq","key":"a","value":1})";
  for (size_t i = 1; i < chat::AttributeLimits::kFilterDepth; ++i)
    deep = R"({"type":"and","filters":[)" + deep + "]}";
  EXPECT_EQ(Filtered(deep), "accepted");
  EXPECT_THAT(Filtered(R"({"type":"and","filters":[)" + deep + "]}"),
              testing::HasSubstr("8 levels"));
  std::string part = R"({"type":"eq","key":"a","value":1})";
  std::string wide = part;
  for (int i = 0; i < 100; ++i) wide += "," + part;
  const std::string half = R"({"type":"or","filters":[)" + wide + "]}";
  EXPECT_EQ(Filtered(half), "accepted");
  EXPECT_THAT(Filtered(R"({"type":"and","filters":[)" + half + "," + half + "]}"),
              testing::HasSubstr("128 conditions"));
}

TEST(ReadStoreToCreate, ReadsAllOfItAndNothingElse) {
  const auto store = ReadStoreToCreate(
      R"({"name":"n","description":"d","metadata":{"a":"b"},
          "expires_after":{"anchor":"last_active_at","days":7},"file_ids":["file-1"],
          "chunking_strategy":{"type":"static",
            "static":{"max_chunk_size_tokens":800,"chunk_overlap_tokens":400}}})",
      {});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(store->name, "n");
  EXPECT_EQ(store->metadata_json, R"({"a":"b"})");
  EXPECT_EQ(store->expires_days, 7);
  ASSERT_EQ(store->files.size(), 1U);
  EXPECT_EQ(store->files[0],
            (FileToAdd{.file_id = "file-1", .chunking = {.tokens = 800, .overlap = 400}}));
  EXPECT_TRUE(ReadStoreToCreate("{}", {}));
  for (const char* body :
       {"", "[]", R"({"names":"n"})", R"({"name":1})", R"({"metadata":{"a":1}})",
        R"({"expires_after":{"anchor":"created_at","days":7}})",
        R"({"expires_after":{"anchor":"last_active_at","days":366}})",
        R"({"chunking_strategy":{"type":"static"}})",
        R"({"chunking_strategy":{"type":"static","static":{"max_chunk_size_tokens":99}}})",
        R"({"chunking_strategy":{"type":"static",
            "static":{"max_chunk_size_tokens":100,"chunk_overlap_tokens":51}}})",
        R"({"chunking_strategy":{"type":"auto","static":{}}})"}) {
    EXPECT_FALSE(ReadStoreToCreate(body, {})) << body;
  }
}

TEST(ReadStoreToChange, TellsANullFromNothing) {
  EXPECT_FALSE(ReadStoreToChange(R"({"name":"n"})", {})->expires_days);
  EXPECT_EQ(ReadStoreToChange(R"({"expires_after":null})", {})->expires_days, 0);
  EXPECT_EQ(ReadStoreToChange(R"({"expires_after":{"anchor":"last_active_at","days":2}})", {})
                ->expires_days,
            2);
}

TEST(ReadBatchToAdd, TakesIdsForAllOrFilesEachWithItsOwn) {
  const auto same = ReadBatchToAdd(R"({"file_ids":["a","b"],"attributes":{"x":1}})", {});
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_EQ(same->at(1), (FileToAdd{.file_id = "b", .attributes = {{"x", int64_t{1}}}}));
  const auto own =
      ReadBatchToAdd(R"({"files":[{"file_id":"a","attributes":{"x":true}},{"file_id":"b"}]})", {});
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(own->at(0).attributes, (chat::Attributes{{"x", true}}));
  for (const char* body :
       {"{}", R"({"file_ids":[]})", R"({"file_ids":["a"],"files":[{"file_id":"b"}]})",
        R"({"files":[{"file_id":"b"}],"attributes":{"x":1}})", R"({"files":[{}]})"}) {
    EXPECT_FALSE(ReadBatchToAdd(body, {})) << body;
  }
}

TEST(ReadAttributesToSet, HoldsTheBounds) {
  EXPECT_EQ(*ReadAttributesToSet(R"({"attributes":null})", {}), chat::Attributes());
  EXPECT_EQ(ReadAttributesToSet(R"({"attributes":{"a":1.5,"b":"c"}})", {})->size(), 2U);
  const std::string long_text(513, 'x');
  std::string many;
  for (int i = 0; i < 17; ++i) many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":1";
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"attributes":[]})"), R"({"attributes":{)" + many + "}}",
        R"({"attributes":{"a":")" + long_text + "\"}}",
        R"({"attributes":{")" + long_text + "\":1}}", std::string(R"({"attributes":{"a":null}})"),
        std::string(R"({"attributes":{"":1}})")}) {
    EXPECT_FALSE(ReadAttributesToSet(body, {})) << body;
  }
}

}  // namespace
}  // namespace weir::openai
