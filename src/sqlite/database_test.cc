#include "sqlite/database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

namespace weir::sqlite {
namespace {

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    std::string pattern = testing::TempDir() + "weir-sqlite-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "weir.db";
  }
  ~SqliteTest() override { std::filesystem::remove_all(folder_); }

  Database Open(const OpenOptions& options = {}) {
    auto db = Database::Open(path_, options);
    EXPECT_TRUE(db.has_value()) << db.error().message;
    return std::move(*db);
  }
  Database OpenWithItems(const OpenOptions& options = {}) {
    Database db = Open(options);
    EXPECT_TRUE(db.Execute(
        "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT"));
    return db;
  }
  static int64_t CountItems(Database& db) {
    auto count = db.Prepare("SELECT count(*) FROM item");
    EXPECT_TRUE(count && count->Step().value_or(false));
    return count->Int(0);
  }
  static Result<void> Insert(Database& db, std::string_view name) {
    auto insert = db.Prepare("INSERT INTO item (name) VALUES (?1)");
    if (!insert) return Fail(insert.error());
    insert->Bind(name);
    return insert->Run();
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(SqliteTest, TheCompiledInLibraryIsPastTheWalResetRace) {
  EXPECT_GE(sqlite3_libversion_number(), 3051003);
  EXPECT_STREQ(sqlite3_libversion(), SQLITE_VERSION);
}

TEST_F(SqliteTest, AStatementMayBeInUseTwiceAtOnce) {
  Database db = OpenWithItems();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Insert(db, name));
  int64_t pairs = 0;
  const auto select = [&] { return db.Prepare("SELECT name FROM item ORDER BY id"); };
  auto outer = select();
  ASSERT_TRUE(outer);
  while (outer->Step().value_or(false)) {
    auto inner = select();
    ASSERT_TRUE(inner);
    while (inner->Step().value_or(false)) ++pairs;
  }
  EXPECT_EQ(pairs, 9);
}

TEST_F(SqliteTest, AStatementStartsAnewAndForgetsWhatItWasGivenBefore) {
  Database db = OpenWithItems();
  ASSERT_TRUE(Insert(db, "a"));
  ASSERT_TRUE(Insert(db, "b"));
  const auto select = [&] { return db.Prepare("SELECT ?1, name FROM item ORDER BY id"); };
  {
    auto first = select();
    ASSERT_TRUE(first);
    first->Bind("given");
    ASSERT_TRUE(first->Step().value_or(false));
    EXPECT_EQ(first->Text(0), "given");
  }  // on its first row
  auto again = select();
  ASSERT_TRUE(again && again->Step().value_or(false));
  EXPECT_TRUE(again->IsNull(0));
  EXPECT_EQ(again->Text(1), "a");
}

TEST_F(SqliteTest, MoreStatementsThanAreKept) {
  Database db = OpenWithItems();
  ASSERT_TRUE(Insert(db, "a"));
  std::vector<Statement> open;
  for (int i = 0; i < 100; ++i) {
    auto select = db.Prepare("SELECT name FROM item");
    ASSERT_TRUE(select && select->Step().value_or(false));
    open.push_back(std::move(*select));
  }
  open.clear();
  EXPECT_EQ(CountItems(db), 1);
}

TEST_F(SqliteTest, EveryTypeComesBackAsItWasBound) {
  Database db = Open();
  ASSERT_TRUE(db.Execute("CREATE TABLE t (a INTEGER, b REAL, c TEXT, d BLOB, e INTEGER) STRICT"));
  const std::string text("nul\0inside", 10);
  const std::byte blob[] = {std::byte{0}, std::byte{255}};
  auto insert = db.Prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)");
  ASSERT_TRUE(insert);
  insert->Bind(INT64_MIN, 0.25, std::string_view(text), std::span<const std::byte>(blob), nullptr);
  ASSERT_TRUE(insert->Run());

  auto select = db.Prepare("SELECT * FROM t");
  ASSERT_TRUE(select && select->Step().value_or(false));
  EXPECT_EQ(select->Int(0), INT64_MIN);
  EXPECT_EQ(select->Real(1), 0.25);
  EXPECT_EQ(select->Text(2), text);
  ASSERT_EQ(select->Blob(3).size(), 2u);
  EXPECT_EQ(select->Blob(3)[1], std::byte{255});
  EXPECT_TRUE(select->IsNull(4));
  EXPECT_EQ(select->OptionalInt(4), std::nullopt);
  EXPECT_FALSE(select->Step().value());
}

TEST_F(SqliteTest, AnEmptyTextIsNotNull) {
  Database db = OpenWithItems();
  ASSERT_TRUE(Insert(db, std::string_view()));
  auto select = db.Prepare("SELECT name FROM item");
  ASSERT_TRUE(select->Step().value());
  EXPECT_FALSE(select->IsNull(0));
}

TEST_F(SqliteTest, TheFileIsForItsOwnerAlone) {
  Database db = OpenWithItems();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat status = {};
    ASSERT_EQ(stat((path_.string() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteTest, ATransactionWithoutACommitLeavesNothing) {
  Database db = OpenWithItems();
  {
    auto transaction = Transaction::Begin(db);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(Insert(db, "lost"));
  }
  EXPECT_EQ(CountItems(db), 0);
  auto transaction = Transaction::Begin(db);
  ASSERT_TRUE(Insert(db, "kept"));
  ASSERT_TRUE(transaction->Commit());
  EXPECT_EQ(CountItems(db), 1);
}

TEST_F(SqliteTest, ASecondWriterIsToldThatTheFileIsLocked) {
  Database first = OpenWithItems();
  Database second = Open({.busy_timeout = std::chrono::milliseconds(1)});
  auto held = Transaction::Begin(first);
  ASSERT_TRUE(held);
  const auto refused = Transaction::Begin(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "storage_locked");
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
}

TEST_F(SqliteTest, AFullDiskIsToldAndLosesNothingCommitted) {
  Database db = OpenWithItems({.bytes_max = int64_t{8} * 4096});
  ASSERT_TRUE(Insert(db, "kept"));
  Result<void> written;
  for (int i = 0; i < 100 && written; ++i) {
    written = Insert(db, std::string(1000, 'a') + std::to_string(i));
  }
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, "storage_full");
  EXPECT_GE(CountItems(db), 1);
}

TEST_F(SqliteTest, ACommitThatAFailureRolledBackIsNotReportedAsDone) {
  Database db = OpenWithItems({.bytes_max = int64_t{8} * 4096});
  auto transaction = Transaction::Begin(db);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(Insert(db, "one"));
  ASSERT_TRUE(db.Execute("ROLLBACK"));
  EXPECT_FALSE(transaction->Commit());
  EXPECT_EQ(CountItems(db), 0);
}

TEST_F(SqliteTest, WritingToAReadOnlyDatabaseIsRefused) {
  {
    OpenWithItems();
  }
  Database db = Open({.read_only = true});
  const auto written = Insert(db, "no");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, "storage_read_only");
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsCalledDamaged) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto db = Database::Open(path_);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().reason, "storage_corrupt");
}

TEST_F(SqliteTest, ADamagedPageIsFoundOnOpening) {
  {
    Database db = OpenWithItems();
    for (int i = 0; i < 200; ++i)
      ASSERT_TRUE(Insert(db, std::string(500, 'a') + std::to_string(i)));
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 3);
  file << std::string(2048, '\xff');
  file.close();
  const auto db = Database::Open(path_);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().reason, "storage_corrupt");
}

TEST_F(SqliteTest, AForeignDatabaseIsNotFilledWithOurTables) {
  {
    Database db = OpenWithItems();
    ASSERT_TRUE(db.Execute("PRAGMA application_id = 7"));
  }
  const auto db = Database::Open(path_);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().reason, "storage_foreign");
}

TEST_F(SqliteTest, AMissingFolderIsTold) {
  const auto db = Database::Open(folder_ / "missing" / "weir.db");
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().reason, "storage_cannot_open");
}

TEST_F(SqliteTest, AConflictIsAConflict) {
  Database db = OpenWithItems();
  ASSERT_TRUE(Insert(db, "one"));
  const auto again = Insert(db, "one");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_EQ(again.error().message.find("one"), std::string::npos) << "no values in errors";
}

TEST_F(SqliteTest, ForeignKeysAreEnforced) {
  Database db = OpenWithItems();
  ASSERT_TRUE(db.Execute("CREATE TABLE part (item INTEGER NOT NULL REFERENCES item(id)) STRICT"));
  EXPECT_FALSE(db.Execute("INSERT INTO part VALUES (42)"));
}

TEST_F(SqliteTest, ADoubleQuotedStringIsABugAndNotAText) {
  Database db = OpenWithItems();
  const auto statement = db.Prepare("SELECT \"no such column\" FROM item");
  ASSERT_FALSE(statement);
  EXPECT_EQ(statement.error().reason, "storage_bug");
}

TEST_F(SqliteTest, TheDataVersionChangesWhenSomebodyElseCommits) {
  Database mine = OpenWithItems();
  Database theirs = Open();
  const int64_t before = mine.DataVersion().value();
  ASSERT_TRUE(Insert(mine, "mine"));
  EXPECT_EQ(mine.DataVersion().value(), before);
  ASSERT_TRUE(Insert(theirs, "theirs"));
  EXPECT_NE(mine.DataVersion().value(), before);
}

// The child tells each name only after its commit returned; whatever it told must be there after it
// was killed.
TEST_F(SqliteTest, WhatWasAcknowledgedSurvivesAKill) {
  {
    OpenWithItems();
  }
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto db = Database::Open(path_);
    for (int i = 0; db; ++i) {
      if (!Insert(*db, std::to_string(i))) _exit(1);
      if (write(pipes[1], &i, sizeof(i)) != sizeof(i)) _exit(2);
    }
    _exit(3);
  }
  int acknowledged = -1;
  while (acknowledged < 50) ASSERT_EQ(read(pipes[0], &acknowledged, sizeof(acknowledged)), 4);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(pipes[1]);
  for (int last; read(pipes[0], &last, sizeof(last)) == 4;) acknowledged = last;
  close(pipes[0]);
  Database db = Open();
  EXPECT_GE(CountItems(db), acknowledged + 1);
}

}  // namespace
}  // namespace weir::sqlite
