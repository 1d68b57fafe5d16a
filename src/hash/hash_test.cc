#include "hash/hash.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Hash, AgreesWithThePublishedVectors) {
  EXPECT_EQ(Sha256::Of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256::Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Md5 md5;
  md5.Add("abc");
  EXPECT_EQ(md5.Hex(), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5.Bytes().substr(0, 3), "\x90\x01\x50");
  EXPECT_EQ(md5.Bytes().size(), 16U);
}

TEST(Hash, PiecesGiveWhatTheWholeGivesAndAskingDoesNotEndIt) {
  Sha256 hash;
  hash.Add("a");
  EXPECT_EQ(hash.Hex(), Sha256::Of("a"));
  hash.Add("bc");
  EXPECT_EQ(hash.Hex(), Sha256::Of("abc"));
}

}  // namespace
}  // namespace weir
