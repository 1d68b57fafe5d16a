#include "server/key_book.h"

#include <gtest/gtest.h>

#include <optional>

namespace weir::server {
namespace {

const chat::Principal kLaptop{.key_id = "key_1", .key_name = "laptop"};

TEST(KeyBook, ARequestWaitsThenRunsThenIsCounted) {
  KeyBook book;
  std::optional<KeyBook::Seat> seat(std::in_place, book, kLaptop, "m");
  const KeyBook::Line& line = book.lines().at({"key_1", "m"});
  EXPECT_EQ(line.key_name, "laptop");
  EXPECT_EQ(line.waiting, 1);
  seat->Run("m");
  seat->Run("m");
  EXPECT_EQ(line.waiting, 0);
  EXPECT_EQ(line.running, 1);
  EXPECT_EQ(line.requests, 0u);
  seat.reset();
  EXPECT_EQ(line.running, 0);
  EXPECT_EQ(line.requests, 1u);
}

TEST(KeyBook, OneThatLeavesBeforeItRanWaitsNoMore) {
  KeyBook book;
  {
    const KeyBook::Seat seat(book, kLaptop, "m");
  }
  EXPECT_EQ(book.lines().at({"key_1", "m"}).waiting, 0);
  EXPECT_EQ(book.lines().at({"key_1", "m"}).running, 0);
}

TEST(KeyBook, WhoeverTakesTheRequestIsTheOneThatRunsIt) {
  KeyBook book;
  KeyBook::Seat seat(book, kLaptop, "small");
  seat.Run("large");
  EXPECT_EQ(book.lines().at({"key_1", "small"}).waiting, 0);
  EXPECT_EQ(book.lines().at({"key_1", "large"}).running, 1);
}

TEST(KeyBook, TokensAreOfTheirKeyAndModel) {
  KeyBook book;
  book.Count(kLaptop, "m", {.prompt_tokens = 5, .cached_tokens = 3, .completion_tokens = 2});
  book.Count(kLaptop, "m", {.prompt_tokens = 1});
  book.Count({}, "m", {.prompt_tokens = 9});
  const KeyBook::Line& line = book.lines().at({"key_1", "m"});
  EXPECT_EQ(line.prompt_tokens, 6);
  EXPECT_EQ(line.cached_tokens, 3);
  EXPECT_EQ(line.completion_tokens, 2);
  EXPECT_EQ(book.lines().at({"", "m"}).prompt_tokens, 9);
}

TEST(KeyBook, ManyKeysAreOneLineBeyondTheBound) {
  KeyBook book;
  for (int i = 0; i < 3000; ++i) {
    const chat::Principal principal{.key_id = "key_" + std::to_string(i)};
    const KeyBook::Seat seat(book, principal, "m");
  }
  EXPECT_EQ(book.lines().size(), KeyBook::kLinesMax + 1);
  EXPECT_EQ(book.lines().at({"other", "other"}).requests, 2000u);
}

}  // namespace
}  // namespace weir::server
