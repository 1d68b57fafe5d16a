#include "vectors/checked_file.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>

#include "vectors/test_folder.h"

namespace weir::vectors {
namespace {

TEST(CheckedFile, CountsAsTheStandardDoes) {
  const std::string_view text = "123456789";
  EXPECT_EQ(Crc32c(0, std::as_bytes(std::span(text))), 0xe3069283U);
}

TEST(CheckedFile, GivesBackWhatWasWrittenAndNoticesEveryChange) {
  const TestFolder folder;
  const auto path = folder.path() / "file";
  std::mt19937 random(1);
  std::vector<std::byte> large(150'000);
  for (std::byte& byte : large) byte = static_cast<std::byte>(random());
  const std::vector<std::byte> small(3, std::byte{7});
  const std::span<const std::byte> parts[] = {small, {}, large};
  EXPECT_EQ(ReadCheckedFile(path, 5).error().code, Code::kNotFound);
  ASSERT_TRUE(WriteCheckedFile(path, 5, parts));
  const auto read = ReadCheckedFile(path, 5);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (std::vector<std::vector<std::byte>>{small, {}, large}));
  EXPECT_EQ(ReadCheckedFile(path, 6).error().reason, "index_damaged");

  const std::string whole = folder.Content();
  const auto refused = [&](std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(content.data(), static_cast<ssize_t>(content.size()));
    const auto again = ReadCheckedFile(path, 5);
    return !again && again.error().reason == "index_damaged";
  };
  for (size_t at = 0; at < whole.size(); at += at < 180 ? 1 : 4'001) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    EXPECT_TRUE(refused(flipped)) << "flipped at " << at;
    EXPECT_TRUE(refused(whole.substr(0, at))) << "cut at " << at;
  }
  EXPECT_TRUE(refused(whole + "x"));
  EXPECT_FALSE(refused(whole));
}

}  // namespace
}  // namespace weir::vectors
