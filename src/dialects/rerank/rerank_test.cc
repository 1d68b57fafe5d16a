#include "dialects/rerank/rerank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/dump.h"
#include "json/parse.h"

namespace weir::rerank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> Texts(const RerankCall& call) {
  std::vector<std::string> texts;
  for (const chat::Prompt& prompt : call.request.inputs) texts.push_back(prompt.text);
  return texts;
}

TEST(Requests, OfJinaAndOfCohereMeanTheSame) {
  const auto jina = ReadRerank(
      R"({"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1,"return_documents":true})");
  ASSERT_TRUE(jina) << jina.error().message;
  EXPECT_EQ(jina->request.model, "m");
  EXPECT_THAT(Texts(*jina), ElementsAre("q", "a", "b"));
  EXPECT_EQ(jina->top_n, 1u);
  EXPECT_TRUE(jina->return_documents);
  const auto cohere = ReadRerank(R"({"query":"q","documents":["a","b"],"top_n":9,"priority":0})");
  ASSERT_TRUE(cohere) << cohere.error().message;
  EXPECT_EQ(cohere->request.model, "");
  EXPECT_TRUE(cohere->request.ranks);
  EXPECT_EQ(cohere->top_n, 2u);
  EXPECT_FALSE(cohere->return_documents);
}

struct Bad {
  std::string body;
  const char* param;
  const char* says;
};

std::string Many(size_t count, size_t bytes) {
  std::string out = R"({"query":"q","documents":[)";
  for (size_t i = 0; i < count; ++i) out += (i > 0 ? ",\"" : "\"") + std::string(bytes, 'a') + "\"";
  return out + "]}";
}

TEST(Requests, ThatAreWrongAreRefusedByNameAndLimit) {
  const Bad rows[] = {
      {"{", "", ""},
      {"[]", "", "must be an object"},
      {R"({"documents":["a"]})", "query", "is required"},
      {R"({"query":"","documents":["a"]})", "query", "is empty"},
      {R"({"query":7,"documents":["a"]})", "query", "must be a string"},
      {R"({"query":"q"})", "documents", "is required"},
      {R"({"query":"q","documents":"a"})", "documents", "must be an array"},
      {R"({"query":"q","documents":[]})", "documents", "is empty"},
      {R"({"query":"q","documents":["a",""]})", "documents[1]", "from 1 to"},
      {R"({"query":"q","documents":["a",7]})", "documents[1]", "must be an object"},
      {R"({"query":"q","documents":[{"title":"a"}]})", "documents[0].text", "is required"},
      {Many(1001, 1), "documents", "the most is 1000"},
      {Many(1, (size_t{1} << 20) + 1), "documents[0]", "1048576"},
      {Many(17, size_t{1} << 20), "documents", "the most is 16777216"},
      {R"({"query":"q","documents":["a"],"top_n":0})", "top_n", "from 1"},
      {R"({"query":"q","documents":["a"],"top_k":1})", "top_k", "the nearest known field is top_n"},
      {R"({"query":"q","documents":["a"],"max_tokens_per_doc":0})", "max_tokens_per_doc", "from 1"},
      {R"({"query":"q","documents":["a"],"rank_fields":["x"]})", "rank_fields", "is not supported"},
      {R"({"query":"q","documents":["a"],"truncation":"END"})", "truncation", "must be"},
      {R"({"query":"q","documents":["a"],"return_embeddings":true})", "return_embeddings",
       "is not supported"},
  };
  for (const Bad& row : rows) {
    const auto call = ReadRerank(row.body);
    ASSERT_FALSE(call) << row.body.substr(0, 80);
    EXPECT_EQ(call.error().param, row.param) << call.error().message;
    EXPECT_THAT(call.error().message, HasSubstr(row.says)) << row.body.substr(0, 80);
  }
}

TEST(Requests, SayWhereDocumentsAreCut) {
  const auto cut = [](const std::string& more) {
    const auto call = ReadRerank(R"({"query":"q","documents":["a"])" + more + "}");
    return call ? call->request.input_tokens_max : -1;
  };
  EXPECT_EQ(cut(""), std::nullopt);
  EXPECT_EQ(cut(R"(,"truncation":false)"), std::nullopt);
  EXPECT_EQ(cut(R"(,"truncation":true)"), chat::kModelInput);
  EXPECT_EQ(cut(R"(,"truncate":true)"), chat::kModelInput);
  EXPECT_EQ(cut(R"(,"max_tokens_per_doc":5)"), 5);
}

chat::Embeddings Vectors() {
  return {.vectors = {{1, 0}, {0, 1}, {0.6f, 0.8f}, {-1, 0}, {0, 1}},
          .usage = {.prompt_tokens = 9}};
}

TEST(Ranking, TheNearestComeFirstAndEqualOnesInTheirOrder) {
  std::vector<size_t> order;
  for (const RankedDocument& one : Ranked(Vectors(), 4)) order.push_back(one.index);
  EXPECT_THAT(order, ElementsAre(1, 0, 3, 2));
  EXPECT_EQ(Ranked(Vectors(), 2).size(), 2u);
  EXPECT_NEAR(Ranked(Vectors(), 1)[0].score, 0.6, 1e-6);
}

TEST(Answers, OfAModelThatRanksCarryItsScores) {
  const auto call = ReadRerank(R"({"query":"q","documents":["a","b","c"]})");
  ASSERT_TRUE(call);
  const chat::Embeddings ranks{.vectors = {{}, {0.25f}, {0.75f}, {0.5f}}, .ranked = true};
  const std::string answer = RenderRerank({}, *call, ranks, "{}");
  EXPECT_THAT(answer, HasSubstr(R"("results":[{"index":1,"relevance_score":0.75},)"
                                R"({"index":2,"relevance_score":0.5},)"
                                R"({"index":0,"relevance_score":0.25}])"));
  EXPECT_THAT(answer, HasSubstr(R"("rerank":{"method":"reranker","score":"sigmoid"})"));
}

TEST(Answers, SayThatTheyComeFromEmbeddings) {
  auto call = ReadRerank(R"({"query":"q","documents":["a","b","c","d"],"top_n":2})");
  ASSERT_TRUE(call);
  const std::string answer =
      RenderRerank({.id = "rerank-1", .model = "m"}, *call, Vectors(), R"({"decision":"d"})");
  ASSERT_TRUE(json::Parse(answer)) << answer;
  EXPECT_THAT(answer, StartsWith(R"({"id":"rerank-1","object":"list","model":"m","results":[)"));
  EXPECT_THAT(answer, HasSubstr(R"({"index":0,"relevance_score":0.0}])"));
  EXPECT_THAT(answer, HasSubstr(R"("usage":{"prompt_tokens":9,"total_tokens":9})"));
  EXPECT_THAT(answer, HasSubstr(R"("weir":{"decision":"d","rerank":{"method":"embeddings",)"
                                R"("score":"cosine"}})"));
  call->return_documents = true;
  EXPECT_THAT(RenderRerank({}, *call, Vectors(), "{}"), HasSubstr(R"("document":{"text":"b"})"));
  chat::Embeddings unknown = Vectors();
  unknown.usage = {};
  EXPECT_THAT(RenderRerank({}, *call, unknown, "{}"), Not(HasSubstr("usage")));
}

TEST(Errors, NameTheDocumentAndNotTheInput) {
  EXPECT_EQ(FieldOf("input[0]"), "query");
  EXPECT_EQ(FieldOf("input[3]"), "documents[2]");
  EXPECT_EQ(FieldOf("input[3].text"), "documents[2].text");
  EXPECT_EQ(FieldOf("input"), "documents");
  EXPECT_EQ(FieldOf("input[x"), "input[x");
  EXPECT_EQ(FieldOf("model"), "model");
  EXPECT_EQ(FieldOf("input_tokens_max"), "max_tokens_per_doc");
}

}  // namespace
}  // namespace weir::rerank
