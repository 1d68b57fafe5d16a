#include "policy/whole_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::policy {
namespace {

const std::string kDigest(64, 'd');

Whole Of(models::Manifest manifest) {
  manifest.name = *models::ParseName("mine:latest");
  manifest.sha256 = kDigest;
  return WholePolicy({}, {.models = {std::move(manifest)}}, models::Catalogue::BuiltIn(),
                     [](const models::Manifest&) { return Use::kGenerate; });
}

std::string FileOf(models::Manifest manifest) {
  return Of(std::move(manifest)).policy.targets.front().file_sha256;
}

// What was measured of a file says nothing of the same file behind a system prompt.
TEST(WholePolicy, AModelIsKnownByItsFileWhileNothingElseShapesItsAnswers) {
  EXPECT_EQ(FileOf({}), kDigest);
  EXPECT_EQ(FileOf({.chat_template = "{{ messages }}"}), "");
  EXPECT_EQ(FileOf({.system = "Be brief."}), "");
  EXPECT_EQ(FileOf({.parameters = {{"temperature", "1"}}}), "");
  EXPECT_EQ(FileOf({.turns = {{"user", "Hello"}}}), "");
  EXPECT_EQ(FileOf({.adapters = {{.sha256 = kDigest}}}), "");
}

TEST(WholePolicy, AnotherFileUnderTheSameNameIsAnotherPolicy) {
  EXPECT_NE(Of({}).policy.hash, Of({.system = "Be brief."}).policy.hash);
}

}  // namespace
}  // namespace weir::policy
