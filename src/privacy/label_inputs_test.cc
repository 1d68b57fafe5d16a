#include "privacy/label_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::privacy {
namespace {

using chat::Label;
using testing::Contains;
using testing::ElementsAre;

TEST(LabelInputs, WhatIsRecalledNeverStandsInForTheDefault) {
  const Labelled later = JoinLabels({.recalled = Label::kPublic}, {}, Label::kInternal);
  EXPECT_EQ(later.label, Label::kInternal);
  EXPECT_THAT(later.why,
              ElementsAre("label public: earlier turns had it",
                          "label internal: the default, for turns that nobody labelled"));
  // Nor does what was remembered under a lower default.
  EXPECT_EQ(JoinLabels({.recalled = Label::kInternal}, {}, Label::kSecret).label, Label::kSecret);
  EXPECT_EQ(JoinLabels({.passages = Label::kPublic, .recalled = Label::kPublic}, {}, Label::kSecret)
                .label,
            Label::kSecret);
}

TEST(LabelInputs, AConversationThatSaysPublicEachTimeStaysPublic) {
  const LabelInputs said{.asserted = Label::kPublic, .recalled = Label::kPublic};
  EXPECT_EQ(JoinLabels(said, {}, Label::kSecret).label, Label::kPublic);
  const LabelInputs ruled{.recalled = Label::kPublic};
  EXPECT_EQ(JoinLabels(ruled, RuledLabel{Label::kPublic, 7}, Label::kSecret).label, Label::kPublic);
}

TEST(LabelInputs, WhatIsRecalledRaises) {
  const LabelInputs said{.asserted = Label::kPublic, .recalled = Label::kPersonal};
  const Labelled raised = JoinLabels(said, {}, Label::kPublic);
  EXPECT_EQ(raised.label, Label::kPersonal);
  EXPECT_THAT(raised.why, Contains("label personal: earlier turns had it"));
  EXPECT_EQ(JoinLabels({.recalled = Label::kPersonal}, {}, Label::kInternal).label,
            Label::kPersonal);
}

TEST(LabelInputs, AnAssistantsTurnFromElsewhereGetsTheDefaultWhateverIsSaid) {
  const LabelInputs said{.asserted = Label::kPublic, .foreign_assistant = true};
  EXPECT_EQ(JoinLabels(said, {}, Label::kInternal).label, Label::kInternal);
}

}  // namespace
}  // namespace weir::privacy
