// Reranking as Jina's and Cohere's clients ask for it, and llama-server's: a query and documents
// in, the documents in the order of how well they fit. Pure: text in, values out; any thread.
//
// A model that ranks says how well each document fits, from 0 to 1. With one that embeds the order
// is that of the cosine of the query's vector and the document's. RenderRerank says in the `weir`
// object which it was.
//
// Bounds: 1,000 documents, 1 MiB each, 16 MiB together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "chat/request.h"

namespace weir::rerank {

struct RerankCall {
  // Its inputs are the query and, behind it, the documents; its model is empty where none is named.
  chat::EmbedRequest request = {};
  size_t top_n = 0;  // at most as many as there are documents
  bool return_documents = false;
};

Result<RerankCall> ReadRerank(std::string_view body);

struct RankedDocument {
  size_t index = 0;
  double score = 0;
};
// Scores of a model that ranks, or cosines of unit vectors, the first of which is the query's; best
// first, equal ones in their order.
std::vector<RankedDocument> Ranked(const chat::Embeddings& vectors, size_t top_n);

// The answer; `weir` is the text of a JSON object.
struct RerankHead {
  std::string id = {};
  std::string model = {};
};
std::string RenderRerank(const RerankHead& head, const RerankCall& call,
                         const chat::Embeddings& vectors, std::string_view weir);

// What an engine says of an input, in the words of this route: "input[3]" is "documents[2]".
std::string FieldOf(std::string_view param);
std::string RenderError(const Error& error);

}  // namespace weir::rerank
