#include "server/vector_store_object.h"

#include <algorithm>
#include <array>

#include "knowledge/attributes.h"
#include "knowledge/chunker.h"

namespace weir::server {
namespace {

using knowledge::DocumentStatus;

constexpr int64_t kBytesPerToken = 4;

std::string_view StatusWord(DocumentStatus status) {
  switch (status) {
    case DocumentStatus::kReading:
      return "in_progress";
    case DocumentStatus::kReady:
    case DocumentStatus::kDuplicate:
      return "completed";
    case DocumentStatus::kFailed:
      return "failed";
    case DocumentStatus::kCancelled:
      return "cancelled";
  }
  return "failed";
}

// OpenAI's three words for why a file failed; ours is in the message's place beside it.
std::string_view ErrorCode(std::string_view reason) {
  constexpr std::array<std::string_view, 5> kInvalid = {"broken_document", "encrypted_document",
                                                        "empty_document", "document_too_large",
                                                        "document_too_slow"};
  if (reason == "unsupported_document") return "unsupported_file";
  return std::ranges::find(kInvalid, reason) != kInvalid.end() ? "invalid_file" : "server_error";
}

void AppendCounts(json::Writer& writer, const knowledge::FileCounts& counts) {
  writer.Key("file_counts")
      .BeginObject()
      .Field("in_progress", counts.reading)
      .Field("completed", counts.ready)
      .Field("failed", counts.failed)
      .Field("cancelled", counts.cancelled)
      .Field("total", counts.total())
      .EndObject();
}

std::string_view StatusOf(const ShownStore& shown) {
  if (shown.store.HasExpired(shown.now_s)) return "expired";
  return shown.store.files.reading > 0 ? "in_progress" : "completed";
}

}  // namespace

void AppendStore(json::Writer& writer, const ShownStore& shown) {
  const knowledge::StoreInfo& store = shown.store;
  writer.BeginObject()
      .Field("id", shown.id)
      .Field("object", "vector_store")
      .Field("created_at", store.created_s)
      .Field("name", store.name)
      .Field("description", store.description)
      .Field("usage_bytes", store.bytes);
  AppendCounts(writer, store.files);
  writer.Field("status", StatusOf(shown)).Key("expires_after");
  if (store.expires_days > 0) {
    writer.BeginObject().Field("anchor", "last_active_at").Field("days", store.expires_days);
    writer.EndObject().Field("expires_at", store.expires_s());
  } else {
    writer.Null().Key("expires_at").Null();
  }
  writer.Field("last_active_at", store.active_s).Key("metadata");
  writer.Raw(store.metadata_json.empty() ? "{}" : store.metadata_json).EndObject();
}

void AppendStoreFile(json::Writer& writer, const ShownFile& shown) {
  const knowledge::DocumentInfo& document = shown.document;
  const bool kept = document.status == DocumentStatus::kReady;
  const int64_t vectors = document.chunks * shown.dimensions * int64_t{sizeof(float)};
  writer.BeginObject()
      .Field("id", shown.id)
      .Field("object", "vector_store.file")
      .Field("created_at", document.created_s)
      .Field("vector_store_id", shown.store_id)
      .Field("usage_bytes", kept ? document.bytes + vectors : 0)
      .Field("status", StatusWord(document.status))
      .Key("last_error");
  if (document.status == DocumentStatus::kFailed) {
    writer.BeginObject()
        .Field("code", ErrorCode(document.reason))
        .Field("message", document.message)
        .Field("reason", document.reason)
        .EndObject();
  } else {
    writer.Null();
  }
  const knowledge::ChunkLimits ours;
  const chat::Chunking& asked = document.chunking;
  writer.Key("chunking_strategy").BeginObject().Field("type", "static").Key("static");
  writer.BeginObject()
      .Field("max_chunk_size_tokens", asked.tokens > 0
                                          ? asked.tokens
                                          : static_cast<int64_t>(ours.bytes_max) / kBytesPerToken)
      .Field("chunk_overlap_tokens", asked.overlap)
      .EndObject()
      .EndObject();
  writer.Key("attributes").Tree(knowledge::AttributesObject(document.attributes));
  // What a file's own object has in OpenAI's API; here a document may have none.
  writer.Field("filename", knowledge::FileNameOf(document.name, document.file_id)).EndObject();
}

std::string RenderBatch(const knowledge::BatchInfo& batch, std::string_view store_id) {
  std::string body;
  json::Writer writer(&body);
  const bool works = batch.files.reading > 0;
  writer.BeginObject()
      .Field("id", batch.id)
      .Field("object", "vector_store.files_batch")
      .Field("created_at", batch.created_s)
      .Field("vector_store_id", store_id)
      .Field("status", batch.cancelled ? "cancelled" : (works ? "in_progress" : "completed"));
  AppendCounts(writer, batch.files);
  writer.EndObject();
  return body;
}

std::string RenderFound(const std::vector<std::string>& queries,
                        const std::vector<knowledge::Passage>& passages) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "vector_store.search_results.page");
  writer.Key("search_query").BeginArray();
  for (const std::string& query : queries) writer.String(query);
  writer.EndArray().Key("data").BeginArray();
  for (const knowledge::Passage& passage : passages) {
    writer.BeginObject()
        .Field("file_id", passage.file_id)
        .Field("filename", FileNameOf(passage))
        .Key("score")
        .Float(passage.score);
    writer.Key("attributes").Tree(knowledge::AttributesObject(passage.attributes));
    writer.Key("content").BeginArray().BeginObject();
    writer.Field("type", "text").Field("text", passage.text).EndObject().EndArray();
    // Our own: where it stands.
    writer.Field("place", PlaceOf(passage)).Field("section", passage.section);
    writer.Field("label", chat::LabelName(passage.label)).EndObject();
  }
  writer.EndArray().Field("has_more", false).Key("next_page").Null().EndObject();
  return body;
}

std::string RenderTexts(const std::vector<std::string>& texts) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "vector_store.file_content.page").Key("data").BeginArray();
  for (const std::string& text : texts)
    writer.BeginObject().Field("type", "text").Field("text", text).EndObject();
  writer.EndArray().Field("has_more", false).Key("next_page").Null().EndObject();
  return body;
}

}  // namespace weir::server
