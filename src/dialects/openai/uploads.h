// What OpenAI's clients ask of files and of uploads, which are files that come in parts, out of the
// bodies of their requests. Errors are kInvalidArgument and name the field.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/parse.h"

namespace weir::openai {

// What OpenAI's clients name. Here all are kept alike: a purpose is a word to list by.
inline constexpr std::array<std::string_view, 6> kFilePurposes = {
    "assistants", "batch", "fine-tune", "vision", "user_data", "evals"};

struct FileLimits {
  static constexpr int64_t kLifetimeLeastS = 3'600;
  static constexpr int64_t kLifetimeMostS = 2'592'000;
  static constexpr size_t kNameBytes = 1'024;
  static constexpr int64_t kUploadBytes = int64_t{1} << 40;  // what is kept is bounded beside
  static constexpr size_t kUploadParts = 10'000;
};

struct UploadToCreate {
  std::string name = {};
  std::string purpose = {};
  int64_t bytes = 0;
  int64_t lifetime_s = 0;  // of the file; 0: for good
};
// `mime_type` changes nothing: a file is what its content and its name say.
Result<UploadToCreate> ReadUploadToCreate(std::string_view body, const json::Limits& limits);

struct PartsToJoin {
  std::vector<std::string> part_ids = {};
  std::string md5 = {};  // lower case hexadecimal; empty: none was said
};
Result<PartsToJoin> ReadPartsToJoin(std::string_view body, const json::Limits& limits);

}  // namespace weir::openai
