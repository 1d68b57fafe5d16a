#include "vectors/row_array.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "process/sanitizer.h"
#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

constexpr size_t kStride = 256;
constexpr uint32_t kRows = 3 * RowArray::kRowsPerPiece + 5;

void Append(RowArray& rows, uint32_t number) {
  std::memcpy(rows.Append() + kStride - sizeof(number), &number, sizeof(number));
}

uint32_t NumberAt(const RowArray::View& view, uint32_t row) {
  uint32_t number;
  std::memcpy(&number, view.At(row) + kStride - sizeof(number), sizeof(number));
  return number;
}

// KiB of memory that is this process's own, in no file.
int64_t OwnMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8));
  }
  return 0;
}

TEST(RowArray, ViewsKeepWhatTheySawWhileItGrows) {
  const TestFolder folder;
  for (const auto& path : {std::filesystem::path(), folder.path(), folder.path() / "not-there"}) {
    RowArray rows(kStride, path);
    for (uint32_t i = 0; i < 100; ++i) Append(rows, i);
    const RowArray::View early = rows.Look();
    const std::byte* first = early.At(0);
    for (uint32_t i = 100; i < kRows; ++i) Append(rows, i);
    const RowArray::View late = rows.Look();
    EXPECT_EQ(early.At(0), first);
    for (uint32_t i = 0; i < 100; ++i) ASSERT_EQ(NumberAt(early, i), i);
    for (uint32_t i = 0; i < kRows; ++i) ASSERT_EQ(NumberAt(late, i), i) << path;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(RowArray, OfManyRowsLieInAFile) {
  if (kSanitizerBuild) GTEST_SKIP() << "a sanitizer has memory of its own for each byte";
  const TestFolder folder;
  const int64_t before = OwnMemory();
  RowArray rows(kStride, folder.path());
  for (uint32_t i = 0; i < kRows; ++i) Append(rows, i);
  EXPECT_LT(OwnMemory() - before, int64_t{kRows * kStride / 1024 / 2});
}

}  // namespace
}  // namespace weir::vectors
