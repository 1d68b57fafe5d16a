// One connection to one SQLite file, in WAL mode with foreign keys on. SQLite itself is compiled in
// (3.54, see tools/fetch_sqlite.sh); no other folder sees sqlite3.h.
//
// Threads: one at a time; a Database and its Statements stay on the thread that owns the writes.
// Several processes may have the same file open; a writer waits for another up to `busy_timeout`
// and then fails with "storage_locked". Errors: failure.h lists the codes and reasons. A bug in a
// statement's text is an Error with "storage_bug".
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "sqlite/sql.h"
#include "sqlite/statement.h"

struct sqlite3;

namespace weir::sqlite {

// What a commit waits for.
enum class Durability : uint8_t {
  kFull,    // the disk has it: nothing acknowledged is lost with the power (keys, ledger, queue)
  kNormal,  // the kernel has it: survives the process, not the power; for what can be rebuilt
};

struct OpenOptions {
  bool read_only = false;
  Durability durability = Durability::kFull;
  // quick_check reads the whole file (about 1 s for each GB); a damaged file is refused before it
  // is used.
  bool check = true;
  std::chrono::milliseconds busy_timeout{5000};
  int64_t bytes_max = 0;  // beyond, writes fail as "storage_full"; 0 is SQLite's own bound
  // Of a file that is made now: a power of two from 512 to 65,536; 0 is SQLite's own, 4,096. Larger
  // ones suit rows that are put behind one another, many in a transaction: fewer writes for each.
  int page_bytes = 0;
};

class Database {
 public:
  // "WEIR", in the file's header: a file of another program is refused, not filled with our tables.
  static constexpr int32_t kApplicationId = 0x57454952;

  // Creates the file (readable by its owner only) where there is none; its folder must exist.
  static Result<Database> Open(const std::filesystem::path& path, const OpenOptions& options = {});
  // For tests and scratch work: no file at all.
  static Result<Database> OpenInMemory();

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  // Closes; the last connection to a file moves the WAL into it.
  ~Database();

  // One statement. What was prepared before, and is not in use now, is taken again.
  Result<Statement> Prepare(Sql sql);
  // One or more statements without parameters; rows are dropped.
  Result<void> Execute(Sql sql);

  int64_t LastInsertId() const;
  // Rows that the latest INSERT, UPDATE or DELETE touched.
  int64_t Changes() const;
  // A number that changes when another connection has committed since the last call; not when this
  // one has.
  Result<int64_t> DataVersion();
  // Ends a transaction that Execute began, if one is open; nothing of it happened.
  void Abandon() noexcept;
  // Moves what is committed from the WAL into the file, as far as readers allow.
  Result<void> Checkpoint();

 private:
  friend class Transaction;

  struct Close {
    void operator()(sqlite3* handle) const;
  };
  Database(std::unique_ptr<sqlite3, Close> handle, std::string name);

  static Result<Database> OpenHandle(const std::string& path, std::string name, int flags,
                                     const OpenOptions& options);
  Result<void> SetUp(const OpenOptions& options);
  Result<void> Claim();
  Result<void> QuickCheck();
  Result<void> Run(const std::string& sql);
  Result<int64_t> ReadInt(Sql sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::unique_ptr<std::string> name_;    // of the file, without its folder; statements point at it
  std::unique_ptr<StatementPool> pool_;  // and at this; it goes before the handle
};

// Everything between Begin and Commit happens, or nothing: what is destroyed without a Commit is
// rolled back. Takes the write lock at once, so that it cannot lose it halfway. Not nested.
class Transaction {
 public:
  static Result<Transaction> Begin(Database& db);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Durable when it returns without an error (Durability says against what). After an error nothing
  // has happened; after "storage_io" alone a crash may still bring it back, so what is repeated
  // must be harmless.
  Result<void> Commit();

 private:
  explicit Transaction(sqlite3* handle, std::string_view file) : handle_(handle), file_(file) {}

  sqlite3* handle_;  // null when committed or moved away
  std::string_view file_;
};

}  // namespace weir::sqlite
