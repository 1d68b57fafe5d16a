#include "models/found.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "models/store.h"

namespace weir::models {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kHex(64, 'a');

class FoundTest : public testing::Test {
 protected:
  FoundTest() {
    std::string pattern = testing::TempDir() + "found.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    home_ = pattern;
  }
  ~FoundTest() override { fs::remove_all(home_); }

  void Write(const fs::path& path, const std::string& text) {
    fs::create_directories((home_ / path).parent_path());
    std::ofstream(home_ / path) << text;
  }
  void AddToHub(const std::string& file, const std::string& blob) {
    const fs::path repository = ".cache/huggingface/hub/models--me--Tiny-GGUF";
    Write(repository / "blobs" / blob, "GGUF");
    const fs::path link = home_ / repository / "snapshots/abc" / file;
    fs::create_directories(link.parent_path());
    fs::create_symlink("../../blobs/" + blob, link);
  }
  void AddToOllama(const std::string& name, const std::string& tag, const std::string& digest) {
    Write(fs::path(".ollama/models/manifests/registry.ollama.ai/library") / name / tag,
          R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":")" + digest +
              R"(","size":4}]})");
  }
  Places places() const {
    return Places::Of([this](const char* name) -> std::optional<std::string> {
      if (std::string(name) == "HOME") return home_.string();
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    });
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Manifest& model : FindModels(places())) names.push_back(model.name.ToString());
    return names;
  }

  fs::path home_;
  std::map<std::string, std::string> variables_;
};

TEST_F(FoundTest, NothingIsThereAtFirst) {
  EXPECT_THAT(FindModels(places()), IsEmpty());
  EXPECT_THAT(places().Folders(), IsEmpty());
}

TEST_F(FoundTest, EachProgramsFolderIsRead) {
  AddToHub("Tiny-Q4_K_M.gguf", kHex);
  AddToOllama("smollm2", "135m", "sha256:" + kHex);
  Write(".ollama/models/blobs/sha256-" + kHex, "GGUF");
  Write(".lmstudio/models/me/Other-GGUF/Other-Q8_0.gguf", "GGUF");
  EXPECT_THAT(Names(), ElementsAre("other:q8_0", "smollm2:135m", "tiny:q4_k_m"));
  const auto found = FindModels(places());
  EXPECT_EQ(found[1].sha256, kHex);
  EXPECT_EQ(found[2].sha256, kHex);
  EXPECT_EQ(found[2].source, "found:huggingface:me/Tiny-GGUF");
  EXPECT_EQ(places().Folders().size(), 3u);
}

TEST_F(FoundTest, VariablesOfThosePrograms) {
  Write("elsewhere/models--a--b/snapshots/r/x.gguf", "GGUF");
  variables_["HF_HUB_CACHE"] = home_ / "elsewhere";
  EXPECT_THAT(Names(), ElementsAre("x:latest"));
}

TEST_F(FoundTest, LinksOutOfTheFolderAreNotFollowed) {
  Write("secret.gguf", "GGUF");
  fs::create_directories(home_ / ".lmstudio/models/me/r");
  fs::create_symlink(home_ / "secret.gguf", home_ / ".lmstudio/models/me/r/x.gguf");
  AddToOllama("evil", "1", "sha256:../../../secret.gguf");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(FoundTest, WhatIsNoWholeModelIsLeftOut) {
  Write(".lmstudio/models/me/r/mmproj-x.gguf", "GGUF");
  Write(".lmstudio/models/me/r/x-00001-of-00002.gguf", "GGUF");
  Write(".lmstudio/models/me/r/README.md", "words");
  Write(".lmstudio/models/me/r/empty.gguf", "");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(FoundTest, TheStoreListsResolvesAndOpensThem) {
  Write(".lmstudio/models/me/r/Other-Q8_0.gguf", "GGUF");
  const Store store(home_ / "models", places());
  ASSERT_EQ(store.List().models.size(), 1u);
  EXPECT_EQ(store.Resolve("other:q8_0")->name.ToString(), "other:q8_0");
  EXPECT_EQ(store.Resolve("other")->name.ToString(), "other:q8_0");
  const auto opened = store.Open("other:q8_0");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->size, 4u);
  EXPECT_FALSE(Store(home_ / "models").Resolve("other:q8_0"));
}

}  // namespace
}  // namespace weir::models
