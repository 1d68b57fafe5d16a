#include "dialects/openai/vector_stores.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "dialects/openai/attributes.h"
#include "dialects/openai/common_fields.h"
#include "dialects/openai/file_search.h"
#include "dialects/openai/read_body.h"

namespace weir::openai {
namespace {

using StoreLimits = VectorStoreLimits;

int64_t ReadDays(json::Fields& fields) {
  auto expires = fields.Nested("expires_after");
  if (!expires) return 0;
  expires->Require().Word<bool>("anchor", {{"last_active_at", true}});
  const int64_t days = expires->Require().Int("days", 1, StoreLimits::kDaysMax).value_or(0);
  expires->RefuseUnread();
  return days;
}

void ReadFile(json::Fields& fields, FileToAdd& file) {
  file.file_id = fields.Require().String("file_id", kNameBytesMax).value_or("");
  file.attributes = ReadAttributes(fields, "attributes").value_or(chat::Attributes());
  file.chunking = ReadChunking(fields, "chunking_strategy");
}

void ReadQueries(json::Fields& fields, StoreSearch& search) {
  const json::Value* query = fields.Require().Take("query");
  if (query == nullptr) return;
  if (query->AsArray() != nullptr) {
    search.queries = fields.Strings("query", StoreLimits::kQueries, StoreLimits::kQueryBytes);
    if (search.queries.empty()) fields.Refuse("query", "is empty");
  } else {
    search.queries.push_back(fields.String("query", StoreLimits::kQueryBytes).value_or(""));
  }
  for (const std::string& text : search.queries) {
    if (text.empty()) fields.Refuse("query", "has an empty text");
  }
}

}  // namespace

Result<StoreToCreate> ReadStoreToCreate(std::string_view body, const json::Limits& limits) {
  return ReadBody<StoreToCreate>(body, limits, [](json::Fields& fields, StoreToCreate& store) {
    store.name = fields.String("name", StoreLimits::kNameBytes).value_or("");
    store.description = fields.String("description", StoreLimits::kDescriptionBytes).value_or("");
    store.metadata_json = ReadMetadata(fields).value_or("");
    store.expires_days = ReadDays(fields);
    const chat::Chunking chunking = ReadChunking(fields, "chunking_strategy");
    for (std::string& id : fields.Strings("file_ids", StoreLimits::kFilesAtCreation, kNameBytesMax))
      store.files.push_back({.file_id = std::move(id), .chunking = chunking});
  });
}

Result<StoreToChange> ReadStoreToChange(std::string_view body, const json::Limits& limits) {
  return ReadBody<StoreToChange>(body, limits, [](json::Fields& fields, StoreToChange& change) {
    change.name = fields.String("name", StoreLimits::kNameBytes);
    change.metadata_json = ReadMetadata(fields);
    // A null, which readers of fields do not tell from nothing, takes the time away.
    const auto unread = fields.Unread();
    const bool named = std::ranges::find(unread, "expires_after") != unread.end();
    if (const int64_t days = ReadDays(fields); named) change.expires_days = days;
  });
}

Result<FileToAdd> ReadFileToAdd(std::string_view body, const json::Limits& limits) {
  return ReadBody<FileToAdd>(body, limits, ReadFile);
}

Result<std::vector<FileToAdd>> ReadBatchToAdd(std::string_view body, const json::Limits& limits) {
  using Files = std::vector<FileToAdd>;
  return ReadBody<Files>(body, limits, [](json::Fields& fields, Files& files) {
    const auto attributes = ReadAttributes(fields, "attributes");
    const chat::Chunking chunking = ReadChunking(fields, "chunking_strategy");
    for (std::string& id : fields.Strings("file_ids", StoreLimits::kFilesOfBatch, kNameBytesMax)) {
      files.push_back({.file_id = std::move(id),
                       .attributes = attributes.value_or(chat::Attributes()),
                       .chunking = chunking});
    }
    const json::Array* own = fields.List("files", StoreLimits::kFilesOfBatch);
    if (own == nullptr) {
      if (files.empty()) fields.Refuse("file_ids", "is empty, and so is files");
      return;
    }
    // As OpenAI: with `files`, what would hold for all is said for each.
    if (!files.empty()) return fields.Refuse("files", "and file_ids exclude each other");
    if (attributes || chunking != chat::Chunking())
      return fields.Refuse("files", "has attributes and chunking_strategy of its own");
    for (size_t i = 0; i < own->size() && !fields.problem(); ++i) {
      json::Fields one(fields.problem(), (*own)[i], fields.PathOf("files", i));
      ReadFile(one, files.emplace_back());
      one.RefuseUnread();
    }
    if (files.empty()) fields.Refuse("files", "is empty");
  });
}

Result<chat::Attributes> ReadAttributesToSet(std::string_view body, const json::Limits& limits) {
  return ReadBody<chat::Attributes>(
      body, limits, [](json::Fields& fields, chat::Attributes& attributes) {
        const auto unread = fields.Unread();
        if (std::ranges::find(unread, "attributes") == unread.end())
          fields.Refuse("attributes", "is missing");
        attributes = ReadAttributes(fields, "attributes").value_or(chat::Attributes());
      });
}

Result<StoreSearch> ReadStoreSearch(std::string_view body, const json::Limits& limits) {
  return ReadBody<StoreSearch>(body, limits, [](json::Fields& fields, StoreSearch& search) {
    ReadQueries(fields, search);
    search.where.context_tokens = 0;
    search.where.hits = static_cast<size_t>(
        fields.Int("max_num_results", 1, static_cast<int64_t>(chat::FileSearch::kHitsMax))
            .value_or(static_cast<int64_t>(StoreLimits::kResults)));
    search.where.rewrite = fields.Bool("rewrite_query").value_or(false);
    ReadRanking(fields, search.where);
    search.where.filter = ReadFilter(fields, "filters");
  });
}

}  // namespace weir::openai
