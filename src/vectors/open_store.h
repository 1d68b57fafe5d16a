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
#include "vectors/open_collection.h"

namespace weir::vectors {

class OpenStore {
 public:
  static Result<std::shared_ptr<OpenStore>> Open(const std::filesystem::path& folder, bool check);

  Result<std::shared_ptr<OpenCollection>> Create(const CollectionSpec& spec);
  Result<std::shared_ptr<OpenCollection>> Find(std::string_view name);
  std::vector<CollectionSpec> List();
  Result<void> Drop(std::string_view name);
  Result<void> Snapshot(const std::filesystem::path& folder);

  explicit OpenStore(std::shared_ptr<Files> files) : files_(std::move(files)) {}

 private:
  const std::shared_ptr<Files> files_;
  Mutex naming_;  // taken before files_->writing
  std::map<std::string, std::shared_ptr<OpenCollection>, std::less<>> collections_
      GUARDED_BY(naming_);
};

}  // namespace weir::vectors
