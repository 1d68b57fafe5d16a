#include "cli/document_walk.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "cli/git.h"
#include "cli/web_page.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class DocumentWalkTest : public testing::Test {
 protected:
  DocumentWalkTest() {
    std::string pattern = testing::TempDir() + "weir-walk-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    top_ = folder_ / "papers";
    fs::create_directories(top_ / "more");
    fs::create_directories(top_ / ".hidden");
    for (const char* name : {"a.md", "b.bin", "build.log", "more/c.txt", ".hidden/d.md", ".e.md"}) {
      std::ofstream(top_ / name) << name;
    }
    fs::create_symlink(top_ / "a.md", top_ / "link.md");
  }
  ~DocumentWalkTest() override { fs::remove_all(folder_); }

  bool Git(const std::string& arguments) {
    const std::string quiet = " >/dev/null 2>&1";
    return std::system(("git -C " + top_.string() + " " + arguments + quiet).c_str()) == 0;
  }
  bool MakeRepository() {
    return Git("init -b main") && Git("add a.md more/c.txt .hidden/d.md link.md") &&
           Git("-c user.name=T -c user.email=t@example.org commit -m first");
  }
  Names NamesOf(const IngestOptions& options) {
    const DocumentWalk walk = WalkDocuments(options, folder_ / "cache");
    EXPECT_FALSE(walk.error) << walk.error->message;
    Names names;
    for (const FoundDocument& document : walk.documents) names.push_back(document.name);
    return names;
  }

  fs::path folder_, top_;
};

TEST_F(DocumentWalkTest, AFolderWithoutWhatIsHiddenOrALink) {
  const DocumentWalk walk = WalkDocuments({.paths = {top_.string()}}, {});
  EXPECT_EQ(walk.skipped, 1u);
  EXPECT_EQ(walk.roots, Names{"papers/"});
  EXPECT_EQ(walk.folders, (std::set<fs::path>{top_, top_ / "more"}));
  EXPECT_EQ(NamesOf({.paths = {top_.string() + "/"}}),
            (Names{"papers/a.md", "papers/build.log", "papers/more/c.txt"}));
}

TEST_F(DocumentWalkTest, ARepositoryWithoutWhatGitIgnores) {
  if (!MakeRepository()) GTEST_SKIP() << "git is not installed";
  std::ofstream(top_ / ".gitignore") << "*.log\n";
  std::ofstream(top_ / "not-yet-added.md") << "new";
  fs::remove(top_ / "a.md");
  EXPECT_EQ(NamesOf({.paths = {top_.string()}}),
            (Names{"papers/more/c.txt", "papers/not-yet-added.md"}));
  EXPECT_EQ(NamesOf({.paths = {top_.string()}, .no_ignore = true}),
            (Names{"papers/build.log", "papers/more/c.txt", "papers/not-yet-added.md"}));
}

TEST_F(DocumentWalkTest, ARepositoryCannotMakeGitRunItsPrograms) {
  if (!MakeRepository()) GTEST_SKIP() << "git is not installed";
  const fs::path proof = folder_ / "ran";
  const fs::path program = folder_ / "program.sh";
  std::ofstream(program) << "#!/bin/sh\ntouch " << proof.string() << "\n";
  fs::permissions(program, fs::perms::owner_all);
  ASSERT_TRUE(Git("config core.fsmonitor " + program.string()));
  EXPECT_TRUE(Git("ls-files --others"));
  ASSERT_TRUE(fs::exists(proof)) << "the trap works";
  fs::remove(proof);
  EXPECT_EQ(NamesOf({.paths = {top_.string()}}).size(), 3u);
  EXPECT_FALSE(fs::exists(proof));
}

TEST_F(DocumentWalkTest, ARepositoryFromElsewhereAndItsNextCommit) {
  if (!MakeRepository()) GTEST_SKIP() << "git is not installed";
  const IngestOptions options{.paths = {"git+file://" + top_.string()}};
  EXPECT_EQ(NamesOf(options), (Names{"papers/a.md", "papers/more/c.txt"}));
  fs::remove(top_ / "a.md");
  std::ofstream(top_ / "z.md") << "later";
  ASSERT_TRUE(Git("add -A . ':!.e.md' ':!b.bin' ':!build.log'"));
  ASSERT_TRUE(Git("-c user.name=T -c user.email=t@example.org commit -m second"));
  EXPECT_EQ(NamesOf(options), (Names{"papers/more/c.txt", "papers/z.md"}));

  const DocumentWalk walk =
      WalkDocuments({.paths = {"git+file://" + top_.string() + "-nowhere"}}, folder_ / "cache");
  ASSERT_TRUE(walk.error);
  EXPECT_EQ(walk.error->reason, "git_failed");
}

TEST(Address, IsOfARepositoryOrAPage) {
  for (const char* repository :
       {"git+https://example.org/a", "https://example.org/a/b.git", "ssh://git@example.org/a",
        "git@example.org:a/b.git", "git://example.org/a"}) {
    EXPECT_TRUE(IsRepositoryAddress(repository)) << repository;
    EXPECT_FALSE(IsPageAddress(repository)) << repository;
    EXPECT_FALSE(IsLocal(repository)) << repository;
  }
  for (const char* page : {"https://example.org", "http://127.0.0.1:80/a.html"}) {
    EXPECT_TRUE(IsPageAddress(page)) << page;
    EXPECT_FALSE(IsLocal(page)) << page;
  }
  for (const char* path : {"papers", "a@b", "papers/a:b@c.md", "./notes.git", "C:/a"}) {
    EXPECT_TRUE(IsLocal(path)) << path;
  }
  EXPECT_EQ(RepositoryName("https://example.org/a/name.git"), "name");
  EXPECT_EQ(RepositoryName("git@example.org:name.git/"), "name");
  EXPECT_EQ(RepositoryName("https://example.org/..git"), "repository");
}

TEST(PageName, SaysWhereAPageIsFromAndWhatItIs) {
  EXPECT_EQ(PageName("https://example.org/", "text/html; charset=utf-8"), "example.org.html");
  EXPECT_EQ(PageName("https://example.org/a/b.php?x=1#part", "text/html"),
            "example.org/a/b.php?x=1.html");
  EXPECT_EQ(PageName("https://example.org/a.htm", "text/html"), "example.org/a.htm");
  EXPECT_EQ(PageName("https://example.org/paper", "application/pdf"), "example.org/paper.pdf");
  EXPECT_EQ(PageName("https://example.org/main.py", "text/plain"), "example.org/main.py");
  EXPECT_EQ(PageName("https://user:word@example.org/a.html", ""), "example.org/a.html");
  EXPECT_EQ(HostOf("http://127.0.0.1:8080/a"), "127.0.0.1");
}

}  // namespace
}  // namespace weir::cli
