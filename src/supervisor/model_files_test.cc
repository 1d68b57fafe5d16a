#include "supervisor/model_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace weir {
namespace {

class ModelFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_models_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    std::filesystem::create_directories(folder_ + "/models/deep");
    std::filesystem::create_directories(folder_ + "/models-not");
    for (const char* name : {"/models/deep/a.gguf", "/models-not/b.gguf", "/secret"}) {
      std::ofstream(folder_ + name) << "GGUF";
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // "ok", or the code's name.
  std::string Open(const std::string& name, std::vector<std::string> allowed = {"/models"}) const {
    for (std::string& entry : allowed) entry = folder_ + entry;
    const auto fd = ModelFiles(allowed).Open(folder_ + name);
    return fd ? "ok" : std::string(CodeName(fd.error().code));
  }
  std::string folder_;
};

TEST_F(ModelFilesTest, OpensBelowAnAllowedFolder) {
  EXPECT_EQ(Open("/models/deep/a.gguf"), "ok");
  EXPECT_EQ(Open("/models/deep/../deep/a.gguf"), "ok");
}

TEST_F(ModelFilesTest, OpensASingleAllowedFile) {
  EXPECT_EQ(Open("/models-not/b.gguf", {"/models-not/b.gguf"}), "ok");
}

TEST_F(ModelFilesTest, RefusesWhatLiesOutside) {
  EXPECT_EQ(Open("/secret"), "forbidden");
  EXPECT_EQ(Open("/models/../secret"), "forbidden");
  EXPECT_EQ(Open("/models-not/b.gguf"), "forbidden") << "a prefix of a name is not a folder";
  EXPECT_EQ(Open("/models/deep/a.gguf", {}), "forbidden");
  EXPECT_EQ(Open("/models/deep/a.gguf", {"/missing"}), "forbidden");
}

TEST_F(ModelFilesTest, ALinkCountsAsWhatItPointsTo) {
  std::filesystem::create_symlink(folder_ + "/secret", folder_ + "/models/link.gguf");
  std::filesystem::create_symlink(folder_ + "/models/deep/a.gguf", folder_ + "/outside.gguf");
  EXPECT_EQ(Open("/models/link.gguf"), "forbidden");
  EXPECT_EQ(Open("/outside.gguf"), "ok");
}

TEST_F(ModelFilesTest, RefusesWhatIsNoRegularFileWithoutWaiting) {
  ASSERT_EQ(mkfifo((folder_ + "/models/pipe").c_str(), 0600), 0);
  EXPECT_EQ(Open("/models/pipe"), "unprocessable");
  EXPECT_EQ(Open("/models/deep"), "unprocessable");
  EXPECT_EQ(Open("/models/missing"), "not_found");
}

}  // namespace
}  // namespace weir
