#include "process/environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace weir {
namespace {

bool Has(const std::vector<std::string>& all, const std::string& line) {
  return std::ranges::find(all, line) != all.end();
}

TEST(EnvironmentWithoutSecrets, LeavesOutTokensAndKeys) {
  setenv("WEIR_TEST_HF_TOKEN", "t", 1);
  setenv("WEIR_TEST_API_KEY", "k", 1);
  setenv("WEIR_TEST_PROXY", "http://127.0.0.1:1", 1);
  const auto kept = EnvironmentWithoutSecrets();
  EXPECT_TRUE(Has(kept, "WEIR_TEST_PROXY=http://127.0.0.1:1"));
  EXPECT_FALSE(Has(kept, "WEIR_TEST_HF_TOKEN=t"));
  EXPECT_FALSE(Has(kept, "WEIR_TEST_API_KEY=k"));
}

TEST(EnvironmentWithoutSecrets, LeavesOutWhatIsSaidToBeOne) {
  setenv("WEIR_TEST_RACK", "r", 1);
  EXPECT_TRUE(Has(EnvironmentWithoutSecrets(), "WEIR_TEST_RACK=r"));
  EXPECT_FALSE(Has(EnvironmentWithoutSecrets({"WEIR_TEST_RACK"}), "WEIR_TEST_RACK=r"));
}

TEST(EnvironmentWithoutSecrets, LooksAtNamesAlone) {
  setenv("WEIR_TEST_HINT", "a KEY=TOKEN", 1);
  EXPECT_TRUE(Has(EnvironmentWithoutSecrets(), "WEIR_TEST_HINT=a KEY=TOKEN"));
}

}  // namespace
}  // namespace weir
