#include "base/http_date.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(HttpDate, ReadsTheThreeFormsOfTheStandard) {
  const WallTime time{std::chrono::seconds(784'111'777)};
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), time);
  EXPECT_EQ(ParseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), time);
  EXPECT_EQ(ParseHttpDate("Sun Nov  6 08:49:37 1994"), time);
}

TEST(HttpDate, RefusesEverythingElse) {
  for (const char* text :
       {"", "3", "soon", "Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37 GMT and more", "Sun, 66 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(ParseHttpDate(text)) << text;
  }
}

}  // namespace
}  // namespace weir
