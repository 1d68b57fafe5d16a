#include "sqlite/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"
#include "sqlite/failure.h"
#include "sqlite/statement_pool.h"

namespace weir::sqlite {
namespace {

// SQLite gives the WAL and its index the permissions of the file, so it is enough to create that
// one narrowly.
void CreateForOwnerOnly(const std::string& path) {
  const int descriptor = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) close(descriptor);  // SQLite tells better why it cannot be opened
}

Result<void> ExecuteText(sqlite3* handle, const char* sql, std::string_view file) {
  if (sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return Fail(Failure(sqlite3_extended_errcode(handle), file));
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const {
  CHECK(sqlite3_close(handle) == SQLITE_OK, "statements must die before their database");
}

Database::Database(std::unique_ptr<sqlite3, Close> handle, std::string name)
    : handle_(std::move(handle)),
      name_(std::make_unique<std::string>(std::move(name))),
      pool_(std::make_unique<StatementPool>()) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&& other) noexcept {
  pool_ = std::move(other.pool_);  // first: a handle closes without statements
  handle_ = std::move(other.handle_);
  name_ = std::move(other.name_);
  return *this;
}
Database::~Database() = default;

Result<Database> Database::Open(const std::filesystem::path& path, const OpenOptions& options) {
  if (!options.read_only) CreateForOwnerOnly(path.string());
  const int flags =
      options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  return OpenHandle(path.string(), path.filename().string(), flags, options);
}

Result<Database> Database::OpenInMemory() {
  return OpenHandle(":memory:", "in memory", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, {});
}

Result<Database> Database::OpenHandle(const std::string& path, std::string name, int flags,
                                      const OpenOptions& options) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_EXRESCODE, /*zVfs=*/nullptr);
  std::unique_ptr<sqlite3, Close> handle(raw);
  if (code != SQLITE_OK) return Fail(Failure(code, name));
  Database db(std::move(handle), std::move(name));
  if (auto ready = db.SetUp(options); !ready) return Fail(std::move(ready.error()));
  return db;
}

Result<void> Database::SetUp(const OpenOptions& options) {
  sqlite3_busy_timeout(handle_.get(), static_cast<int>(options.busy_timeout.count()));
  // A damaged or hostile file may not bring code along in its schema.
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (options.page_bytes > 0) {  // before anything is written
    if (auto set = Run(fmt::format("PRAGMA page_size = {}", options.page_bytes)); !set) return set;
  }
  if (auto claimed = options.read_only ? Result<void>() : Claim(); !claimed) return claimed;
  if (options.check) {
    if (auto checked = QuickCheck(); !checked) return checked;
  }
  if (auto set = Run("PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON"); !set) return set;
  if (options.bytes_max > 0) {
    const auto page_bytes = ReadInt("PRAGMA page_size");
    if (!page_bytes) return Fail(page_bytes.error());
    const int64_t pages = options.bytes_max / *page_bytes;
    if (auto set = Run(fmt::format("PRAGMA max_page_count = {}", pages)); !set) return set;
  }
  if (options.read_only) return {};
  return Run(options.durability == Durability::kFull
                 ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"
                 : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
}

Result<void> Database::Claim() {
  const auto id = ReadInt("PRAGMA application_id");
  if (!id) return Fail(id.error());
  if (*id == kApplicationId) return {};
  const auto tables = ReadInt("SELECT count(*) FROM sqlite_schema");
  if (!tables) return Fail(tables.error());
  if (*id != 0 || *tables != 0) {
    return Fail(
        Code::kConflict,
        fmt::format("the database {} belongs to another program; choose another data folder",
                    *name_),
        /*param=*/{}, "storage_foreign");
  }
  return Run(fmt::format("PRAGMA application_id = {}", kApplicationId));
}

Result<void> Database::QuickCheck() {
  auto check = Prepare("PRAGMA quick_check(1)");
  if (!check) return Fail(std::move(check.error()));
  auto row = check->Step();
  if (!row) return Fail(std::move(row.error()));
  if (*row && check->Text(0) == "ok") return {};
  return Fail(Failure(SQLITE_CORRUPT, *name_));
}

Result<Statement> Database::Prepare(Sql sql) {
  const std::string_view text = sql.text();
  if (sqlite3_stmt* known = pool_->Take(text)) return Statement(known, text, *pool_, *name_);
  sqlite3_stmt* handle = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), text.data(), static_cast<int>(text.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, &rest);
  if (code != SQLITE_OK) return Fail(Failure(code, *name_));
  CHECK(handle != nullptr, "an empty statement");
  CHECK(rest == text.data() + text.size(), "one statement at a time");
  return Statement(handle, text, *pool_, *name_);
}

Result<void> Database::Execute(Sql sql) { return Run(std::string(sql.text())); }

Result<void> Database::Run(const std::string& sql) {
  return ExecuteText(handle_.get(), sql.c_str(), *name_);
}

Result<int64_t> Database::ReadInt(Sql sql) {
  auto statement = Prepare(sql);
  if (!statement) return Fail(std::move(statement.error()));
  const auto row = statement->Step();
  if (!row) return Fail(row.error());
  return *row ? statement->Int(0) : 0;
}

int64_t Database::LastInsertId() const { return sqlite3_last_insert_rowid(handle_.get()); }
int64_t Database::Changes() const { return sqlite3_changes64(handle_.get()); }
Result<int64_t> Database::DataVersion() { return ReadInt("PRAGMA data_version"); }
void Database::Abandon() noexcept {
  if (sqlite3_get_autocommit(handle_.get()) != 0) return;
  sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}
Result<void> Database::Checkpoint() { return Run("PRAGMA wal_checkpoint(PASSIVE)"); }

Result<Transaction> Transaction::Begin(Database& db) {
  CHECK(sqlite3_get_autocommit(db.handle_.get()) != 0, "a transaction inside a transaction");
  if (auto begun = db.Run("BEGIN IMMEDIATE"); !begun) return Fail(std::move(begun.error()));
  return Transaction(db.handle_.get(), *db.name_);
}

Transaction::Transaction(Transaction&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), file_(other.file_) {}

Transaction::~Transaction() {
  if (handle_ == nullptr) return;
  // Some failures (a full disk, an I/O error) have rolled back already.
  if (sqlite3_get_autocommit(handle_) != 0) return;
  sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Transaction::Commit() {
  CHECK(handle_ != nullptr, "a transaction that is over");
  // A statement's failure may have rolled everything back; a COMMIT then would claim what did not
  // happen.
  if (sqlite3_get_autocommit(handle_) != 0) return Fail(Failure(SQLITE_ABORT_ROLLBACK, file_));
  if (auto committed = ExecuteText(handle_, "COMMIT", file_); !committed) return committed;
  handle_ = nullptr;
  return {};
}

}  // namespace weir::sqlite
