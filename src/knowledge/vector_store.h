// A collection as clients of vector stores see it: plain values. Every collection of a tenant's
// default database is one; those that such a client made have a name and more beside their id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chat/attributes.h"
#include "knowledge/document.h"

namespace weir::knowledge {

struct FileCounts {
  int64_t reading = 0;
  int64_t ready = 0;  // duplicates too
  int64_t failed = 0;
  int64_t cancelled = 0;

  int64_t total() const { return reading + ready + failed + cancelled; }
  void Add(DocumentStatus status, int64_t count);
  bool operator==(const FileCounts&) const = default;
};

struct StoreInfo {
  std::string collection = {};  // its full name
  std::string name = {};        // need not be its own alone
  std::string description = {};
  std::string metadata_json = {};  // text of an object; empty: none
  int64_t created_s = 0;
  int64_t active_s = 0;      // when it was last searched or given a file
  int64_t expires_days = 0;  // without being active; 0: never
  bool made_here = false;    // whether a client of vector stores made it
  FileCounts files = {};
  int64_t dimensions = 0;  // of its vectors; 0: it has none yet
  int64_t bytes = 0;       // of the files that can be found, and of their vectors

  int64_t expires_s() const {
    constexpr int64_t kDayS = 86'400;
    return expires_days == 0 ? 0 : active_s + expires_days * kDayS;
  }
  bool HasExpired(int64_t now_s) const { return expires_days > 0 && expires_s() <= now_s; }
  bool operator==(const StoreInfo&) const = default;
};

// What is not set stays.
struct StoreChange {
  std::optional<std::string> name = {};
  std::optional<std::string> metadata_json = {};
  std::optional<int64_t> expires_days = {};
};

// A kept file that is to become a part of a collection.
struct FileWish {
  std::string file_id = {};
  std::string name = {};
  int64_t bytes = 0;
  std::optional<chat::Label> label = {};
  chat::Attributes attributes = {};
  chat::Chunking chunking = {};
  std::string asked = {};  // DocumentInfo::asked
};

struct BatchInfo {
  std::string id = {};
  std::string collection = {};
  int64_t created_s = 0;
  bool cancelled = false;
  FileCounts files = {};  // those that are still there
};

struct FilesQuery {
  std::optional<DocumentStatus> status = {};  // kReady stands for duplicates too
  std::string batch = {};                     // empty: all of the collection
  std::string after = {};                     // ids of files or documents; at most one of the two
  std::string before = {};
  size_t limit = 20;
  bool oldest_first = false;
};

}  // namespace weir::knowledge
