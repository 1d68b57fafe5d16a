// Changes of the store over fetch processes that a test plays.
#include "gateway/model_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>

#include "async/run_for_test.h"
#include "async/spawn.h"
#include "process/socket_pair.h"

namespace weir::gateway {
namespace {

namespace fs = std::filesystem;
using fetch::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Hands out sockets whose other ends already hold what the processes will say.
class ScriptedFetches final : public backends::EngineStarter {
 public:
  Task<Result<Fd>> Start(uint64_t id, std::vector<std::string>) override {
    if (refusal) co_return Fail(*refusal);
    SocketPair pair = MakeStreamPair().value();
    std::string said;
    if (!scripts.empty()) {
      said = scripts.front();
      scripts.pop_front();
    }
    EXPECT_EQ(send(pair.theirs.get(), said.data(), said.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(said.size()));
    if (!keep_open) shutdown(pair.theirs.get(), SHUT_WR);
    processes[id] = std::move(pair.theirs);
    co_return std::move(pair.ours);
  }
  void Stop(uint64_t id, Duration) override { stopped.push_back(id); }
  void Kill(uint64_t) override {}

  // Everything that was said to a process.
  std::string Heard(uint64_t id) {
    std::string all;
    char block[65536];
    ssize_t got = 0;
    while ((got = recv(processes.at(id).get(), block, sizeof block, MSG_DONTWAIT)) > 0)
      all.append(block, static_cast<size_t>(got));
    return all;
  }
  fetch::Job JobOf(uint64_t id) {
    const std::string heard = Heard(id);
    auto job = fetch::ParseJob(std::string_view(heard).substr(0, heard.find('\n')));
    EXPECT_TRUE(job) << heard;
    return job.value_or(fetch::Job{});
  }

  std::deque<std::string> scripts = {};
  bool keep_open = false;
  std::optional<Error> refusal = {};
  std::map<uint64_t, Fd> processes = {};
  std::vector<uint64_t> stopped = {};
};

std::string Says(const Event& event) { return fetch::PrintEvent(event) + "\n"; }
std::string Fails(const Error& error) {
  return Says({.kind = Event::Kind::kFailed, .error = error});
}
const Event kDone = {.kind = Event::Kind::kDone, .text = "x:latest", .done = 4, .total = 4};

class ModelChangesTest : public testing::Test {
 protected:
  ModelChangesTest() {
    std::string pattern = testing::TempDir() + "weir-changes-XXXXXX";
    root_ = mkdtemp(pattern.data());
    store_.emplace(root_.string());
    Use({});
  }
  ~ModelChangesTest() override {
    EXPECT_TRUE(loop_.RunFor(kTestPatience)) << "coroutines are left";
    fs::remove_all(root_);
  }
  void Use(ModelChanges::Options options) {
    changes_.emplace(loop_.executor(), starter_, *store_, options);
  }
  ModelChanges::OnEvent Collect() {
    return [this](const Event& event) -> Task<Result<void>> {
      seen_.push_back(event.text);
      co_return Result<void>();
    };
  }

  static constexpr uint64_t kFirst = wire::kFetchIdFirst;
  Loop loop_;
  fs::path root_;
  std::optional<models::Store> store_;
  ScriptedFetches starter_;
  std::optional<ModelChanges> changes_;
  std::vector<std::string> seen_;
};

TEST_F(ModelChangesTest, APullIsOneProcessThatIsEndedBehindIt) {
  starter_.scripts = {Says({.kind = Event::Kind::kBegin, .text = "x:latest", .total = 4}) +
                      Says({.kind = Event::Kind::kProgress, .done = 2, .total = 4}) + Says(kDone)};
  const auto done = RunForTest(loop_, changes_->Pull("ollama:x", "", Collect()));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->text, "x:latest");
  EXPECT_THAT(seen_, ElementsAre("x:latest", ""));
  EXPECT_THAT(starter_.stopped, ElementsAre(kFirst));
  EXPECT_EQ(starter_.JobOf(kFirst).reference, "ollama:library/x:latest");
}

TEST_F(ModelChangesTest, TheNextSourceOfTheCatalogueIsTriedAndTheDiskEndsIt) {
  starter_.scripts = {Fails({Code::kUnavailable, "no network"}), Says(kDone)};
  EXPECT_TRUE(RunForTest(loop_, changes_->Pull("qwen2.5-coder:0.5b", "", Collect())));
  EXPECT_THAT(seen_, ElementsAre(HasSubstr("trying the next source")));
  starter_.scripts = {Fails({Code::kUnavailable, "full", {}, "disk_full"}), Says(kDone)};
  EXPECT_EQ(RunForTest(loop_, changes_->Pull("qwen2.5-coder:0.5b", "", nullptr)).error().reason,
            "disk_full");
}

TEST_F(ModelChangesTest, AProcessThatDiesOrTalksNonsenseIsACrash) {
  for (const std::string script : {"", "nonsense\n", "{\"event\":\"begin\"", ""}) {
    starter_.scripts = {script};
    const auto done = RunForTest(loop_, changes_->Remove(*models::ParseName("x:y")));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().reason, "fetch_crashed");
  }
}

TEST_F(ModelChangesTest, ALauncherThatRefusesIsTheAnswer) {
  starter_.refusal = Error{Code::kRateLimited, "too many"};
  EXPECT_EQ(RunForTest(loop_, changes_->Pull("ollama:x", "", nullptr)).error().code,
            Code::kRateLimited);
}

TEST_F(ModelChangesTest, AFileFollowsItsJobWhenItIsAskedFor) {
  const std::string sha256(64, 'a');
  starter_.scripts = {Says({.kind = Event::Kind::kBegin, .total = 6}) + Says(kDone)};
  std::deque<std::string> pieces = {"GGUF", "ab", ""};
  const auto next = [&]() -> Task<Result<std::string>> {
    std::string piece = pieces.front();
    pieces.pop_front();
    co_return piece;
  };
  EXPECT_TRUE(RunForTest(loop_, changes_->Keep(sha256, 6, next)));
  const std::string heard = starter_.Heard(kFirst);
  EXPECT_THAT(heard, testing::EndsWith("\nGGUFab"));
  EXPECT_EQ(RunForTest(loop_, changes_->Keep("../x", 6, next)).error().param, "digest");
}

TEST_F(ModelChangesTest, AClientThatBreaksOffEndsTheUpload) {
  starter_.keep_open = true;
  starter_.scripts = {Says({.kind = Event::Kind::kBegin, .total = 6})};
  const auto next = []() -> Task<Result<std::string>> {
    co_return Fail(Code::kCancelled, "the client went away");
  };
  EXPECT_EQ(RunForTest(loop_, changes_->Keep(std::string(64, 'a'), 6, next)).error().code,
            Code::kCancelled);
  EXPECT_THAT(starter_.stopped, ElementsAre(kFirst));
}

TEST_F(ModelChangesTest, WhatIsNotThereHasNoSecondName) {
  const auto copied = RunForTest(loop_, changes_->Copy("nobody", *models::ParseName("x:y")));
  EXPECT_EQ(copied.error().code, Code::kNotFound);
  EXPECT_EQ(changes_->HasFile(std::string(64, 'a')).error().reason, "blob_not_found");
  EXPECT_THAT(starter_.processes, IsEmpty());
}

TEST_F(ModelChangesTest, MoreThanMayRunWaitAndMoreThanMayWaitAreRefused) {
  Use({.pulls_max = 1, .changes_max = 1, .waiting_max = 1});
  starter_.keep_open = true;  // the first says nothing and goes on
  std::vector<Result<Event>> ends;
  const auto pull = [&]() -> Task<void> {
    ends.push_back(co_await changes_->Pull("ollama:x", "", Collect()));
  };
  const CancelHandle first = Spawn(loop_.executor(), "first", pull());
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return starter_.processes.size() == 1; }));
  const CancelHandle second = Spawn(loop_.executor(), "second", pull());
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return !seen_.empty(); }));
  EXPECT_THAT(seen_, ElementsAre(HasSubstr("waiting")));
  const auto third = RunForTest(loop_, changes_->Pull("ollama:y", "", nullptr));
  EXPECT_EQ(third.error().reason, "store_busy");
  EXPECT_GT(third.error().retry_after_s, 0);
  starter_.scripts = {Says(kDone)};
  first.Cancel();
  ASSERT_TRUE(RunUntilTrue(loop_, [&] { return ends.size() == 2; }));
  EXPECT_EQ(ends[0].error().code, Code::kCancelled);
  EXPECT_TRUE(ends[1]);
  EXPECT_EQ(starter_.stopped.size(), 2u);
}

}  // namespace
}  // namespace weir::gateway
