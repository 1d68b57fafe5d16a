// What is known of the documents of a collection: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chat/attributes.h"
#include "chat/label.h"

namespace weir::knowledge {

struct Limits {
  static constexpr size_t kNameBytes = 1024;       // of a document
  static constexpr size_t kCollectionBytes = 255;  // of a collection's name
  static constexpr size_t kChunksMax = 50'000;     // of one document
  static constexpr size_t kQuestionBytes = size_t{16} << 10;
  static constexpr size_t kHitsMax = 50;
  static constexpr size_t kContextBytesMax = size_t{256} << 10;
  static constexpr size_t kPageMax = 1000;       // documents in one list
  static constexpr int64_t kStoresMax = 10'000;  // of one tenant, through vector_store.h
  static constexpr int64_t kFilesMax = 100'000;  // of one collection, through vector_store.h
};

enum class DocumentStatus : uint8_t {
  kReading,    // it is being read, or was when the server ended: give it again
  kReady,      // every chunk of it can be found
  kFailed,     // `reason` and `message` say why; nothing of it can be found
  kDuplicate,  // another document of the collection has the same content, and is found instead
  kCancelled,  // somebody changed their mind before it was read; nothing of it can be found
};
std::string_view StatusName(DocumentStatus status);
DocumentStatus StatusFromName(std::string_view name);  // kReading for what is none

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
  int64_t created_s = 0;                           // when it was given first
  std::string file_id = {};          // of the kept file that it is; empty: it came by itself
  chat::Attributes attributes = {};  // what its owner says of it
  chat::Chunking chunking = {};
  std::string asked = {};  // who gave it, for work in the background; not looked at here

  bool operator==(const DocumentInfo&) const = default;
};

// What clients of vector stores call it by.
inline const std::string& FileIdOf(const DocumentInfo& document) {
  return document.file_id.empty() ? document.id : document.file_id;
}

// The name that a file was given: of several in a collection all but the first have longer ones as
// documents, "<file id>/<name>".
inline std::string_view FileNameOf(std::string_view document, std::string_view file_id) {
  const bool longer = !file_id.empty() && document.size() > file_id.size() &&
                      document.starts_with(file_id) && document[file_id.size()] == '/';
  return longer ? document.substr(file_id.size() + 1) : document;
}

// A collection as its tenant calls it: `full` is made by vectors::Joined, and so are the names of
// collections here.
std::string CollectionShown(std::string_view full);

Error NoCollection(const std::string& full);
// kConflict, reason model_changed: begin again, with the model that embeds it now.
Error ModelChanged(const std::string& full);

// A collection whose documents are being embedded by another model, in the background: searches go
// on with the vectors that are there until all have new ones.
struct ModelChange {
  std::string collection = {};
  std::string model = {};    // that it will be
  std::string asked = {};    // who wanted it, for work in the background; not looked at here
  std::string problem = {};  // why it does not go on, for people; it is tried again

  bool operator==(const ModelChange&) const = default;
};

struct CollectionInfo {
  std::string name = {};
  std::string model = {};  // that its vectors come from
  int64_t dimensions = 0;
  int64_t documents = 0;
  int64_t chunks = 0;
  int64_t bytes = 0;
};

}  // namespace weir::knowledge
