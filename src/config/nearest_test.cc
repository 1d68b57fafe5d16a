#include "config/nearest.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

TEST(Nearest, DistanceCountsEditsAndSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("target", "target"), 0u);
  EXPECT_EQ(EditDistance("taget", "target"), 1u);
  EXPECT_EQ(EditDistance("tragets", "target"), 2u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(Nearest, TheNearWordIsOfferedAndFarOnesAreListed) {
  constexpr std::string_view kKnown[] = {"listen", "default_label", "target"};
  EXPECT_EQ(Suggestion("lisen", kKnown), "; did you mean 'listen'?");
  EXPECT_EQ(Suggestion("default-label", kKnown), "; did you mean 'default_label'?");
  EXPECT_EQ(Suggestion("zzz", kKnown), "; known here: listen, default_label, target");
}

TEST(Nearest, WhatIsQuotedIsShortAndPrintable) {
  EXPECT_EQ(Quoted("a\nb"), "'a?b'");
  EXPECT_LE(Quoted(std::string(1000, 'a')).size(), 60u);
}

}  // namespace
}  // namespace weir::config
