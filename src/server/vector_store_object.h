// Vector stores, their files and batches as OpenAI's objects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/writer.h"
#include "knowledge/passages.h"
#include "knowledge/vector_store.h"

namespace weir::server {

// With the id that its lists page by.
struct ShownStore {
  std::string id = {};
  knowledge::StoreInfo store = {};
  int64_t now_s = 0;
};
struct ShownFile {
  std::string id = {};
  std::string store_id = {};
  int64_t dimensions = 0;  // of the vectors, for what it takes
  knowledge::DocumentInfo document = {};
};

void AppendStore(json::Writer& writer, const ShownStore& shown);
void AppendStoreFile(json::Writer& writer, const ShownFile& shown);
std::string RenderBatch(const knowledge::BatchInfo& batch, std::string_view store_id);
std::string RenderFound(const std::vector<std::string>& queries,
                        const std::vector<knowledge::Passage>& passages);
// The texts of a file, chunk by chunk.
std::string RenderTexts(const std::vector<std::string>& texts);

}  // namespace weir::server
