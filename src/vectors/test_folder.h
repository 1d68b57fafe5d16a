// A folder of a test's own, for tests only: made empty, removed with all that is in it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/random.h"

namespace weir::vectors {

class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::path(testing::TempDir()) / NewId("weir-vectors-")) {
    std::filesystem::create_directory(path_);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

  // Everything in all its files, one behind the other.
  std::string Content() const {
    std::string content;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      content.append(std::istreambuf_iterator<char>(file), {});
    }
    return content;
  }
  size_t Bytes() const { return Content().size(); }

 private:
  std::filesystem::path path_;
};

}  // namespace weir::vectors
