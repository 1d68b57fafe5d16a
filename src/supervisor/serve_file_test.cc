#include "supervisor/serve_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace weir {
namespace {

class ServeFile : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_serve_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Content() const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/serve.json").rdbuf();
    return text.str();
  }
  std::string folder_;
};

TEST_F(ServeFile, HoldsAddressesAndProcessIdAndGoesAgain) {
  ASSERT_TRUE(WriteServeFile(folder_, {"http://127.0.0.1:1", "http://[::1]:2"}, 47));
  EXPECT_EQ(Content(),
            "{\"address\":\"http://127.0.0.1:1\",\"addresses\":[\"http://127.0.0.1:1\","
            "\"http://[::1]:2\"],\"pid\":47}\n");
  RemoveServeFile(folder_);
  EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "no temporary file stays";
}

TEST_F(ServeFile, RefusesAddressesThatWouldNeedEscaping) {
  for (const char* address : {"", "http://a\"b", "http://a\\b", "http://a\nb", "http://a b"}) {
    EXPECT_FALSE(WriteServeFile(folder_, {address}, 1)) << address;
  }
  EXPECT_FALSE(WriteServeFile(folder_, {}, 1));
  EXPECT_FALSE(WriteServeFile(folder_, std::vector<std::string>(17, "http://a"), 1));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ServeFile, DoesNotWriteThroughALink) {
  std::ofstream(folder_ + "/victim") << "precious";
  std::filesystem::create_symlink(folder_ + "/victim", folder_ + "/serve.json.new");
  EXPECT_FALSE(WriteServeFile(folder_, {"http://a"}, 1));
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/victim"), 8u);
}

}  // namespace
}  // namespace weir
