// What is known of the documents of a collection: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chat/label.h"

namespace weir::knowledge {

struct Limits {
  static constexpr size_t kNameBytes = 1024;       // of a document
  static constexpr size_t kCollectionBytes = 255;  // of a collection's name
  static constexpr size_t kChunksMax = 50'000;     // of one document
  static constexpr size_t kQuestionBytes = size_t{16} << 10;
  static constexpr size_t kHitsMax = 50;
  static constexpr size_t kContextBytesMax = size_t{256} << 10;
  static constexpr size_t kPageMax = 1000;  // documents in one list
};

enum class DocumentStatus : uint8_t {
  kReading,    // it is being read, or was when the server ended: give it again
  kReady,      // every chunk of it can be found
  kFailed,     // `reason` and `message` say why; nothing of it can be found
  kDuplicate,  // another document of the collection has the same content, and is found instead
};
std::string_view StatusName(DocumentStatus status);

struct DocumentInfo {
  std::string id = {};  // follows from collection and name
  std::string collection = {};
  std::string name = {};
  std::string title = {};
  std::string sha256 = {};  // of its bytes
  std::string kind = {};    // KindName
  int64_t bytes = 0;
  int64_t pages = 0;  // 0: its format has none
  int64_t chunks = 0;
  DocumentStatus status = DocumentStatus::kReading;
  std::optional<chat::Label> label = {};           // that its owner gave it
  chat::Label found_label = chat::Label::kPublic;  // the highest of its chunks
  std::string reason = {};                         // kFailed: "broken_document", ...
  std::string message = {};                        // kFailed: for people
  std::string duplicate_of = {};                   // kDuplicate: the other's name
  int64_t updated_s = 0;                           // Unix seconds

  bool operator==(const DocumentInfo&) const = default;
};

// A collection as its tenant calls it: `full` is made by vectors::Joined, and so are the names of
// collections here.
std::string CollectionShown(std::string_view full);

struct CollectionInfo {
  std::string name = {};
  std::string model = {};  // that its vectors come from
  int64_t dimensions = 0;
  int64_t documents = 0;
  int64_t chunks = 0;
  int64_t bytes = 0;
};

}  // namespace weir::knowledge
