#include "dialects/openai/uploads.h"

#include <algorithm>

#include "dialects/openai/common_fields.h"
#include "dialects/openai/read_body.h"

namespace weir::openai {
namespace {

constexpr size_t kMd5Digits = 32;

int64_t ReadLifetime(json::Fields& fields) {
  auto expires = fields.Nested("expires_after");
  if (!expires) return 0;
  expires->Require().Word<bool>("anchor", {{"created_at", true}});
  const int64_t seconds =
      expires->Require()
          .Int("seconds", FileLimits::kLifetimeLeastS, FileLimits::kLifetimeMostS)
          .value_or(0);
  expires->RefuseUnread();
  return seconds;
}

}  // namespace

Result<UploadToCreate> ReadUploadToCreate(std::string_view body, const json::Limits& limits) {
  return ReadBody<UploadToCreate>(body, limits, [](json::Fields& fields, UploadToCreate& upload) {
    upload.name = fields.Require().String("filename", FileLimits::kNameBytes).value_or("");
    if (const auto purpose = fields.Require().WordIndex("purpose", kFilePurposes))
      upload.purpose = kFilePurposes.at(*purpose);
    upload.bytes = fields.Require().Int("bytes", 0, FileLimits::kUploadBytes).value_or(0);
    fields.String("mime_type", kNameBytesMax);
    upload.lifetime_s = ReadLifetime(fields);
  });
}

Result<PartsToJoin> ReadPartsToJoin(std::string_view body, const json::Limits& limits) {
  return ReadBody<PartsToJoin>(body, limits, [](json::Fields& fields, PartsToJoin& parts) {
    parts.part_ids = fields.Require().Strings("part_ids", FileLimits::kUploadParts, kNameBytesMax);
    parts.md5 = fields.String("md5", kMd5Digits).value_or("");
    if (parts.md5.empty()) return;
    for (char& c : parts.md5) {
      if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    }
    const bool hex = std::ranges::all_of(
        parts.md5, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!hex || parts.md5.size() != kMd5Digits) fields.Refuse("md5", "takes 32 hexadecimal digits");
  });
}

}  // namespace weir::openai
