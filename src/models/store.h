// The models on this machine: reads <root>/manifests/<FolderOf(name)>/<tag>.json and
// <root>/blobs/sha256-<hex>. Reading alone; whoever writes (tools/fetch_models, a pull) commits by
// rename, so a reader sees a model whole or not at all.
//
// Names that clients send come in here and nowhere else become paths: ParseName's grammar, then
// openat below the root without following a symbolic link; what is opened has to be a regular file
// of the size that its manifest says. The root itself may be a link: the operator chose it.
//
// Holds no state but the root's path, keeps nothing open, and may be used from any thread. A lookup
// by full name reads one small file; listing reads all manifests (1,000 in under 50 ms), at most
// kModelsMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/catalogue.h"
#include "models/found.h"
#include "models/manifest.h"
#include "process/fd.h"

namespace weir::models {

inline constexpr size_t kModelsMax = 10'000;

struct OpenedModel {
  std::string name;    // "smollm2:135m"; for a file given by path its stem
  std::string sha256;  // empty for a file given by path
  uint64_t size = 0;   // bytes
  std::string path;    // for logs of the operator and programs that take a path; the descriptor is
                       // what was checked
  Fd fd;               // read only, close-on-exec
  std::vector<std::string> adapters = {};  // their paths
  std::string projector = {};              // its path; empty: the model sees no images
  uint64_t beside_bytes = 0;               // of adapters and projector together
};

struct Listing {
  std::vector<Manifest> models;       // by name
  std::vector<std::string> problems;  // one line for each manifest or folder that could not be read
};

class Store {
 public:
  // `catalogue` outlives the store. The root need not exist: a store without it is empty.
  explicit Store(std::string root, const Catalogue& catalogue = Catalogue::BuiltIn());
  // Models of other programs' folders count too, behind the store's own: by whole name, or by a
  // beginning that fits one alone. Each look-up that finds nothing in the store walks `places`.
  Store(std::string root, Places places, const Catalogue& catalogue = Catalogue::BuiltIn());

  Listing List() const;

  // In this order: name:tag; a name alone (its tag `latest`, or its only one); an alias of the
  // catalogue (`fast`); a beginning that fits one model alone, of at least kPrefixMin letters.
  // kInvalidArgument: not a name. kNotFound (reason "model_not_found"): none or several fit; the
  // message says near names, or how to fetch it when the catalogue has it.
  Result<Manifest> Resolve(std::string_view name) const;

  // Resolve, then the blob. kUnavailable when the manifest is there and its blob, or that of an
  // adapter or its projector, is missing, damaged or a link.
  Result<OpenedModel> Open(std::string_view name) const;

  // A file of the store by its sha256, whether or not a name points to it. kNotFound,
  // "blob_not_found".
  Result<Fd> OpenBlob(std::string_view sha256) const;
  // The stored model that is meant by a whole name, or by one whose tag was left out: a beginning
  // is enough to run a model, not to remove it. kInvalidArgument; with a tag it need not be there.
  Result<Name> WholeName(std::string_view name) const;

  const std::string& root() const { return root_; }

  static constexpr size_t kPrefixMin = 3;

 private:
  Result<Manifest> ReadManifest(const Name& name) const;
  Result<Manifest> ResolveBare(const Name& name) const;
  Error NotFound(std::string_view name) const;
  Result<OpenedModel> OpenFound(const Manifest& manifest) const;
  Fd OpenBlobOr(std::string_view sha256) const;  // invalid when there is none
  Result<Fd> OpenStored(const Manifest& manifest, const StoredFile& file) const;
  std::string PathOf(std::string_view sha256) const;

  std::string root_;
  Places places_ = {};
  const Catalogue* catalogue_;
};

// A model file that the operator named on the command line (`weir serve -m model.gguf`). Never for
// names out of requests. Links are followed; kNotFound, kForbidden, kInvalidArgument when it is no
// regular file.
Result<OpenedModel> OpenModelFile(const std::string& path);

}  // namespace weir::models
