// A file that somebody gave to be kept, and a large one that comes in parts: plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/label.h"

namespace weir::files {

struct Limits {
  static constexpr size_t kNameBytes = 1024;
  static constexpr size_t kPageMax = 10'000;     // files in one list
  static constexpr int64_t kUploadsMax = 1'000;  // of a tenant that wait for parts
  static constexpr int64_t kPartsMax = 10'000;   // of one upload
  static constexpr int64_t kUploadLifeS = 3'600;
  int64_t tenant_bytes_max = int64_t{4} << 30;
  int64_t tenant_files_max = 100'000;
};

struct FileInfo {
  std::string id = {};  // "file-" and what nobody can guess
  std::string name = {};
  std::string purpose = {};
  int64_t bytes = 0;
  int64_t created_s = 0;  // Unix seconds
  int64_t expires_s = 0;  // 0: it stays
  // That its owner gave it; and the least that it has, from the key that it came with.
  std::optional<chat::Label> label = {};
  chat::Label label_floor = chat::Label::kPublic;

  bool operator==(const FileInfo&) const = default;
};

// `content` is a part of `holder`, so that a large one is not copied.
struct FileToKeep {
  std::string name = {};
  std::string purpose = {};
  std::shared_ptr<const std::string> holder = {};
  std::string_view content = {};
  int64_t lifetime_s = 0;  // 0: for good
  std::optional<chat::Label> label = {};
  chat::Label label_floor = chat::Label::kPublic;
};

// A file that comes in parts. Its parts count as kept until it is completed, cancelled or expired.
enum class UploadStatus : uint8_t { kPending, kCompleted, kCancelled, kExpired };

struct UploadToBegin {
  std::string name = {};
  std::string purpose = {};
  int64_t bytes = 0;       // of all parts together
  int64_t lifetime_s = 0;  // of the file; 0: for good
  std::optional<chat::Label> label = {};
  chat::Label label_floor = chat::Label::kPublic;
};

struct UploadInfo {
  std::string id = {};  // "upload_" and what nobody can guess
  std::string name = {};
  std::string purpose = {};
  int64_t bytes = 0;
  int64_t created_s = 0;
  int64_t expires_s = 0;  // of the upload
  UploadStatus status = UploadStatus::kPending;
  int64_t lifetime_s = 0;
  // The highest of all that brought a piece of it.
  std::optional<chat::Label> label = {};
  chat::Label label_floor = chat::Label::kPublic;
  std::string file_id = {};           // of one that is completed
  std::optional<FileInfo> file = {};  // while it is there
};

struct PartToKeep {
  std::string upload_id = {};
  std::shared_ptr<const std::string> holder = {};
  std::string_view content = {};
  std::optional<chat::Label> label = {};
  chat::Label label_floor = chat::Label::kPublic;
};

struct PartInfo {
  std::string id = {};  // "part_..."
  std::string upload_id = {};
  int64_t created_s = 0;
};

struct UploadToComplete {
  std::string upload_id = {};
  std::vector<std::string> part_ids = {};  // in the order of the file
  std::string md5 = {};                    // lower case hexadecimal; empty: not checked
  std::optional<chat::Label> label = {};
  chat::Label label_floor = chat::Label::kPublic;
};

struct ListQuery {
  std::string purpose = {};  // empty: all
  std::string after = {};    // the id of the last file of the page before; empty: from the start
  size_t limit = kLimitDefault;
  bool oldest_first = false;

  static constexpr size_t kLimitDefault = Limits::kPageMax;
};

}  // namespace weir::files
