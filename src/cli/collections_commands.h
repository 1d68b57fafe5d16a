// weir collections: list, show and rm, through the running server, or on the data folder itself
// when none runs; embed (embed_collection.cc) has a server of its own then.
#pragma once

#include <string>

#include "cli/options.h"

namespace weir::cli {

struct CollectionOptions {
  std::string name = {};
  std::string database = {};  // empty: the default one
  bool all = false;           // of all tenants
  std::string model = {};     // of embed: empty: what `embedding` means
  bool detach = false;
  bool cancel = false;
};

int ListCollections(const Common& common, const CollectionOptions& options);
int ShowCollection(const Common& common, const CollectionOptions& options);
// Another model embeds it, in the server's background; waits until it does, unless told not to.
int EmbedCollection(const Common& common, const CollectionOptions& options);
int RemoveCollection(const Common& common, const CollectionOptions& options);

}  // namespace weir::cli
