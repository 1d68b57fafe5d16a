#include "fetch/hub.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::fetch {
namespace {

using testing::HasSubstr;

std::string Answer(const std::vector<std::string>& files) {
  std::string list;
  for (const std::string& file : files) {
    list += fmt::format(R"({}{{"rfilename":"{}","size":10,"lfs":{{"sha256":"{}","size":10}}}})",
                        list.empty() ? "" : ",", file, std::string(64, 'a'));
  }
  return fmt::format(R"({{"sha":"0123abc","cardData":{{"license":"apache-2.0"}},"siblings":[{}]}})",
                     list);
}

TEST(HubTest, TheOnlyModelNeedsNoChoice) {
  const auto choice = ChooseFiles(Answer({"README.md", "m-Q8_0.gguf", "mmproj-m.gguf"}), "");
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->files.front().path, "m-Q8_0.gguf");
  EXPECT_EQ(choice->files.front().sha256, std::string(64, 'a'));
  EXPECT_EQ(choice->files.front().size, 10u);
  EXPECT_EQ(choice->revision, "0123abc");
  EXPECT_EQ(choice->licence, "apache-2.0");
  EXPECT_EQ(choice->quantisation, "Q8_0");
}

TEST(HubTest, AProjectorComesAlongInTheWeightsThatLoseNothing) {
  EXPECT_FALSE(ChooseFiles(Answer({"m-Q8_0.gguf"}), "")->projector);
  const auto several = ChooseFiles(
      Answer({"m-Q8_0.gguf", "mmproj-m-Q8_0.gguf", "mmproj-m-f16.gguf", "mmproj-m-BF16.gguf"}), "");
  ASSERT_TRUE(several && several->projector);
  EXPECT_EQ(several->projector->path, "mmproj-m-f16.gguf");
  EXPECT_EQ(several->projector->sha256, std::string(64, 'a'));
  EXPECT_EQ(ChooseFiles(Answer({"m-Q8_0.gguf", "mmproj-m.gguf"}), "")->projector->path,
            "mmproj-m.gguf");
}

TEST(HubTest, OfSeveralTheUsualOneIsTaken) {
  const auto files = Answer({"m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q2_K.gguf"});
  EXPECT_EQ(ChooseFiles(files, "")->files.front().path, "m-Q4_K_M.gguf");
  EXPECT_EQ(ChooseFiles(files, "q2_k")->files.front().path, "m-Q2_K.gguf");
  EXPECT_EQ(ChooseFiles(files, "m-Q8_0.gguf")->files.front().path, "m-Q8_0.gguf");
}

TEST(HubTest, WhatIsNotThereIsAnsweredWithWhatIs) {
  const auto missing = ChooseFiles(Answer({"m-Q8_0.gguf", "m-Q4_K_M.gguf"}), "Q3_K_S");
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("Q4_K_M, Q8_0"));
  EXPECT_FALSE(ChooseFiles(Answer({"README.md"}), ""));
}

TEST(HubTest, PartsComeInOrderAndWhole) {
  const auto parts =
      ChooseFiles(Answer({"m-Q4_0-00002-of-00002.gguf", "m-Q4_0-00001-of-00002.gguf"}), "Q4_0");
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->files.size(), 2u);
  EXPECT_EQ(parts->files[0].path, "m-Q4_0-00001-of-00002.gguf");
  EXPECT_EQ(ChooseFiles(Answer({"m-Q4_0-00002-of-00002.gguf"}), "").error().reason,
            "parts_missing");
}

TEST(HubTest, PathTricksInTheAnswerAreLeftOut) {
  for (const char* name : {"../../etc/x.gguf", "/etc/x.gguf", "a/../x.gguf", ".x/y.gguf",
                           "a b.gguf", "x?y.gguf", "x%2e.gguf"}) {
    EXPECT_FALSE(ChooseFiles(Answer({name}), "")) << name;
  }
  EXPECT_FALSE(ChooseFiles(R"({"sha":"../x","siblings":[]})", ""));
  EXPECT_FALSE(ChooseFiles("<html>", ""));
}

}  // namespace
}  // namespace weir::fetch
