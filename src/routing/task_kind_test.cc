#include "routing/task_kind.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::routing {
namespace {

TEST(TaskKind, ASumInWordsIsMath) {
  EXPECT_EQ(TaskKindOf("A robe takes 2 bolts of blue fibre and 3 of white. How many in total?"),
            TaskKind::kMath);
  EXPECT_EQ(TaskKindOf("How many people live in France?"), TaskKind::kGeneral)
      << "nothing to work out";
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

}  // namespace
}  // namespace weir::routing
