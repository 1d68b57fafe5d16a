// Ollama's requests and answers about the models of a server: pull, create, copy, delete, push.
// Pure.
//
// What is known and cannot be done is refused by name; fields that are not known are ignored, as
// Ollama ignores them (docs/ollama.md lists all). Bounds: names of 512 bytes, texts of
// models::kManifestTextBytesMax, models::kParametersMax parameters, models::kTurnsMax messages, 64
// licences, one file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "models/modelfile.h"

namespace weir::ollama {

struct PullCall {
  std::string model = {};
  bool stream = true;
};

struct CreateCall {
  std::string model = {};
  models::Modelfile file = {};             // `from` is empty where a file is given
  std::vector<std::string> files = {};     // one, or a model and its projector in any order
  std::vector<std::string> adapters = {};  // of their files
  bool stream = true;
};

struct CopyCall {
  std::string source = {};
  std::string destination = {};
};

Result<PullCall> ReadPull(std::string_view body);
Result<CreateCall> ReadCreate(std::string_view body);
Result<CopyCall> ReadCopy(std::string_view body);
// The model of a delete.
Result<std::string> ReadDelete(std::string_view body);

// "sha256:" and 64 lower case digits; "sha256-..." is the same. The digits; kInvalidArgument.
Result<std::string> ReadDigest(std::string_view text);

// A line of a stream, with its newline, or the whole answer of a call that does not stream.
std::string RenderStatus(std::string_view status);
// `total` is 0 where nobody knows it.
std::string RenderProgress(std::string_view name, std::string_view sha256, uint64_t total,
                           uint64_t completed);

}  // namespace weir::ollama
