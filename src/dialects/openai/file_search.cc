#include "dialects/openai/file_search.h"

#include "dialects/openai/attributes.h"
#include "dialects/openai/common_fields.h"

namespace weir::openai {
namespace {

using chat::FileSearch;

void ReadHybrid(json::Fields& options, FileSearch& out) {
  auto hybrid = options.Nested("hybrid_search");
  if (!hybrid) return;
  const double vector = hybrid->Require().Number("embedding_weight", 0, 1000).value_or(1);
  const double words = hybrid->Require().Number("text_weight", 0, 1000).value_or(1);
  if (vector + words <= 0) {
    hybrid->Refuse("embedding_weight", "and text_weight are both 0");
  } else {
    out.vector_weight = static_cast<float>(vector / (vector + words));
  }
  hybrid->RefuseUnread();
}

}  // namespace

void ReadRanking(json::Fields& fields, FileSearch& out) {
  auto options = fields.Nested("ranking_options");
  if (!options) return;
  // The ranker here has no name of OpenAI's.
  const auto ranker = options->String("ranker", kNameBytesMax);
  if (ranker && *ranker != "auto" && *ranker != "none") {
    RefuseUnsupported(*options, "ranker",
                      "auto is the reranking model of this machine, where there is one, and none "
                      "is none; there is no other here");
  }
  out.rerank = ranker.value_or("auto") != "none";
  out.score_threshold = static_cast<float>(options->Number("score_threshold", 0, 1).value_or(0));
  ReadHybrid(*options, out);
  options->RefuseUnread();
}

chat::FileSearch ReadFileSearch(json::Fields& tool) {
  FileSearch out;
  out.collections =
      tool.Require().Strings("vector_store_ids", FileSearch::kCollectionsMax, kNameBytesMax);
  if (out.collections.empty()) tool.Refuse("vector_store_ids", "is empty");
  const FileSearch defaults;
  out.hits =
      static_cast<size_t>(tool.Int("max_num_results", 1, static_cast<int64_t>(FileSearch::kHitsMax))
                              .value_or(static_cast<int64_t>(defaults.hits)));
  // Our own: how much of what stands around the hits is given along.
  out.context_tokens = static_cast<size_t>(
      tool.Int("context_tokens", 0, static_cast<int64_t>(FileSearch::kContextTokensMax))
          .value_or(static_cast<int64_t>(defaults.context_tokens)));
  // And this is of its search in vector stores.
  out.rewrite = tool.Bool("rewrite_query").value_or(false);
  ReadRanking(tool, out);
  out.filter = ReadFilter(tool, "filters");
  tool.RefuseUnread();
  return out;
}

}  // namespace weir::openai
