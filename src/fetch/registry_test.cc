#include "fetch/registry.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace weir::fetch {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string Manifest(const std::string& digest, const std::string& more = "") {
  return fmt::format(
      R"({{"schemaVersion":2,"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"{}","size":9}}{}]}})",
      digest, more);
}

TEST(RegistryTest, TheModelAndItsWordsAreFound) {
  const auto manifest = ParseRegistryManifest(Manifest(
      kDigest,
      R"(,{"mediaType":"application/vnd.ollama.image.params","digest":")" + kDigest +
          R"(","size":3},{"mediaType":"application/vnd.ollama.image.projector","digest":")" +
          kDigest + R"(","size":3})"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->model.sha256, std::string(64, 'a'));
  EXPECT_EQ(manifest->model.size, 9u);
  EXPECT_EQ(manifest->parameters.size(), 1u);
  ASSERT_TRUE(manifest->projector);
  EXPECT_EQ(manifest->projector->size, 3u);
}

TEST(RegistryTest, AdaptersAreFoundUpToABound) {
  const std::string adapter =
      R"(,{"mediaType":"application/vnd.ollama.image.adapter","digest":"sha256:)" +
      std::string(64, 'b') + R"(","size":4})";
  const auto manifest = ParseRegistryManifest(Manifest(kDigest, adapter));
  ASSERT_TRUE(manifest) << manifest.error().message;
  ASSERT_EQ(manifest->adapters.size(), 1u);
  EXPECT_EQ(manifest->adapters[0].sha256, std::string(64, 'b'));
  EXPECT_EQ(manifest->adapters[0].size, 4u);
  const auto many =
      ParseRegistryManifest(Manifest(kDigest, adapter + adapter + adapter + adapter + adapter));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().reason, "too_many_adapters");
}

TEST(RegistryTest, DigestsKeepTheirGrammar) {
  for (const std::string& digest :
       {std::string("sha256:../../../etc/passwd"), "sha256-" + std::string(64, 'a'),
        "sha256:" + std::string(63, 'a'), "sha256:" + std::string(64, 'A'),
        "md5:" + std::string(64, 'a')}) {
    EXPECT_FALSE(ParseRegistryManifest(Manifest(digest))) << digest;
  }
  EXPECT_FALSE(ParseRegistryManifest(R"({"layers":[]})"));
}

TEST(RegistryTest, ParametersBecomeOurs) {
  const auto parameters =
      ParseRegistryParameters(R"({"stop":["<|im_end|>"],"temperature":0.2,"num_gpu":1})");
  ASSERT_TRUE(parameters) << parameters.error().message;
  ASSERT_EQ(parameters->size(), 2u);
  EXPECT_EQ((*parameters)[0], (models::Parameter{"stop", R"(["<|im_end|>"])"}));
  EXPECT_EQ((*parameters)[1], (models::Parameter{"temperature", "0.2"}));
  EXPECT_FALSE(ParseRegistryParameters(R"({"temperature":"hot"})"));
}

}  // namespace
}  // namespace weir::fetch
