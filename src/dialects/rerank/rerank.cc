#include "dialects/rerank/rerank.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "dialects/openai/common_fields.h"
#include "dialects/openai/error.h"
#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::rerank {
namespace {

constexpr size_t kDocumentsMax = 1000;
constexpr size_t kDocumentBytesMax = size_t{1} << 20;
constexpr size_t kBytesMax = size_t{16} << 20;

// They order the original's own queues and name who pays there.
constexpr std::string_view kIgnored[] = {"priority", "user"};

// A text, or {"text": ...} with fields beside it that are not ranked by.
void ReadDocument(json::Fields& fields, const json::Value& item, size_t index,
                  std::vector<chat::Prompt>& out) {
  std::string text;
  if (const std::string* plain = item.AsString()) {
    text = *plain;
  } else {
    json::Fields document(fields.problem(), item, fields.PathOf("documents", index));
    text = document.Require().String("text", kDocumentBytesMax).value_or("");
  }
  if (fields.problem()) return;
  if (text.empty() || text.size() > kDocumentBytesMax) {
    return fields.Refuse(
        fmt::format("documents[{}]", index),
        fmt::format("has {} bytes; it must have from 1 to {}", text.size(), kDocumentBytesMax));
  }
  out.push_back({.text = std::move(text)});
}

void ReadDocuments(json::Fields& fields, std::vector<chat::Prompt>& out) {
  const json::Array* documents = fields.Require().List("documents", kDocumentsMax);
  if (documents == nullptr) return;
  if (documents->empty()) return fields.Refuse("documents", "is empty");
  size_t bytes = 0;
  for (size_t i = 0; i < documents->size() && !fields.problem(); ++i) {
    ReadDocument(fields, (*documents)[i], i, out);
    bytes += out.back().text.size();
  }
  if (bytes > kBytesMax) {
    fields.Refuse("documents",
                  fmt::format("has {} bytes of text; the most is {}", bytes, kBytesMax));
  }
}

void RefuseWhatNobodyDoes(json::Fields& fields) {
  for (const char* key :
       {"max_chunks_per_doc", "max_doc_length", "max_query_length", "overlap", "rank_fields"}) {
    if (fields.Take(key) != nullptr)
      openai::RefuseUnsupported(fields, key, "a document is read as one, from its beginning");
  }
  if (fields.Bool("return_embeddings") == true)
    openai::RefuseUnsupported(fields, "return_embeddings", "ask /v1/embeddings for them");
}

// Where nobody asks for a cut, a document that is too long is refused.
void ReadCut(json::Fields& fields, std::optional<int32_t>& out) {
  for (const char* key : {"truncation", "truncate"}) {
    if (fields.Bool(key) == true) out = chat::kModelInput;
  }
  if (const auto most = fields.Int("max_tokens_per_doc", 1, INT32_MAX - 1))
    out = static_cast<int32_t>(*most);
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  CHECK(a.size() == b.size(), "vectors of different models");
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return std::clamp(sum, -1.0, 1.0);
}

}  // namespace

Result<RerankCall> ReadRerank(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  RerankCall call;
  call.request.model = fields.String("model", openai::kNameBytesMax).value_or("");
  call.request.ranks = true;
  std::string query = fields.Require().String("query", kDocumentBytesMax).value_or("");
  if (query.empty()) fields.Refuse("query", "is empty");
  call.request.inputs.push_back({.text = std::move(query)});
  ReadDocuments(fields, call.request.inputs);
  const size_t documents = call.request.inputs.size() - 1;
  const auto top_n = fields.Int("top_n", 1, INT32_MAX);
  call.top_n = std::min(documents, static_cast<size_t>(top_n.value_or(INT32_MAX)));
  call.return_documents = fields.Bool("return_documents").value_or(false);
  openai::ReadKeepAlive(fields, call.request.keep_alive_ms);
  ReadCut(fields, call.request.input_tokens_max);
  RefuseWhatNobodyDoes(fields);
  fields.RefuseUnread(kIgnored);
  if (problem) return Fail(problem.Take());
  return call;
}

std::vector<RankedDocument> Ranked(const chat::Embeddings& vectors, size_t top_n) {
  std::vector<RankedDocument> ranked;
  for (size_t i = 1; i < vectors.vectors.size(); ++i) {
    CHECK(!vectors.ranked || vectors.vectors[i].size() == 1, "a rank is one number");
    ranked.push_back({i - 1, vectors.ranked ? static_cast<double>(vectors.vectors[i][0])
                                            : Cosine(vectors.vectors[0], vectors.vectors[i])});
  }
  std::ranges::sort(ranked, [](const RankedDocument& a, const RankedDocument& b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  });
  if (ranked.size() > top_n) ranked.resize(top_n);
  return ranked;
}

std::string RenderRerank(const RerankHead& head, const RerankCall& call,
                         const chat::Embeddings& vectors, std::string_view weir) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("id", head.id).Field("object", "list").Field("model", head.model);
  writer.Key("results").BeginArray();
  for (const RankedDocument& one : Ranked(vectors, call.top_n)) {
    writer.BeginObject().Field("index", one.index).Field("relevance_score", one.score);
    if (call.return_documents) {
      writer.Key("document").BeginObject();
      writer.Field("text", call.request.inputs[one.index + 1].text).EndObject();
    }
    writer.EndObject();
  }
  writer.EndArray();
  if (const auto& tokens = vectors.usage.prompt_tokens) {
    writer.Key("usage").BeginObject().Field("prompt_tokens", *tokens);
    writer.Field("total_tokens", *tokens).EndObject();
    writer.Key("meta").BeginObject().Key("tokens").BeginObject();
    writer.Field("input_tokens", *tokens).EndObject().EndObject();
  }
  // Said where everything else about the decision is said: cosines are no scores of a reranker.
  std::string said(weir.substr(0, weir.rfind('}')));
  said += said.size() > 1 ? "," : "";
  said += vectors.ranked ? R"("rerank":{"method":"reranker","score":"sigmoid"}})"
                         : R"("rerank":{"method":"embeddings","score":"cosine"}})";
  writer.Key("weir").Raw(said).EndObject();
  return out;
}

std::string FieldOf(std::string_view param) {
  if (param == "input") return "documents";
  if (param == "input_tokens_max") return "max_tokens_per_doc";
  constexpr std::string_view kInput = "input[";
  if (!param.starts_with(kInput)) return std::string(param);
  size_t index = 0;
  const std::string_view rest = param.substr(kInput.size());
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
  if (error != std::errc()) return std::string(param);
  if (index == 0) return "query";
  return fmt::format("documents[{}{}", index - 1,
                     rest.substr(static_cast<size_t>(end - rest.data())));
}

std::string RenderError(const Error& error) {
  Error ours = error;
  ours.param = FieldOf(error.param);
  return openai::RenderError(ours);
}

}  // namespace weir::rerank
