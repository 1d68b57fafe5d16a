#include "models/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "models/folder.h"

namespace weir::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string pattern = testing::TempDir() + "store.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ / "blobs");
    fs::create_directories(root_ / "manifests");
  }
  ~StoreTest() override { fs::remove_all(root_); }

  static std::string Hash(char digit) { return std::string(64, digit); }
  void Write(const fs::path& path, const std::string& content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  fs::path BlobPath(char digit) { return root_ / "blobs" / ("sha256-" + Hash(digit)); }
  fs::path ManifestPath(const Name& name) {
    return root_ / "manifests" / FolderOf(name.model) / (name.tag + ".json");
  }
  void Add(const std::string& text, char digit = 'a', const std::string& content = "weights") {
    const Name name = *ParseName(text);
    Write(BlobPath(digit), content);
    Write(ManifestPath(name),
          PrintManifest({name, "gguf", Hash(digit), content.size(), "MIT", "test", ""}));
  }
  std::string Resolved(const std::string& name) {
    const auto manifest = store().Resolve(name);
    return manifest ? manifest->name.ToString() : manifest.error().reason;
  }
  std::string Message(const std::string& name) {
    const auto manifest = store().Resolve(name);
    return manifest ? "" : manifest.error().message;
  }
  Store store() const { return Store(root_); }

  fs::path root_;
};

TEST_F(StoreTest, ANamespaceTellsModelsApart) {
  Add("small:1b", 'a');
  Add("me/small:1b", 'b');
  Add("me/small:2b", 'c');
  ASSERT_EQ(store().List().models.size(), 3u);
  EXPECT_TRUE(store().List().problems.empty());
  EXPECT_EQ(store().Resolve("small:1b")->sha256, Hash('a'));
  EXPECT_EQ(store().Resolve("library/small:1b")->sha256, Hash('a'));
  EXPECT_EQ(store().Resolve("Me/Small:1b")->sha256, Hash('b'));
  EXPECT_EQ(store().Resolve("small")->sha256, Hash('a'));
  EXPECT_EQ(Resolved("me/small"), "model_not_found");  // two tags, neither of them latest
  EXPECT_EQ(store().WholeName("me/small:9")->ToString(), "me/small:9");
  EXPECT_TRUE(fs::is_directory(root_ / "manifests" / "me+small"));
}

TEST_F(StoreTest, AStoreThatIsNotThereIsEmpty) {
  const Store none(root_ / "nowhere");
  EXPECT_TRUE(none.List().models.empty());
  EXPECT_EQ(none.Resolve("tiny:1b").error().code, Code::kNotFound);
  EXPECT_EQ(none.Open("tiny:1b").error().reason, "model_not_found");
}

TEST_F(StoreTest, OpensAModelByItsName) {
  Add("tiny:1b", 'a', "the weights");
  auto model = store().Open("tiny:1b");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "tiny:1b");
  EXPECT_EQ(model->size, 11u);
  EXPECT_EQ(model->path, BlobPath('a').string());
  char text[16] = {};
  EXPECT_EQ(read(model->fd.get(), text, sizeof(text)), 11);
  EXPECT_STREQ(text, "the weights");
  EXPECT_EQ(fcntl(model->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(fcntl(model->fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST_F(StoreTest, ANameAloneMeansLatestOrTheOnlyTag) {
  Add("tiny:1b");
  EXPECT_EQ(Resolved("tiny"), "tiny:1b");
  EXPECT_EQ(Resolved("TINY"), "tiny:1b");
  Add("tiny:2b", 'b');
  EXPECT_EQ(Resolved("tiny"), "model_not_found");
  EXPECT_THAT(Message("tiny"), HasSubstr("tiny:1b, tiny:2b"));
  Add("tiny:latest", 'c');
  EXPECT_EQ(Resolved("tiny"), "tiny:latest");
}

TEST_F(StoreTest, ABeginningOfOneNameIsEnough) {
  Add("tiny:1b");
  Add("other:1b", 'b');
  Add("other:7b", 'c');
  EXPECT_EQ(Resolved("tin"), "tiny:1b");
  EXPECT_EQ(Resolved("ti"), "model_not_found") << "too short to mean one";
  EXPECT_EQ(Resolved("other:7"), "other:7b");
  EXPECT_THAT(Message("oth"), HasSubstr("other:1b, other:7b"));
}

TEST_F(StoreTest, AnAliasOfTheCatalogueLeadsToItsModel) {
  EXPECT_EQ(Resolved("fast"), "model_not_found");
  EXPECT_THAT(Message("fast"), HasSubstr("`weir pull qwen2.5-coder:0.5b`"));
  Add("qwen2.5-coder:0.5b");
  Add("qwen2.5-coder:1.5b", 'b');
  EXPECT_EQ(Resolved("fast"), "qwen2.5-coder:0.5b");
  EXPECT_EQ(Resolved("capable"), "qwen2.5-coder:1.5b");
}

TEST_F(StoreTest, AStoredModelWinsOverAnAlias) {
  Add("qwen2.5-coder:0.5b");
  Add("fast:latest", 'b');
  EXPECT_EQ(Resolved("fast"), "fast:latest");
}

TEST_F(StoreTest, AWrongNameIsAnsweredWithNearOnes) {
  Add("mistral:7b");
  EXPECT_THAT(Message("mistrel:7b"), HasSubstr("near it: mistral:7b"));
  EXPECT_THAT(Message("smolm2"), HasSubstr("smollm2"));
  EXPECT_THAT(Message("zzzzzzzzz"), HasSubstr("weir list"));
}

TEST_F(StoreTest, NamesThatCouldBePathsNeverReachTheDisk) {
  Write(root_ / "secret.json", PrintManifest({{"tiny", "1b"}, "gguf", Hash('a'), 7, "", "", ""}));
  for (const char* name :
       {"../secret", "..", "a/../../secret", "tiny:../../secret", "/etc/passwd"}) {
    EXPECT_EQ(store().Open(name).error().code, Code::kInvalidArgument) << name;
  }
}

TEST_F(StoreTest, LinksOutOfTheStoreAreNotFollowed) {
  Write(root_ / "outside", "weights");
  Add("blob:1b");
  fs::remove(BlobPath('a'));
  fs::create_symlink(root_ / "outside", BlobPath('a'));
  EXPECT_EQ(store().Open("blob:1b").error().reason, "model_damaged");

  Add("manifest:1b", 'b');
  fs::rename(ManifestPath({"manifest", "1b"}), root_ / "moved.json");
  fs::create_symlink(root_ / "moved.json", ManifestPath({"manifest", "1b"}));
  EXPECT_FALSE(store().Open("manifest:1b"));

  Add("folder:1b", 'c');
  fs::rename(root_ / "manifests" / "folder", root_ / "folder");
  fs::create_directory_symlink(root_ / "folder", root_ / "manifests" / "folder");
  EXPECT_FALSE(store().Open("folder:1b"));
  EXPECT_EQ(store().List().models.size(), 1u) << "only blob:1b has a manifest of its own";
}

TEST_F(StoreTest, ABlobsFolderThatIsALinkIsNotFollowed) {
  Add("tiny:1b");
  fs::rename(root_ / "blobs", root_ / "elsewhere");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "blobs");
  EXPECT_EQ(store().Open("tiny:1b").error().reason, "model_damaged");
}

TEST_F(StoreTest, ARootThatIsALinkIsFine) {
  Add("tiny:1b");
  const fs::path link = root_.string() + ".link";
  fs::create_directory_symlink(root_, link);
  EXPECT_TRUE(Store(link).Open("tiny:1b"));
  fs::remove(link);
}

TEST_F(StoreTest, ABlobThatIsMissingOrCutOrNoFileIsAnError) {
  Add("tiny:1b");
  Write(BlobPath('a'), "short");
  EXPECT_THAT(store().Open("tiny:1b").error().message, HasSubstr("another size"));
  fs::remove(BlobPath('a'));
  EXPECT_EQ(store().Open("tiny:1b").error().code, Code::kUnavailable);
  ASSERT_EQ(mkfifo(BlobPath('a').c_str(), 0600), 0);
  EXPECT_EQ(store().Open("tiny:1b").error().reason, "model_damaged");
}

TEST_F(StoreTest, ADamagedManifestHidesNoOtherModel) {
  Add("tiny:1b");
  Write(root_ / "manifests" / "bad" / "1b.json", "{");
  Write(root_ / "manifests" / "future" / "1b.json", R"({"schema": 2})");
  Write(root_ / "manifests" / "lies" / "1b.json",
        PrintManifest({{"tiny", "1b"}, "gguf", Hash('a'), 7, "", "", ""}));
  Write(root_ / "manifests" / "big" / "1b.json", std::string(kManifestBytesMax + 1, ' '));
  Write(root_ / "manifests" / "odd" / "1 b.json", "{}");
  Write(root_ / "manifests" / "odd" / ".1b.json.123", "{}");
  Write(root_ / "manifests" / "odd" / "readme.txt", "");
  const Listing listing = store().List();
  ASSERT_EQ(listing.models.size(), 1u);
  EXPECT_EQ(listing.models.front().name.ToString(), "tiny:1b");
  EXPECT_EQ(listing.problems.size(), 5u);
  EXPECT_EQ(Resolved("bad:1b"), "model_damaged");
  EXPECT_EQ(Resolved("lies:1b"), "model_damaged");
}

TEST_F(StoreTest, ManifestsReadBackAsTheyWereWritten) {
  const Manifest manifest{{"tiny", "1b"},        "gguf", Hash('a'), 7, "Apache-2.0", "pypi:x==1",
                          "2026-01-02T03:04:05Z"};
  const auto read = ParseManifest(PrintManifest(manifest));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, manifest.name);
  EXPECT_EQ(read->sha256, manifest.sha256);
  EXPECT_EQ(read->size, 7u);
  EXPECT_EQ(read->licence, "Apache-2.0");
  EXPECT_EQ(read->source, "pypi:x==1");
  EXPECT_EQ(read->created, "2026-01-02T03:04:05Z");
}

TEST_F(StoreTest, AModelWithAdaptersIsOfAHigherSchema) {
  Manifest manifest{{"tiny", "1b"}, "gguf", Hash('a'), 7, "", "", ""};
  EXPECT_NE(PrintManifest(manifest).find(R"("schema":1)"), std::string::npos);
  manifest.adapters = {{Hash('b'), 3}, {Hash('c'), 4}};
  const std::string text = PrintManifest(manifest);
  EXPECT_NE(text.find(R"("schema":2)"), std::string::npos) << text;
  const auto read = ParseManifest(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->adapters, manifest.adapters);
}

TEST_F(StoreTest, AManifestMayHoldMoreThanWeKnow) {
  const std::string text =
      R"({"schema": 1, "name": "a:b", "format": "gguf", "model": {"sha256": ")" + Hash('a') +
      R"(", "size": 1, "later": true}, "template": "x", "parameters": {"temperature": 1}})";
  EXPECT_TRUE(ParseManifest(text));
}

TEST_F(StoreTest, AManifestNamesItsWrongField) {
  const auto param = [](const std::string& text) { return ParseManifest(text).error().param; };
  const std::string head = R"({"schema": 1, "name": "a:b", "format": "gguf", )";
  EXPECT_EQ(param(R"({"schema": 4})"), "schema");
  EXPECT_EQ(param(R"({"schema": 1, "name": "../a:b", "format": "gguf"})"), "name");
  EXPECT_EQ(param(R"({"schema": 1, "name": "a", "format": "gguf"})"), "name");
  EXPECT_EQ(param(head + R"("model": {"sha256": "../../x", "size": 1}})"), "model.sha256");
  EXPECT_EQ(param(head + R"("model": {"sha256": ")" + Hash('a') + R"(", "size": 0}})"),
            "model.size");
  EXPECT_EQ(param(head + R"("model": []})"), "model");
  const std::string model = R"("model": {"sha256": ")" + Hash('a') + R"(", "size": 1}, )";
  EXPECT_EQ(param(head + model + R"("adapters": [{"sha256": "../x", "size": 1}]})"),
            "adapters[0].sha256");
}

// The catalogue of a busy machine must not be felt in `weir list`.
TEST_F(StoreTest, AThousandModelsAreListedFast) {
  for (int i = 0; i < 1000; ++i) {
    const Name name{"model" + std::to_string(i), "1b"};
    Write(ManifestPath(name),
          PrintManifest({name, "gguf", Hash('a'), 7, "Apache-2.0", "pypi:x==1", "now"}));
  }
  // Processor time, so that a busy machine does not fail it.
  double best_ms = 1e9;
  for (int i = 0; i < 5; ++i) {
    const std::clock_t start = std::clock();
    ASSERT_EQ(store().List().models.size(), 1000u);
    best_ms = std::min(best_ms, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  RecordProperty("list_ms", static_cast<int>(best_ms));
#if defined(__OPTIMIZE__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  EXPECT_LT(best_ms, 50);
#endif
}

TEST_F(StoreTest, AFileByPathIsOpenedForTheOperator) {
  Write(root_ / "my model.gguf", "weights");
  auto model = OpenModelFile(root_ / "my model.gguf");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->name, "my model");
  EXPECT_EQ(model->size, 7u);
  EXPECT_EQ(OpenModelFile(root_ / "none.gguf").error().code, Code::kNotFound);
  EXPECT_EQ(OpenModelFile(root_).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace weir::models
