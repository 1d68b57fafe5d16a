#include "conversations/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "async/run_for_test.h"
#include "conversations/shelf.h"

namespace weir::conversations {
namespace {

using testing::ElementsAre;

const Owner kAda = {"main", "key_a"};
const Owner kBob = {"main", "key_b"};
const Owner kOther = {"other", "key_a"};

Answer Turn(std::string id, std::string previous = {}) {
  Answer answer{.id = id, .previous_id = std::move(previous), .body = "body of " + id};
  answer.input = {{id + "-in", "asks " + id}};
  answer.output = {{id + "-out", "says " + id}};
  return answer;
}

std::vector<std::string> Texts(const Result<std::vector<Item>>& items) {
  std::vector<std::string> texts;
  EXPECT_TRUE(items) << (items ? "" : items.error().message);
  for (const Item& item : items.value_or(std::vector<Item>())) texts.push_back(item.text);
  return texts;
}

Shelf Empty(const Limits& limits = {}) {
  return Shelf::Open(sqlite::Database::OpenInMemory().value(), limits, 1000).value();
}

TEST(Shelf, GivesAConversationOldestFirst) {
  Shelf shelf = Empty();
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2", "1"), 1001));
  ASSERT_TRUE(shelf.Put(kAda, Turn("3", "2"), 1002));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2b", "1"), 1003));  // another way from the same turn
  EXPECT_THAT(Texts(shelf.History(kAda, "3", true, 1004)),
              ElementsAre("asks 1", "says 1", "asks 2", "says 2", "asks 3", "says 3"));
  EXPECT_THAT(Texts(shelf.History(kAda, "3", false, 1004)),
              ElementsAre("asks 1", "says 1", "asks 2", "says 2", "asks 3"));
  EXPECT_THAT(Texts(shelf.History(kAda, "2b", true, 1004)),
              ElementsAre("asks 1", "says 1", "asks 2b", "says 2b"));
  EXPECT_EQ(shelf.Body(kAda, "2", 1004), "body of 2");
}

// Every call, for each who is not the owner: the error is the one of an id that never was.
TEST(Shelf, OfSomebodyElseIsLikeNothing) {
  Shelf shelf = Empty();
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  for (const Owner& owner : {kBob, kOther}) {
    const auto unknown = shelf.Body(owner, "never", 1000);
    ASSERT_FALSE(unknown);
    const auto same = [&](const Error& error) {
      return error.code == Code::kNotFound && error.message == unknown.error().message &&
             error.reason == unknown.error().reason;
    };
    EXPECT_TRUE(same(shelf.Body(owner, "1", 1000).error()));
    EXPECT_TRUE(same(shelf.History(owner, "1", true, 1000).error()));
    EXPECT_TRUE(same(shelf.Remove(owner, "1").error()));
    EXPECT_TRUE(same(shelf.Put(owner, Turn("2", "1"), 1000).error()));
    EXPECT_THAT(Texts(shelf.Find(owner, std::vector<std::string>{"1-in"})), ElementsAre());
  }
  EXPECT_THAT(Texts(shelf.Find(kAda, std::vector<std::string>{"1-in", "none", "1-out"})),
              ElementsAre("asks 1", "says 1"));
}

TEST(Shelf, WhatIsRemovedIsGoneWithItsItems) {
  Shelf shelf = Empty();
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2", "1"), 1001));
  ASSERT_TRUE(shelf.Remove(kAda, "1"));
  EXPECT_FALSE(shelf.Body(kAda, "1", 1002));
  EXPECT_FALSE(shelf.Remove(kAda, "1"));
  EXPECT_THAT(Texts(shelf.Find(kAda, std::vector<std::string>{"1-in", "1-out"})), ElementsAre());
  // A conversation with a hole is not gone on with as if it were whole.
  EXPECT_EQ(shelf.History(kAda, "2", true, 1002).error().code, Code::kNotFound);
  EXPECT_TRUE(shelf.Body(kAda, "2", 1002));
  ASSERT_TRUE(shelf.Remove(kAda, "2"));
  EXPECT_EQ(shelf.bytes(), 0);
}

TEST(Shelf, TheLongestUnusedOfAnOwnerMakesRoom) {
  Shelf shelf = Empty({.answers_max = 2});
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(shelf.Put(kBob, Turn("b"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2"), 1001));
  ASSERT_TRUE(shelf.Body(kAda, "1", 1002));  // used later than the other
  ASSERT_TRUE(shelf.Put(kAda, Turn("3"), 1003));
  EXPECT_TRUE(shelf.Body(kAda, "1", 1004));
  EXPECT_FALSE(shelf.Body(kAda, "2", 1004));
  EXPECT_TRUE(shelf.Body(kAda, "3", 1004));
  EXPECT_TRUE(shelf.Body(kBob, "b", 1004));
}

// Going on with an answer uses all that is before it.
TEST(Shelf, AConversationThatGoesOnIsKeptWhole) {
  Shelf shelf = Empty({.answers_max = 3});
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("alone"), 1001));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2", "1"), 1002));
  ASSERT_TRUE(shelf.Put(kAda, Turn("3", "2"), 1003));
  EXPECT_FALSE(shelf.Body(kAda, "alone", 1004));
  EXPECT_EQ(Texts(shelf.History(kAda, "3", true, 1004)).size(), 6u);
}

TEST(Shelf, BytesAreBoundedForAnOwnerAndForAll) {
  const Answer some = Turn("1");
  Shelf probe = Empty();
  ASSERT_TRUE(probe.Put(kAda, some, 1000));
  const int64_t each = probe.bytes();
  Shelf own = Empty({.owner_bytes_max = each});
  ASSERT_TRUE(own.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(own.Put(kAda, Turn("2"), 1001));
  EXPECT_FALSE(own.Body(kAda, "1", 1002));
  EXPECT_EQ(own.bytes(), each);
  Shelf all = Empty({.bytes_max = each});
  ASSERT_TRUE(all.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(all.Put(kBob, Turn("2"), 1001));
  EXPECT_FALSE(all.Body(kAda, "1", 1002));
  EXPECT_TRUE(all.Body(kBob, "2", 1002));
  Shelf narrow = Empty({.conversation_bytes_max = each - 1});
  EXPECT_EQ(narrow.Put(kAda, some, 1000).error().code, Code::kUnprocessable);
}

TEST(Shelf, AConversationHasABound) {
  Shelf shelf = Empty({.turns_max = 3});
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2", "1"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("3", "2"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("4", "3"), 1000));
  const auto history = shelf.History(kAda, "4", true, 1000);
  ASSERT_FALSE(history);
  EXPECT_EQ(history.error().reason, "conversation_too_long");
}

TEST(Shelf, WhatWasNotUsedForLongIsForgotten) {
  Shelf shelf = Empty({.retention = std::chrono::hours(1)});
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  ASSERT_TRUE(shelf.Put(kAda, Turn("2"), 6000));
  EXPECT_FALSE(shelf.Body(kAda, "1", 6001));
  EXPECT_TRUE(shelf.Body(kAda, "2", 6001));
  // Looked for once an hour, and no more than that.
  ASSERT_TRUE(shelf.Put(kAda, Turn("3"), 9700));
  EXPECT_FALSE(shelf.Body(kAda, "2", 9701));
}

TEST(Shelf, AFailedPutChangesNothing) {
  Shelf shelf = Empty({.answers_max = 1});
  ASSERT_TRUE(shelf.Put(kAda, Turn("1"), 1000));
  const int64_t bytes = shelf.bytes();
  ASSERT_FALSE(shelf.Put(kAda, Turn("2", "none"), 1001));
  EXPECT_EQ(shelf.bytes(), bytes);
  EXPECT_TRUE(shelf.Body(kAda, "1", 1002));
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string pattern = testing::TempDir() + "weir-conversations-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Store> Open() {
    return Store::Open(folder_, loop_.executor(), SystemClock()).value();
  }

  std::filesystem::path folder_;
  Loop loop_;
};

TEST_F(StoreTest, KeepsOverARestart) {
  {
    const auto store = Open();
    ASSERT_TRUE(RunForTest(loop_, store->Put(kAda, Turn("1"))));
    ASSERT_TRUE(RunForTest(loop_, store->Put(kAda, Turn("2", "1"))));
  }
  const auto store = Open();
  EXPECT_EQ(RunForTest(loop_, store->Body(kAda, "2")), "body of 2");
  EXPECT_THAT(Texts(RunForTest(loop_, store->History(kAda, "2", false))),
              ElementsAre("asks 1", "says 1", "asks 2"));
  EXPECT_TRUE(RunForTest(loop_, store->Remove(kAda, "2")));
  EXPECT_FALSE(RunForTest(loop_, store->Body(kAda, "2")));
}

TEST_F(StoreTest, TheFileIsItsOwnersAlone) {
  const auto store = Open();
  ASSERT_TRUE(RunForTest(loop_, store->Put(kAda, Turn("1"))));
  const auto rights = std::filesystem::status(folder_ / "conversations.db").permissions();
  EXPECT_EQ(rights & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
}

// Who was cancelled while waiting leaves nothing behind that is used later.
TEST_F(StoreTest, ACallerMayGoAway) {
  const auto store = Open();
  bool ended = false;
  const CancelHandle handle = Spawn(
      loop_.executor(), "test",
      [](Store& in) -> Task<void> {
        const auto put = co_await in.Put(kAda, Turn("1"));
        EXPECT_FALSE(put);
        EXPECT_EQ(put.error().code, Code::kCancelled);
      }(*store),
      [&] { ended = true; });
  handle.Cancel();
  EXPECT_TRUE(RunUntilTrue(loop_, [&] { return ended; }));
  ASSERT_TRUE(RunForTest(loop_, store->Put(kAda, Turn("2"))));
}

}  // namespace
}  // namespace weir::conversations
