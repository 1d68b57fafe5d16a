// Cases that lie in files beside the tests: what is read, and what must come out.
// WEIR_UPDATE_TESTDATA writes anew what comes out; read the difference before committing it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "json/parse.h"

namespace weir::testdata {

// Empty when there is no such file.
inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Fails the test unless the file holds just this.
inline void ExpectFile(const std::filesystem::path& path, const std::string& actual) {
  if (std::getenv("WEIR_UPDATE_TESTDATA") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << actual;
  }
  EXPECT_EQ(actual, ReadFile(path)) << path;
}

// Fails the test, and gives null, when the file is no JSON.
inline json::Value ParseFile(const std::filesystem::path& path) {
  auto value = json::Parse(ReadFile(path));
  EXPECT_TRUE(value) << path << ": " << (value ? "" : value.error().message);
  return value ? *value : json::Value();
}

}  // namespace weir::testdata
