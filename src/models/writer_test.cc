#include "models/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "hash/hash.h"

namespace weir::models {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const WallTime kNow = SystemClock().WallNow();

Manifest ManifestOf(const std::string& name, const std::string& content) {
  return {*ParseName(name), "gguf", Sha256::Of(content), content.size(), "MIT", "test", ""};
}

class WriterTest : public testing::Test {
 protected:
  WriterTest() {
    std::string pattern = testing::TempDir() + "writer.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = fs::path(pattern) / "models";
  }
  ~WriterTest() override { fs::remove_all(root_.parent_path()); }

  Writer Open(WallTime now = kNow) {
    auto writer = Writer::Open(root_, now);
    EXPECT_TRUE(writer) << writer.error().message;
    return std::move(*writer);
  }
  static void Fill(Partial& partial, const std::string& content) {
    ASSERT_TRUE(partial.Lay(content.size(), "etag"));
    ASSERT_TRUE(partial.Append(0, content));
  }
  static void Put(const Writer& writer, const std::string& name, const std::string& content,
                  bool keep_previous = false) {
    auto partial = writer.Begin("put");
    ASSERT_TRUE(partial) << partial.error().message;
    Fill(*partial, content);
    const auto done = writer.Commit(std::move(*partial), ManifestOf(name, content), keep_previous);
    ASSERT_TRUE(done) << done.error().message;
  }
  // A file without a name.
  static void Keep(const Writer& writer, const std::string& content) {
    auto partial = writer.Begin("keep");
    ASSERT_TRUE(partial) << partial.error().message;
    Fill(*partial, content);
    ASSERT_TRUE(writer.Keep(std::move(*partial), Sha256::Of(content)));
  }
  std::string Content(const std::string& name) {
    const auto model = Store(root_).Open(name);
    if (!model) return model.error().reason;
    std::ostringstream text;
    text << std::ifstream(model->path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::vector<std::string> Below(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& each : fs::recursive_directory_iterator(root_ / folder)) {
      if (!each.is_directory()) names.push_back(each.path().filename());
    }
    return names;
  }
  void Age(const fs::path& path, std::chrono::hours by) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - by);
  }

  fs::path root_;
};

TEST_F(WriterTest, WhatIsCommittedCanBeOpenedAndNothingElseStays) {
  const Writer writer = Open();
  Put(writer, "tiny:1b", "weights");
  EXPECT_EQ(Content("tiny:1b"), "weights");
  EXPECT_THAT(Below("partial"), IsEmpty());
  EXPECT_THAT(Below("blobs"), ElementsAre("sha256-" + Sha256::Of("weights")));
  EXPECT_THAT(Below("manifests"), ElementsAre("1b.json"));
}

TEST_F(WriterTest, TwoNamesForTheSameBytesShareThem) {
  const Writer writer = Open();
  Put(writer, "a:1", "weights");
  Put(writer, "b:1", "weights");
  EXPECT_EQ(Below("blobs").size(), 1u);
  EXPECT_EQ(writer.Remove(*ParseName("a:1"))->bytes_freed, 0u);
  EXPECT_EQ(Content("b:1"), "weights");
  EXPECT_EQ(writer.Remove(*ParseName("b:1"))->bytes_freed, 7u);
  EXPECT_THAT(Below("blobs"), IsEmpty());
  EXPECT_FALSE(fs::exists(root_ / "manifests" / "b"));
}

TEST_F(WriterTest, ANamespaceIsPartOfTheName) {
  const Writer writer = Open();
  Put(writer, "small:1b", "weights");
  Put(writer, "me/small:1b", "other weights");
  EXPECT_EQ(Content("small:1b"), "weights");
  EXPECT_EQ(Content("me/small:1b"), "other weights");
  EXPECT_FALSE(fs::exists(root_ / "manifests" / "me"));
  EXPECT_EQ(writer.Remove(*ParseName("me/small:1b"))->bytes_freed, 13u);
  EXPECT_EQ(Content("me/small:1b"), "model_not_found");
  EXPECT_EQ(Content("small:1b"), "weights");
  EXPECT_THAT(Below("manifests"), ElementsAre("1b.json"));
}

TEST_F(WriterTest, RemovingWhatIsNotThereSaysSo) {
  const auto removed = Open().Remove(*ParseName("no:1"));
  EXPECT_EQ(removed.error().code, Code::kNotFound);
  EXPECT_THAT(removed.error().message, HasSubstr("no:1"));
}

TEST_F(WriterTest, AnOpenModelOutlivesItsRemoval) {
  const Writer writer = Open();
  Put(writer, "a:1", "weights");
  const auto open = Store(root_).Open("a:1");
  ASSERT_TRUE(writer.Remove(*ParseName("a:1")));
  char text[8] = {};
  EXPECT_EQ(pread(open->fd.get(), text, 7, 0), 7);
  EXPECT_STREQ(text, "weights");
}

TEST_F(WriterTest, OneProcessAtATimeWritesAFileAndOthersSeeHowFarItIs) {
  const Writer writer = Open();
  auto first = writer.Begin("key");
  ASSERT_TRUE(first->Lay(100, ""));
  ASSERT_TRUE(first->Append(0, "12345"));
  EXPECT_EQ(writer.Begin("key").error().reason, "in_progress");
  EXPECT_EQ(writer.Look("key").done(), 5u);
  EXPECT_EQ(writer.Look("key").total(), 100u);
  EXPECT_EQ(writer.Look("other").total(), 0u);
  writer.Discard(std::move(*first));
  EXPECT_TRUE(writer.Begin("key"));
}

TEST_F(WriterTest, AnInterruptedFileGoesOnWhereItWas) {
  const uint64_t total = 3 * kPieceBytesMin + 5;
  {
    auto partial = Open().Begin("key");
    EXPECT_TRUE(partial->BeginBoot());
    ASSERT_TRUE(partial->Lay(total, "\"v1\""));
    ASSERT_TRUE(partial->Append(0, "abc"));
    ASSERT_TRUE(partial->Append(3, "12345"));
  }
  auto partial = Open().Begin("key");
  EXPECT_TRUE(partial->BeginBoot());
  EXPECT_EQ(partial->pieces(), 4u);
  EXPECT_EQ(partial->etag(), "\"v1\"");
  EXPECT_EQ(partial->done(), 8u);
  EXPECT_EQ(partial->Frontier(), 3u);
  EXPECT_TRUE(partial->PieceComplete(3));
  EXPECT_EQ(partial->PieceBytes(3), 5u);
}

TEST_F(WriterTest, CountsOfAnotherBootAreToldApart) {
  auto partial = Open().Begin("key");
  ASSERT_TRUE(partial->Lay(100, ""));
  ASSERT_TRUE(partial->Append(0, "abc"));
  EXPECT_FALSE(partial->BeginBoot());
  EXPECT_TRUE(partial->BeginBoot());
}

TEST_F(WriterTest, AStateThatMakesNoSenseStartsOver) {
  {
    ASSERT_TRUE(Open().Begin("key")->Lay(100, ""));
  }
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::string noise(sizeof(PartialState), '\0');
    for (char& c : noise) c = static_cast<char>(random());
    const uint64_t magic = PartialState::kMagic;
    std::memcpy(noise.data(), &magic, sizeof magic);
    std::ofstream(root_ / "partial/key/state", std::ios::binary) << noise;
    auto partial = Open().Begin("key");
    ASSERT_TRUE(partial);
    EXPECT_EQ(partial->done(), 0u);
    EXPECT_EQ(partial->Frontier(), 0u);
  }
}

TEST_F(WriterTest, CountsOfBytesThatAreNotThereStartOver) {
  for (const char* gone : {"", "ab"}) {
    {
      auto partial = Open().Begin("key");
      ASSERT_TRUE(partial->Lay(3, "etag"));
      ASSERT_TRUE(partial->Append(0, "abc"));
    }
    // What a kill leaves between the removal of `intent` and of `state`.
    fs::remove(root_ / "partial" / "key" / "data");
    std::ofstream(root_ / "partial" / "key" / "data") << gone;
    auto partial = Open().Begin("key");
    EXPECT_EQ(partial->done(), 0u) << "or its pull would fail for ever";
    ASSERT_TRUE(partial->Lay(3, "etag"));
    EXPECT_TRUE(partial->Append(0, "abc"));
  }
}

TEST_F(WriterTest, ACommitThatWasKilledBeforeItsNameIsFinishedByTheNextWriter) {
  const Manifest manifest = ManifestOf("tiny:1b", "weights");
  {
    auto partial = Open().Begin("key");
    Fill(*partial, "weights");
  }
  std::ofstream(root_ / "partial/key/intent") << PrintManifest(manifest);
  fs::rename(root_ / "partial/key/data", root_ / "blobs" / ("sha256-" + manifest.sha256));
  EXPECT_EQ(Content("tiny:1b"), "model_not_found");
  Open();
  EXPECT_EQ(Content("tiny:1b"), "weights");
  EXPECT_THAT(Below("partial"), IsEmpty());
}

TEST_F(WriterTest, UnfinishedAndStaleFilesAreTakenAwayAndFreshOnesKept) {
  {
    const Writer writer = Open();
    ASSERT_TRUE(writer.Begin("stale")->Lay(10, ""));
    ASSERT_TRUE(writer.Begin("fresh")->Lay(10, ""));
    Put(writer, "a:1", "weights");
  }
  Age(root_ / "partial/stale/state", std::chrono::hours(8 * 24));
  std::ofstream(root_ / "manifests/a/.weir-1.json.77") << "torn";
  std::ofstream(root_ / "manifests/a/.2.json.99") << "somebody else's";
  const std::string old = "sha256-" + std::string(64, 'a');
  const std::string young = "sha256-" + std::string(64, 'b');
  std::ofstream(root_ / "blobs" / old) << "loose";
  std::ofstream(root_ / "blobs" / young) << "loose";
  Age(root_ / "blobs" / old, std::chrono::hours(2));
  Age(root_ / "blobs" / ("sha256-" + Sha256::Of("weights")), std::chrono::hours(2));
  Open();
  EXPECT_FALSE(fs::exists(root_ / "partial/stale"));
  EXPECT_TRUE(fs::exists(root_ / "partial/fresh"));
  EXPECT_THAT(Below("manifests"), UnorderedElementsAre("1.json", ".2.json.99"));
  EXPECT_THAT(Below("blobs"), UnorderedElementsAre(young, "sha256-" + Sha256::Of("weights")));
}

TEST_F(WriterTest, WithADamagedManifestNoFileIsTakenAway) {
  Put(Open(), "a:1", "weights");
  Age(root_ / "blobs" / ("sha256-" + Sha256::Of("weights")), std::chrono::hours(2));
  std::ofstream(root_ / "manifests/a/1.json") << "{";
  Open();
  EXPECT_EQ(Below("blobs").size(), 1u);
  EXPECT_EQ(Open().Remove(*ParseName("a:1"))->bytes_freed, 0u);
}

TEST_F(WriterTest, AnUpdateCanBeTakenBackAndForth) {
  const Writer writer = Open();
  EXPECT_EQ(writer.RollBack(*ParseName("a:1")).error().reason, "no_previous");
  Put(writer, "a:1", "old", true);
  EXPECT_EQ(writer.RollBack(*ParseName("a:1")).error().reason, "no_previous");
  Put(writer, "a:1", "new", true);
  EXPECT_EQ(Content("a:1"), "new");
  EXPECT_EQ(writer.Previous(*ParseName("a:1"))->sha256, Sha256::Of("old"));
  ASSERT_TRUE(writer.RollBack(*ParseName("a:1")));
  EXPECT_EQ(Content("a:1"), "old");
  ASSERT_TRUE(writer.RollBack(*ParseName("a:1")));
  EXPECT_EQ(Content("a:1"), "new");
  EXPECT_EQ(writer.Remove(*ParseName("a:1"))->bytes_freed, 6u);
  EXPECT_THAT(Below("blobs"), IsEmpty());
}

TEST_F(WriterTest, ANameNeedsABlob) {
  const Writer writer = Open();
  EXPECT_EQ(writer.GiveName(ManifestOf("a:1", "nothing"), false).error().code, Code::kNotFound);
  Put(writer, "a:1", "weights");
  EXPECT_TRUE(writer.GiveName(ManifestOf("b:2", "weights"), false));
  EXPECT_EQ(Content("b:2"), "weights");
}

TEST_F(WriterTest, AdaptersStayAsLongAsAModelHasThem) {
  const Writer writer = Open();
  Put(writer, "base:1", "weights");
  Keep(writer, "lora");
  Manifest made = ManifestOf("made:1", "weights");
  made.adapters = {{Sha256::Of("lora"), 4}};
  ASSERT_TRUE(writer.GiveName(made, false));
  const auto opened = Store(root_).Open("made:1");
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(opened->adapters.size(), 1u);
  EXPECT_EQ(fs::file_size(opened->adapters[0]), 4u);
  EXPECT_EQ(opened->beside_bytes, 4u);
  const std::string blob = "sha256-" + Sha256::Of("lora");
  Age(root_ / "blobs" / blob, std::chrono::hours(2));
  ASSERT_TRUE(writer.Sweep(kNow));
  EXPECT_THAT(Below("blobs"), testing::Contains(blob));
  const auto removed = writer.Remove(*ParseName("made:1"));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->bytes_freed, 4u) << "the weights belong to base:1, too";
  EXPECT_EQ(Content("base:1"), "weights");
}

TEST_F(WriterTest, AProjectorStaysAsLongAsAModelHasIt) {
  const Writer writer = Open();
  Put(writer, "base:1", "weights");
  Keep(writer, "eyes");
  Manifest sees = ManifestOf("sees:1", "weights");
  sees.projector = {Sha256::Of("eyes"), 4};
  ASSERT_TRUE(writer.GiveName(sees, false));
  const auto opened = Store(root_).Open("sees:1");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(fs::file_size(opened->projector), 4u);
  EXPECT_EQ(opened->beside_bytes, 4u);
  EXPECT_TRUE(Store(root_).Open("base:1")->projector.empty());
  Age(root_ / "blobs" / ("sha256-" + Sha256::Of("eyes")), std::chrono::hours(2));
  ASSERT_TRUE(writer.Sweep(kNow));
  // A program that does not know projectors must neither run it blind nor sweep its file away.
  EXPECT_THAT(PrintManifest(sees), HasSubstr(R"("schema":3)"));
  const auto removed = writer.Remove(*ParseName("sees:1"));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->bytes_freed, 4u) << "the weights belong to base:1, too";
}

TEST_F(WriterTest, ABlobIsDroppedAsLongAsNoNameHasIt) {
  const Writer writer = Open();
  Put(writer, "base:1", "weights");
  Keep(writer, "lora");
  for (const std::string& content : {"weights", "lora"}) writer.DropIfLoose(Sha256::Of(content));
  EXPECT_THAT(Below("blobs"), ElementsAre("sha256-" + Sha256::Of("weights")));
}

TEST_F(WriterTest, ANameNeedsItsAdapters) {
  const Writer writer = Open();
  Put(writer, "base:1", "weights");
  Manifest made = ManifestOf("made:1", "weights");
  made.adapters = {{Sha256::Of("lora"), 4}};
  const auto named = writer.GiveName(made, false);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().reason, "model_damaged");
  ASSERT_TRUE(writer.GiveName(ManifestOf("made:1", "weights"), false));
  // As somebody's hand may leave it.
  std::ofstream(root_ / "manifests" / "made" / "1.json") << PrintManifest(made);
  const auto opened = Store(root_).Open("made:1");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("an adapter of made:1 is missing"));
}

TEST_F(WriterTest, FoldersThatAreLinksAreNotFollowed) {
  Open();
  fs::remove_all(root_ / "blobs");
  fs::create_directories(root_.parent_path() / "elsewhere");
  fs::create_directory_symlink(root_.parent_path() / "elsewhere", root_ / "blobs");
  EXPECT_FALSE(Writer::Open(root_, kNow));
}

TEST_F(WriterTest, AStoreThatCannotBeWrittenIsOneClearLine) {
  const auto writer = Writer::Open("/proc/models", kNow);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::kUnavailable);
  EXPECT_THAT(writer.error().message, HasSubstr("; "));
}

// A process that commits again and again is killed at a random moment; whatever the moment, the
// next Writer leaves whole models and no byte that belongs to none.
TEST_F(WriterTest, KilledAtAnyPointTheStoreStaysWhole) {
  const char* asked = std::getenv("WEIR_KILLS");
  const int kills = asked == nullptr ? 40 : std::atoi(asked);
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < kills; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0;; ++i) {
        auto writer = Writer::Open(root_, kNow);
        if (!writer) _exit(1);
        auto partial = writer->Begin("key");
        if (!partial) _exit(1);
        const std::string content = "weights " + std::to_string(i % 3);
        if (!partial->Lay(content.size(), "") || !partial->Append(0, content)) _exit(1);
        if (!writer->Commit(std::move(*partial), ManifestOf("m:" + std::to_string(i % 2), content),
                            true))
          _exit(1);
        if (i % 5 == 4) (void)writer->Remove(*ParseName("m:1"));
      }
    }
    usleep(static_cast<useconds_t>(random() % 20'000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
    Open();
    const Listing listing = Store(root_).List();
    EXPECT_THAT(listing.problems, IsEmpty());
    for (const Manifest& model : listing.models) {
      EXPECT_EQ(Sha256::Of(Content(model.name.ToString())), model.sha256);
    }
  }
  // Loose files of a killed removal go once they are old enough.
  Open(kNow + std::chrono::hours(24 * 30));
  EXPECT_THAT(Below("partial"), IsEmpty());
  for (const std::string& top : {"manifests", "previous"}) {
    for (const std::string& file : Below(top)) EXPECT_FALSE(file.starts_with(".")) << file;
  }
  for (const Manifest& model : Store(root_).List().models) {
    ASSERT_TRUE(Open().Remove(model.name));
  }
  Open(kNow + std::chrono::hours(24 * 30));
  EXPECT_THAT(Below("blobs"), IsEmpty());
}

}  // namespace
}  // namespace weir::models
