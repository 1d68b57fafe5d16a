#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "config/show.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    std::string pattern = testing::TempDir() + "weir-config-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    variables_["HOME"] = folder_ / "home";
  }
  ~LoadTest() override { fs::remove_all(folder_); }

  std::string Write(const fs::path& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  std::expected<Settings, std::vector<Problem>> Try() {
    return Load({.flags = flags_,
                 .variable = [this](const std::string& name) -> std::optional<std::string> {
                   const auto found = variables_.find(name);
                   if (found == variables_.end()) return std::nullopt;
                   return found->second;
                 },
                 .system_file = folder_ / "etc/weir.toml"});
  }
  Settings Good() {
    auto settings = Try();
    if (settings) return *std::move(settings);
    for (const Problem& problem : settings.error()) ADD_FAILURE() << ToText(problem);
    return {};
  }
  std::string OnlyProblem() {
    const auto settings = Try();
    if (settings || settings.error().size() != 1) {
      ADD_FAILURE() << "one problem was expected";
      return {};
    }
    return ToText(settings.error()[0]);
  }

  fs::path folder_;
  std::map<std::string, std::string> variables_;
  std::vector<std::pair<std::string, std::string>> flags_;
};

TEST_F(LoadTest, AFileThatWasReadBeforeStandsForTheOneThatIsThereNow) {
  const std::string path = Write("weir.toml", "log_level = 'debug'\ndata = 'here'\n");
  const Invocation invocation{.flags = {{"config", path}}};
  const auto file = ReadFile(invocation);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->path, path);
  Write("weir.toml", "nonsense = 1\n");
  EXPECT_FALSE(Load(invocation));
  const auto settings = Load({.flags = invocation.flags, .file = *file});
  ASSERT_TRUE(settings);
  EXPECT_EQ(*settings->log_level, "debug");
  EXPECT_EQ(settings->file, path);
  EXPECT_EQ(*settings->data, folder_ / "here");
  // That there was none is also kept.
  const auto none = Load({.flags = {{"config", path}, {"data", "/d"}}, .file = File()});
  ASSERT_TRUE(none);
  EXPECT_EQ(none->file, "");
  EXPECT_EQ(ReadFile({.flags = {{"config", "/nowhere/weir.toml"}}}).error().where, "--config");
}

TEST_F(LoadTest, WithoutAFileTheDefaultsRule) {
  const Settings settings = Good();
  EXPECT_EQ(settings.file, "");
  EXPECT_EQ(ToText(settings.listen->at(0)), "127.0.0.1:9347");
  EXPECT_EQ(*settings.default_label, chat::Label::kInternal);
  EXPECT_EQ(*settings.data, (folder_ / "home/.local/share/weir").string());
  EXPECT_EQ(*settings.models, (folder_ / "home/.local/share/weir/models").string());
  EXPECT_EQ(settings.backends.size(), 1u);
}

TEST_F(LoadTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  flags_ = {{"config", Write("a.toml", "drain_timeout=1\nkeep_alive=1\nlog_level='debug'")}};
  variables_["WEIR_DRAIN_TIMEOUT"] = "2s";
  variables_["WEIR_KEEP_ALIVE"] = "2";
  variables_["WEIR_LIMITS_BODY"] = "2MiB";
  flags_.push_back({"drain-timeout", "3s"});
  const Settings settings = Good();
  EXPECT_EQ(*settings.drain_timeout, std::chrono::seconds(3));
  EXPECT_EQ(settings.drain_timeout.place.origin, Origin::kFlag);
  EXPECT_EQ(*settings.keep_alive, std::chrono::seconds(2));
  EXPECT_EQ(settings.keep_alive.place.origin, Origin::kEnvironment);
  EXPECT_EQ(*settings.log_level, "debug");
  EXPECT_EQ(*settings.limits.body, 2 << 20);
  EXPECT_THAT(Show(settings), HasSubstr("drain_timeout = \"3s\"  # flag --drain-timeout"));
  EXPECT_THAT(Show(settings), HasSubstr("body = \"2MiB\"  # environment WEIR_LIMITS_BODY"));
}

TEST_F(LoadTest, TheFirstFileThatIsNamedOrFoundCounts) {
  Write("etc/weir.toml", "log_level='error'");
  EXPECT_EQ(*Good().log_level, "error");
  Write("home/.config/weir/weir.toml", "log_level='warning'");
  EXPECT_EQ(*Good().log_level, "warning");
  variables_["XDG_CONFIG_HOME"] = folder_ / "xdg";
  EXPECT_EQ(*Good().log_level, "error") << "the home's file is not looked at";
  Write("xdg/weir/weir.toml", "log_level='info'");
  EXPECT_EQ(*Good().log_level, "info");
  variables_["WEIR_CONFIG"] = Write("b.toml", "log_level='off'");
  EXPECT_EQ(*Good().log_level, "off");
  flags_ = {{"config", Write("a.toml", "log_level='debug'")}};
  EXPECT_EQ(*Good().log_level, "debug");
}

TEST_F(LoadTest, AFileThatWasNamedMustExist) {
  variables_["WEIR_CONFIG"] = folder_ / "missing.toml";
  EXPECT_THAT(OnlyProblem(), HasSubstr("WEIR_CONFIG: there is no configuration file"));
  flags_ = {{"config", folder_.string()}};
  EXPECT_THAT(OnlyProblem(), HasSubstr("--config"));
}

TEST_F(LoadTest, PathsInTheFileAreRelativeToIt) {
  flags_ = {{"config", Write("conf/a.toml",
                             "data='../d'\n[[backend]]\nname='o'\nkind='openai'\ntier='cloud'\n"
                             "url='https://a.example'\nkey_file='key.txt'\nca_file=''\n"
                             "[[backend]]\nname='r'\nkind='openai'\ntier='edge'\n"
                             "url='http://127.0.0.1:1'\ncommand=['./server', './x']\n"
                             "[[backend]]\nname='s'\nkind='openai'\ntier='edge'\n"
                             "url='http://127.0.0.1:2'\ncommand=['vllm', './x']\n")}};
  Settings settings = Good();
  EXPECT_EQ(settings.backends[2].command->at(0), (folder_ / "conf/server").string());
  EXPECT_EQ(settings.backends[2].command->at(1), "./x");  // the program's own to understand
  EXPECT_EQ(settings.backends[3].command->at(0), "vllm");
  EXPECT_EQ(*settings.data, (folder_ / "d").string());
  EXPECT_EQ(*settings.models, (folder_ / "d/models").string());
  EXPECT_EQ(*settings.backends[1].key_file, (folder_ / "conf/key.txt").string());
  EXPECT_EQ(*settings.backends[1].ca_file, "");
  flags_.push_back({"data", "elsewhere"});
  EXPECT_EQ(*Good().data, (fs::current_path() / "elsewhere").string());
}

TEST_F(LoadTest, ListenAddsUp) {
  flags_ = {{"listen", "127.0.0.1:0"}, {"listen", "[::1]:0"}};
  EXPECT_EQ(Good().listen->size(), 2u);
  flags_.clear();
  variables_["WEIR_LISTEN"] = "127.0.0.1:1,127.0.0.1:2";
  EXPECT_EQ(Good().listen->size(), 2u);
}

TEST_F(LoadTest, MistakesOfAllKindsAreToldTogether) {
  flags_ = {{"config", Write("a.toml", "lissten=1")}, {"lisen", "x"}, {"log-level", "loud"}};
  variables_["WEIR_LIMITS_QUEUE"] = "0";
  const auto settings = Try();
  ASSERT_FALSE(settings);
  std::vector<std::string> texts;
  for (const Problem& problem : settings.error()) texts.push_back(ToText(problem));
  EXPECT_THAT(texts, testing::UnorderedElementsAre(
                         HasSubstr("unknown key 'lissten'"),
                         HasSubstr("--lisen: unknown flag; did you mean 'listen'?"),
                         HasSubstr("WEIR_LIMITS_QUEUE: takes a whole number from 1"),
                         HasSubstr("--log-level: takes one of debug")));
}

TEST_F(LoadTest, WithoutAHomeTheDataFolderHasToBeNamed) {
  variables_.clear();
  EXPECT_THAT(OnlyProblem(), HasSubstr("--data or WEIR_DATA"));
  variables_["WEIR_DATA"] = "/data";
  EXPECT_EQ(*Good().models, "/data/models");
  variables_["WEIR_MODELS"] = "/store";
  EXPECT_EQ(*Good().models, "/store");
}

}  // namespace
}  // namespace weir::config
