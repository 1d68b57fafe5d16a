// A file that somebody gave to be kept: plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "chat/label.h"

namespace weir::files {

struct Limits {
  static constexpr size_t kNameBytes = 1024;
  static constexpr size_t kPageMax = 10'000;  // files in one list
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
struct Upload {
  std::string name = {};
  std::string purpose = {};
  std::shared_ptr<const std::string> holder = {};
  std::string_view content = {};
  int64_t lifetime_s = 0;  // 0: for good
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
