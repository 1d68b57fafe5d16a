#include "chat/label.h"

#include <gtest/gtest.h>

namespace weir::chat {
namespace {

constexpr Label kAll[] = {Label::kPublic, Label::kInternal, Label::kPersonal, Label::kSecret,
                          Label::kUnscanned};

TEST(Label, JoinNeverLowersEitherSide) {
  for (Label a : kAll) {
    for (Label b : kAll) {
      EXPECT_GE(Rank(Join(a, b)), Rank(a));
      EXPECT_GE(Rank(Join(a, b)), Rank(b));
    }
  }
}

TEST(Label, UnscannedReachesOnlyWhatSecretReaches) {
  for (Label ceiling : kAll) {
    EXPECT_EQ(Permits(ceiling, Label::kUnscanned), Permits(ceiling, Label::kSecret));
  }
  EXPECT_FALSE(Permits(Label::kPersonal, Label::kUnscanned));
}

TEST(Label, NobodyCanAssertUnscanned) {
  EXPECT_EQ(LabelFromName("secret"), Label::kSecret);
  EXPECT_EQ(LabelFromName("unscanned"), std::nullopt);
  EXPECT_EQ(LabelFromName("Secret"), std::nullopt);
}

}  // namespace
}  // namespace weir::chat
