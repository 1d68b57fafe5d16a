#include "config/named_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::config {
namespace {

class NamedFiles : public testing::Test {
 protected:
  NamedFiles() { std::filesystem::create_directories(folder_); }
  ~NamedFiles() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / "weir_named_files";
};

TEST_F(NamedFiles, AreReadOnceAndHandedDown) {
  Settings settings;
  settings.prices.value = Write("prices.json", "first");
  settings.calibration.value = folder_ / "missing.json";
  settings.named_files = ReadNamedFiles(settings);
  EXPECT_THAT(settings.named_files, testing::ElementsAre(testing::Pair(*settings.prices, "first")));
  Write("prices.json", "second");
  EXPECT_EQ(TextOfNamed(settings, *settings.prices).value(), "first");
  EXPECT_EQ(TextOfNamed(settings, *settings.calibration).error().code, Code::kNotFound);
  settings.named_files.clear();
  EXPECT_EQ(TextOfNamed(settings, *settings.prices).value(), "second");
}

TEST_F(NamedFiles, AreBoundedInBothWays) {
  Settings settings;
  settings.prediction.value = Write("large.json", std::string(kNamedFileBytesMax + 5, ' '));
  EXPECT_EQ(TextOfNamed(settings, *settings.prediction).error().code, Code::kTooLarge);
  settings.named_files = ReadNamedFiles(settings);
  EXPECT_EQ(settings.named_files[*settings.prediction].size(), kNamedFileBytesMax + 1);
  EXPECT_EQ(TextOfNamed(settings, *settings.prediction).error().code, Code::kTooLarge);
}

TEST_F(NamedFiles, OfNoneNothingIsRead) {
  EXPECT_THAT(ReadNamedFiles(Settings()), testing::IsEmpty());
}

}  // namespace
}  // namespace weir::config
