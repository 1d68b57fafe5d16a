#include "models/sha256.h"

#include <gtest/gtest.h>

namespace weir::models {
namespace {

TEST(Sha256Test, AgreesWithThePublishedVectors) {
  EXPECT_EQ(Sha256::Of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256::Of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, PiecesGiveWhatTheWholeGivesAndAskingDoesNotEndIt) {
  Sha256 hash;
  hash.Add("a");
  EXPECT_EQ(hash.Hex(), Sha256::Of("a"));
  hash.Add("bc");
  EXPECT_EQ(hash.Hex(), Sha256::Of("abc"));
}

}  // namespace
}  // namespace weir::models
