#include "dialects/qdrant/query.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "dialects/qdrant/filter.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/shared_fields.h"
#include "dialects/qdrant/vector_values.h"

namespace weir::qdrant {
namespace {

using vectors::Limits;

constexpr int64_t kLimitMax = Limits::kResults;
constexpr double kFloatMax = std::numeric_limits<float>::max();

QueryAsk AskAt(json::Fields& fields, size_t depth, size_t& prefetches);

Example ReadExample(json::Problem& problem, const json::Value& value, const std::string& path) {
  if (value.AsString() != nullptr || value.AsInt() != nullptr || value.AsUint() != nullptr)
    return ReadKnownId(problem, value, path);
  return std::visit([](auto&& vector) -> Example { return std::forward<decltype(vector)>(vector); },
                    ReadVectorValue(problem, value, path));
}

std::vector<Example> ReadExamples(json::Fields& fields, std::string_view key) {
  std::vector<Example> examples;
  const json::Array* list = fields.List(key, kExamples);
  for (size_t i = 0; list != nullptr && i < list->size() && !fields.problem(); ++i)
    examples.push_back(ReadExample(fields.problem(), (*list)[i], fields.PathOf(key, i)));
  return examples;
}

Recommend RecommendAt(json::Fields fields) {
  Recommend recommend{.positive = ReadExamples(fields, "positive"),
                      .negative = ReadExamples(fields, "negative")};
  using Kind = vectors::Likeness::Kind;
  if (const auto by =
          fields.Word<std::optional<Kind>>("strategy", {{"average_vector", std::nullopt},
                                                        {"best_score", Kind::kBest},
                                                        {"sum_scores", Kind::kSum}}))
    recommend.by = *by;
  if (recommend.positive.empty() && (!recommend.by || recommend.negative.empty()))
    fields.Refuse("positive", "must have at least one example", Code::kInvalidArgument);
  if (recommend.positive.size() + recommend.negative.size() > kExamples)
    fields.Refuse("", fmt::format("has over {} examples", kExamples), Code::kInvalidArgument);
  fields.RefuseUnread();
  return recommend;
}

Fusion RrfAt(json::Fields fields) {
  Fusion fusion;
  fusion.k = static_cast<float>(fields.Number("k", 0, 1e6).value_or(2));
  const json::Array* weights = fields.List("weights", kPrefetches);
  for (size_t i = 0; weights != nullptr && i < weights->size(); ++i) {
    const json::Value& weight = (*weights)[i];
    const double* d = weight.AsDouble();
    const int64_t* n = weight.AsInt();
    const double number = d != nullptr ? *d : (n != nullptr ? static_cast<double>(*n) : -1);
    if (!(number >= 0 && number <= 1e6))
      fields.Refuse(fmt::format("weights[{}]", i), "must be a number from 0 to 1000000");
    fusion.weights.push_back(static_cast<float>(number));
  }
  fields.RefuseUnread();
  return fusion;
}

void ReadObjectQuery(json::Fields& query, QueryAsk& ask) {
  size_t kinds = 0;
  json::Problem& problem = query.problem();
  if (const json::Value* nearest = query.Take("nearest")) {
    ++kinds;
    ask.query = Nearest{ReadExample(problem, *nearest, query.PathOf("nearest"))};
    if (query.Take("mmr") != nullptr) RefuseUnsupported(query, "mmr", "results are the nearest");
  }
  if (auto recommend = query.Nested("recommend")) {
    ++kinds;
    ask.query = RecommendAt(std::move(*recommend));
  }
  if (query.Take("fusion") != nullptr) {
    ++kinds;
    const auto kind = query.Word<bool>("fusion", {{"rrf", false}, {"dbsf", true}});
    ask.query = Fusion{.by_distribution = kind.value_or(false)};
  }
  if (auto rrf = query.Nested("rrf")) {
    ++kinds;
    ask.query = RrfAt(std::move(*rrf));
  }
  if (const json::Value* order = query.Take("order_by")) {
    ++kinds;
    ask.query = ReadOrderBy(problem, *order, query.PathOf("order_by"));
  }
  if (query.Take("sample") != nullptr) {
    ++kinds;
    query.Word<bool>("sample", {{"random", true}});
    ask.query = Sample{};
  }
  for (const char* key : {"discover", "context", "formula", "relevance_feedback"}) {
    if (query.Take(key) != nullptr)
      RefuseUnsupported(query, key, "nearest, recommend, fusion, rrf, order_by and sample are");
  }
  query.RefuseUnread();
  if (kinds != 1 && !problem)
    query.Refuse("", "takes exactly one of nearest, recommend, fusion, rrf, order_by, sample");
}

void ReadQueryField(json::Fields& fields, QueryAsk& ask) {
  const json::Value* value = fields.Take("query");
  if (value == nullptr) return;
  const json::Object* object = value->AsObject();
  // {"indices": ...}, a sparse vector, and {"text": ..., "model": ...}, which is refused.
  const bool is_input =
      object != nullptr && (value->Find("indices") != nullptr || value->Find("model") != nullptr);
  if (object == nullptr || is_input) {
    ask.query = Nearest{ReadExample(fields.problem(), *value, fields.PathOf("query"))};
    return;
  }
  json::Fields query(fields.problem(), *value, fields.PathOf("query"));
  ReadObjectQuery(query, ask);
}

void ReadParams(json::Fields& fields, QueryAsk& ask) {
  auto params = fields.Nested("params");
  if (!params) return;
  ask.exact = params->Bool("exact").value_or(false);
  ask.width = static_cast<size_t>(params->Int("hnsw_ef", 0, kLimitMax).value_or(0));
  if (params->Take("idf") != nullptr)
    RefuseUnsupported(*params, "idf", "a vector has the modifier that it was made with");
  // How Qdrant would search; results here are as good with and without.
  constexpr std::string_view kTuning[] = {"quantization", "indexed_only", "acorn"};
  params->RefuseUnread(kTuning);
}

void ReadCommon(json::Fields& fields, QueryAsk& ask) {
  ask.filter = ReadFilterField(fields);
  ReadParams(fields, ask);
  if (const auto threshold = fields.Number("score_threshold", -kFloatMax, kFloatMax))
    ask.score_threshold = static_cast<float>(*threshold);
  ask.limit = static_cast<size_t>(fields.Int("limit", 1, kLimitMax).value_or(10));
  if (fields.Take("lookup_from") != nullptr)
    RefuseUnsupported(fields, "lookup_from", "examples are points of the collection itself");
  RefuseShards(fields);
}

void ReadPrefetch(json::Fields& fields, QueryAsk& ask, size_t depth, size_t& prefetches) {
  const json::Value* value = fields.Take("prefetch");
  if (value == nullptr) return;
  if (depth >= kPrefetchDepth) {
    fields.Refuse("prefetch", fmt::format("is nested over {} levels deep", kPrefetchDepth));
    return;
  }
  const auto add = [&](const json::Value& one, std::string path) {
    if (++prefetches > kPrefetches) {
      fields.Refuse("prefetch", fmt::format("has more than {} in all", kPrefetches));
      return;
    }
    json::Fields inner(fields.problem(), one, std::move(path));
    ask.prefetch.push_back(AskAt(inner, depth + 1, prefetches));
    inner.RefuseUnread();
  };
  if (const json::Array* list = value->AsArray()) {
    for (size_t i = 0; i < list->size() && !fields.problem(); ++i)
      add((*list)[i], fields.PathOf("prefetch", i));
  } else {
    add(*value, fields.PathOf("prefetch"));
  }
}

// What a query and a prefetch share.
QueryAsk AskAt(json::Fields& fields, size_t depth, size_t& prefetches) {
  QueryAsk ask;
  ReadQueryField(fields, ask);
  ask.space = fields.String("using", Limits::kNameBytes).value_or("");
  ReadCommon(fields, ask);
  ReadPrefetch(fields, ask, depth, prefetches);
  const Fusion* fusion = std::get_if<Fusion>(&ask.query);
  if (fusion != nullptr && ask.prefetch.empty())
    fields.Refuse("prefetch", "is required: a fusion is of what prefetches find");
  if (fusion != nullptr && !fusion->weights.empty() &&
      fusion->weights.size() != ask.prefetch.size())
    fields.Refuse("query.rrf.weights",
                  fmt::format("must be one for each prefetch, {}", ask.prefetch.size()));
  return ask;
}

void ReadOffset(json::Fields& fields, QueryAsk& ask) {
  ask.offset = static_cast<size_t>(
      fields.Int("offset", 0, kLimitMax - static_cast<int64_t>(ask.limit)).value_or(0));
}

QueryAsk WholeAt(json::Fields& fields) {
  size_t prefetches = 0;
  QueryAsk ask = AskAt(fields, 0, prefetches);
  ReadOffset(fields, ask);
  ask.shown = ReadShown(fields, /*payload_by_default=*/false);
  fields.RefuseUnread();
  return ask;
}

// "vector": [...] or {"name": ..., "vector": [...]}
QueryAsk SearchAt(json::Fields& fields) {
  QueryAsk ask;
  if (const json::Value* vector = fields.Require().Take("vector")) {
    if (vector->Find("name") != nullptr) {
      json::Fields named(fields.problem(), *vector, fields.PathOf("vector"));
      ask.space = named.Require().String("name", Limits::kNameBytes).value_or("");
      if (const json::Value* inner = named.Require().Take("vector"))
        ask.query = Nearest{ReadExample(fields.problem(), *inner, named.PathOf("vector"))};
      named.RefuseUnread();
    } else {
      ask.query = Nearest{ReadVector(fields.problem(), *vector, fields.PathOf("vector"))};
    }
  }
  ReadCommon(fields, ask);
  ReadOffset(fields, ask);
  ask.shown = ReadShown(fields, /*payload_by_default=*/false);
  fields.RefuseUnread();
  return ask;
}

Result<std::vector<QueryAsk>> ListOf(const json::Value& body, QueryAsk (*read)(json::Fields&)) {
  json::Problem problem;
  json::Fields fields(problem, body);
  std::vector<QueryAsk> asks;
  const json::Array* list = fields.Require().List("searches", kQueriesMax);
  for (size_t i = 0; list != nullptr && i < list->size() && !problem; ++i) {
    json::Fields one(problem, (*list)[i], fields.PathOf("searches", i));
    asks.push_back(read(one));
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return asks;
}

Result<QueryAsk> OneOf(const json::Value& body, QueryAsk (*read)(json::Fields&)) {
  json::Problem problem;
  json::Fields fields(problem, body);
  QueryAsk ask = read(fields);
  if (problem) return Fail(problem.Take());
  return ask;
}

}  // namespace

Result<QueryAsk> ReadQuery(const json::Value& body) { return OneOf(body, WholeAt); }
Result<QueryAsk> ReadSearch(const json::Value& body) { return OneOf(body, SearchAt); }
Result<std::vector<QueryAsk>> ReadQueries(const json::Value& body) { return ListOf(body, WholeAt); }
Result<std::vector<QueryAsk>> ReadSearches(const json::Value& body) {
  return ListOf(body, SearchAt);
}

Result<QueryAsk> ReadGroups(const json::Value& body) {
  return OneOf(body, [](json::Fields& fields) {
    size_t prefetches = 0;
    QueryAsk ask = AskAt(fields, 0, prefetches);
    ask.group_by = fields.Require().String("group_by", Limits::kNameBytes).value_or("");
    ask.group_size = static_cast<size_t>(fields.Int("group_size", 1, kLimitMax).value_or(3));
    if (fields.Take("with_lookup") != nullptr)
      RefuseUnsupported(fields, "with_lookup", "ask the other collection for its points");
    ask.shown = ReadShown(fields, /*payload_by_default=*/false);
    fields.RefuseUnread();
    return ask;
  });
}

}  // namespace weir::qdrant
