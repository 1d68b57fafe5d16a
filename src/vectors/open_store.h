// An open store: its files and which collections it has. Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/mutex.h"
#include "base/result.h"
#include "vectors/files.h"
#include "vectors/keeper.h"
#include "vectors/open_collection.h"

namespace weir::vectors {

class OpenStore {
 public:
  static Result<std::shared_ptr<OpenStore>> Open(const std::filesystem::path& folder, bool check,
                                                 uint32_t graph_points_least);

  Result<std::shared_ptr<OpenCollection>> Create(const CollectionSpec& spec);
  Result<std::shared_ptr<OpenCollection>> Find(std::string_view name);
  std::vector<CollectionSpec> List();
  Result<void> Drop(std::string_view name);
  Result<void> Snapshot(const std::filesystem::path& folder);

  OpenStore(std::shared_ptr<Files> files, uint32_t graph_points_least);

 private:
  std::shared_ptr<OpenCollection> Make(CollectionRow row) const;

  const std::shared_ptr<Files> files_;
  const uint32_t graph_points_least_;
  Mutex naming_;  // taken before files_->writing
  std::map<std::string, std::shared_ptr<OpenCollection>, std::less<>> collections_
      GUARDED_BY(naming_);
  // Last, so that it ends first.
  const std::shared_ptr<Keeper> keeper_ = std::make_shared<Keeper>();
};

}  // namespace weir::vectors
