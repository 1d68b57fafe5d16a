#include "routing/task_kind.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace weir::routing {
namespace {

TEST(TaskKind, ASumInWordsIsMath) {
  EXPECT_EQ(TaskKindOf("A robe takes 2 bolts of blue fibre and 3 of white. How many in total?"),
            TaskKind::kMath);
  EXPECT_EQ(TaskKindOf("How many people live in France?"), TaskKind::kGeneral)
      << "nothing to work out";
}

// Like those of GSM8K: numbers as words, and sums that are asked for without "how many".
TEST(TaskKind, NumbersMayBeWords) {
  EXPECT_EQ(TaskKindOf("Natalia sold clips to 48 of her friends in April, and then half as many in "
                       "May. How many clips did she sell altogether?"),
            TaskKind::kMath);
  EXPECT_EQ(TaskKindOf("Jan has three times the number of pets as Marcia. Marcia has two more than "
                       "Cindy, who has four. How many have they?"),
            TaskKind::kMath);
  EXPECT_EQ(TaskKindOf("He runs 60 miles in 3 hours. How fast is that?"), TaskKind::kMath);
  EXPECT_EQ(TaskKindOf("How many weights has one of them, and how often is one often tensed?"),
            TaskKind::kGeneral)
      << "whole words, and one is none";
}

TEST(TaskKind, WhatReportsASumAsksForNone) {
  EXPECT_EQ(TaskKindOf("In 2019 the total number of members rose by 12 percent."),
            TaskKind::kGeneral);
  EXPECT_EQ(TaskKindOf("Which two countries fought in 1870?"), TaskKind::kGeneral);
}

TEST(TaskKind, APieceOfALongTextIsExtraction) {
  const std::string orders = "Order 12, placed by Ana, is for 4 lamps at 60.00 euros in all. ";
  std::string text;
  while (text.size() < 500) text += orders;
  EXPECT_EQ(TaskKindOf(text + "Who placed the order 12? Answer with that alone."),
            TaskKind::kExtraction);
  EXPECT_EQ(TaskKindOf("Extract the name: Ana."), TaskKind::kGeneral) << "there is no passage";
}

TEST(TaskKind, CodeIsCode) {
  EXPECT_EQ(TaskKindOf("Fix this:\n```python\nprint(1)\n```"), TaskKind::kCode);
  EXPECT_EQ(TaskKindOf("def add(a, b):\n  return a + b\nAdd a test."), TaskKind::kCode);
}

TEST(TaskKind, TheRestIsGeneral) {
  EXPECT_EQ(TaskKindOf(""), TaskKind::kGeneral);
  EXPECT_EQ(TaskKindOf("Write a poem about the sea."), TaskKind::kGeneral);
}

TEST(TaskKind, OfALongTextBothEndsCount) {
  const std::string filler(3 * kKindBytes, 'x');
  EXPECT_EQ(TaskKindOf(filler + " Answer with that alone."), TaskKind::kExtraction);
  EXPECT_EQ(TaskKindOf("Extract the name. " + filler), TaskKind::kExtraction);
  EXPECT_EQ(TaskKindOf(filler + " extract " + filler), TaskKind::kGeneral);
}

TEST(TaskKind, NamesGoBothWays) {
  for (const auto kind :
       {TaskKind::kGeneral, TaskKind::kMath, TaskKind::kExtraction, TaskKind::kCode}) {
    EXPECT_EQ(TaskKindFromName(TaskKindName(kind)), kind);
  }
  EXPECT_FALSE(TaskKindFromName("poetry"));
}

int CountWholeWords(const std::string& text, const std::vector<std::string>& words) {
  const auto joins = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<uint8_t>(c) >= 0x80;
  };
  int count = 0;
  for (const std::string& word : words) {
    for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const size_t end = at + word.size();
      count +=
          (at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end])) ? 1 : 0;
    }
  }
  return count;
}

// One pass over the text finds what a search for each of them finds.
TEST(TaskKind, ItIsTheKindThatPlainSearchesTell) {
  const std::vector<std::string> pieces = {"how many",
                                           "how much",
                                           "solve",
                                           "remainder",
                                           "average",
                                           "what percent",
                                           "extract",
                                           "from the text",
                                           "answer only with",
                                           "mentioned above",
                                           "how fast",
                                           "total cost",
                                           "combined",
                                           "```",
                                           "def ",
                                           "#include",
                                           "import ",
                                           "() {",
                                           "=> {",
                                           "function ",
                                           "return ",
                                           "two",
                                           " half ",
                                           "thirds,",
                                           "?",
                                           "7",
                                           "12.5",
                                           "ho",
                                           "hhow ",
                                           "=>",
                                           "(",
                                           "retur",
                                           "a ",
                                           " ",
                                           "\n",
                                           "\xc3\xa4"};
  const auto contains = [](const std::string& text, size_t from, size_t to,
                           const std::vector<std::string>& words) {
    return std::count_if(words.begin() + static_cast<ptrdiff_t>(from),
                         words.begin() + static_cast<ptrdiff_t>(to),
                         [&](const std::string& word) { return text.contains(word); });
  };
  for (uint32_t seed = 0; seed < 5'000; ++seed) {
    std::mt19937 random(seed);
    std::string text(random() % 2 == 0 ? 400 : 0, 'x');
    for (uint32_t left = random() % 8; left > 0; --left) text += pieces[random() % pieces.size()];
    int numbers = 0;
    bool inside = false;
    for (const char c : text) {
      const bool digit = c >= '0' && c <= '9';
      numbers += digit && !inside ? 1 : 0;
      inside = digit || (inside && (c == '.' || c == ','));
    }
    numbers += CountWholeWords(text, {"two", "half", "thirds"});
    const bool asks = contains(text, 0, 6, pieces) > 0 ||
                      (contains(text, 10, 13, pieces) > 0 && text.contains("?"));
    TaskKind expected = TaskKind::kGeneral;
    if (text.contains("```") || contains(text, 13, 21, pieces) >= 2) {
      expected = TaskKind::kCode;
    } else if (text.size() >= 400 && contains(text, 6, 10, pieces) > 0) {
      expected = TaskKind::kExtraction;
    } else if (asks && numbers >= 2) {
      expected = TaskKind::kMath;
    }
    ASSERT_EQ(TaskKindOf(text), expected) << text;
  }
}

}  // namespace
}  // namespace weir::routing
