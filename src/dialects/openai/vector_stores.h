// What OpenAI's clients ask of vector stores, out of the bodies of their requests. Errors are
// kInvalidArgument and name the field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/attributes.h"
#include "chat/file_search.h"
#include "json/parse.h"

namespace weir::openai {

struct VectorStoreLimits {
  static constexpr size_t kNameBytes = 256;
  static constexpr size_t kDescriptionBytes = 4096;
  static constexpr int64_t kDaysMax = 365;
  static constexpr size_t kFilesAtCreation = 500;
  static constexpr size_t kFilesOfBatch = 2000;
  static constexpr size_t kQueries = 8;
  static constexpr size_t kQueryBytes = size_t{16} << 10;
  static constexpr size_t kResults = 10;
};

struct FileToAdd {
  std::string file_id = {};
  chat::Attributes attributes = {};
  chat::Chunking chunking = {};

  bool operator==(const FileToAdd&) const = default;
};

struct StoreToCreate {
  std::string name = {};
  std::string description = {};
  std::string metadata_json = {};
  int64_t expires_days = 0;  // without being used; 0: never
  std::vector<FileToAdd> files = {};
};
Result<StoreToCreate> ReadStoreToCreate(std::string_view body, const json::Limits& limits);

// What is absent stays; an expires_after of null is 0 days.
struct StoreToChange {
  std::optional<std::string> name = {};
  std::optional<std::string> metadata_json = {};
  std::optional<int64_t> expires_days = {};
};
Result<StoreToChange> ReadStoreToChange(std::string_view body, const json::Limits& limits);

Result<FileToAdd> ReadFileToAdd(std::string_view body, const json::Limits& limits);
Result<std::vector<FileToAdd>> ReadBatchToAdd(std::string_view body, const json::Limits& limits);
Result<chat::Attributes> ReadAttributesToSet(std::string_view body, const json::Limits& limits);

struct StoreSearch {
  std::vector<std::string> queries = {};
  chat::FileSearch where = {};  // its collections are the caller's to fill
};
Result<StoreSearch> ReadStoreSearch(std::string_view body, const json::Limits& limits);

}  // namespace weir::openai
