#include "config/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::config {
namespace {

using testing::HasSubstr;

class CommandTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/weir_command_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    for (const char* name : {"first", "second"}) {
      std::filesystem::create_directory(folder_ + "/" + name);
    }
    Write("first/plain-file", false);
    Write("second/plain-file", true);
    Write("second/server", true);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, bool is_program) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n";
    if (is_program) std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  std::string Path() const { return folder_ + "/first:" + folder_ + "/second"; }

  std::string folder_;
};

TEST_F(CommandTest, AProgramIsFoundInTheFirstFolderThatHasIt) {
  EXPECT_EQ(FindProgram("server", Path()), folder_ + "/second/server");
  EXPECT_EQ(FindProgram("plain-file", Path()), folder_ + "/second/plain-file");
  EXPECT_EQ(FindProgram(folder_ + "/second/server", ""), folder_ + "/second/server");
}

TEST_F(CommandTest, WhatIsNoProgramIsSaid) {
  EXPECT_THAT(FindProgram("server", folder_ + "/first").error(), HasSubstr("in no folder of PATH"));
  EXPECT_THAT(FindProgram("server", "").error(), HasSubstr("in no folder of PATH"));
  EXPECT_THAT(FindProgram(folder_ + "/first/plain-file", Path()).error(),
              HasSubstr("which is no program"));
  EXPECT_THAT(FindProgram(folder_ + "/first", Path()).error(), HasSubstr("which is no program"));
}

TEST_F(CommandTest, ARelativeFolderOfPathIsNotLookedInto) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  EXPECT_FALSE(FindProgram("server", "second"));
  EXPECT_FALSE(FindProgram("server", ":second::"));
  std::filesystem::current_path(before);
}

TEST_F(CommandTest, ProblemsNameFileLineAndKey) {
  Settings settings{.file = "/etc/weir.toml"};
  settings.backends.resize(3);
  settings.backends[1].command = {{"server"}, {Origin::kFile, 7, 11}};
  settings.backends[2].command = {{"no-such", "serve"}, {Origin::kFile, 12, 11}};
  const auto problems = CommandProblems(settings, Path());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(ToText(problems[0]),
              testing::StartsWith("/etc/weir.toml:12:11: backend.command names 'no-such'"));
}

TEST_F(CommandTest, FilesOfKeysAndCertificatesThatAreNotThereAreSaid) {
  std::ofstream(folder_ + "/empty.key");
  Settings settings{.file = "/etc/weir.toml"};
  settings.backends.resize(2);
  settings.backends[0].key_file = {folder_ + "/first/plain-file", {Origin::kFile, 5, 12}};
  EXPECT_TRUE(FileProblems(settings).empty());
  settings.backends[0].ca_file = {folder_ + "/none.pem", {Origin::kFile, 6, 11}};
  settings.backends[1].key_file = {folder_ + "/empty.key", {Origin::kFile, 12, 12}};
  const auto problems = FileProblems(settings);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(ToText(problems[0]),
              AllOf(HasSubstr("/etc/weir.toml:6:11: backend.ca_file names /tmp/weir_command_"),
                    HasSubstr("which cannot be read")));
  EXPECT_THAT(ToText(problems[1]),
              AllOf(HasSubstr("weir.toml:12:12: backend.key_file"), HasSubstr("which is empty")));
}

}  // namespace
}  // namespace weir::config
