#include "vectors/full_name.h"

#include <gtest/gtest.h>

namespace weir::vectors {
namespace {

TEST(FullNames, ComeApartAsTheyWerePutTogether) {
  const FullName names[] = {{"main", "default", "papers"},
                            {"a/b", "c%2F", "d/%25/e"},
                            {"", "", ""},
                            {"\xc3\xbc", "x y", "name.with:signs"}};
  for (const FullName& name : names) EXPECT_EQ(Split(Joined(name)), name) << Joined(name);
}

TEST(FullNames, OfOneTenantNeverBeginLikeThoseOfAnother) {
  EXPECT_FALSE(Joined({"a/b", "c", "d"}).starts_with(Prefix("a")));
  EXPECT_FALSE(Joined({"ab", "c", "d"}).starts_with(Prefix("a")));
  EXPECT_TRUE(Joined({"a", "b", "c"}).starts_with(Prefix("a", "b")));
  EXPECT_FALSE(Joined({"a", "b/c", "d"}).starts_with(Prefix("a", "b")));
}

TEST(FullNames, OthersBelongToNobody) {
  for (const char* text : {"papers", "a/b", "a/b/c/d", "a/b/%", "a/%41/c", ""}) {
    EXPECT_FALSE(Split(text)) << text;
  }
}

}  // namespace
}  // namespace weir::vectors
