// A shelf over a registry and a vector database in a folder of its own, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "knowledge/shelf.h"
#include "vectors/store.h"

namespace weir::knowledge {

class ShelfFixture : public testing::Test {
 protected:
  ShelfFixture() {
    std::string pattern = testing::TempDir() + "weir-shelf-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Open();
  }
  ~ShelfFixture() override {
    Close();
    std::filesystem::remove_all(folder_);
  }

  // Again over the same files, as after a start.
  void Open() {
    Close();
    store_ = vectors::Store::Open(folder_ / "vectors").value();
    shelf_.emplace(Registry::Open(folder_ / "knowledge.db").value(), *store_);
  }

  std::filesystem::path folder_;
  std::shared_ptr<vectors::Store> store_;
  std::optional<Shelf> shelf_;

 private:
  void Close() {
    shelf_.reset();
    store_.reset();
  }
};

}  // namespace weir::knowledge
