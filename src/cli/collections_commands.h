// weir collections: list, show and rm, through the running server, or on the data folder itself
// when none runs.
#pragma once

#include <string>

#include "cli/options.h"

namespace weir::cli {

struct CollectionOptions {
  std::string name = {};
  std::string database = {};  // empty: the default one
  bool all = false;           // of all tenants
};

int ListCollections(const Common& common, const CollectionOptions& options);
int ShowCollection(const Common& common, const CollectionOptions& options);
int RemoveCollection(const Common& common, const CollectionOptions& options);

}  // namespace weir::cli
