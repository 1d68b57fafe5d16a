// A prepared statement: bind its parameters, step through its rows.
//
//   auto select = db.Prepare("SELECT name, size FROM model WHERE id = ?1");
//   if (!select) return Fail(select.error());
//   select->Bind(id);
//   for (;;) {
//     auto row = select->Step();
//     if (!row) return Fail(row.error());
//     if (!*row) break;
//     Use(select->Text(0), select->Int(1));
//   }
//
// Belongs to one Database, must die before it, and lives on the same thread. Views that a column
// returns are good until the next Step, Reset or Bind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

struct sqlite3_stmt;

namespace weir::sqlite {

class StatementPool;

class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Starts over and binds all parameters, ?1 first; their count must be the statement's. Texts and
  // blobs are copied.
  template <class... Values>
  void Bind(const Values&... values) {
    Start(sizeof...(values));
    int index = 0;
    (BindOne(++index, values), ...);
  }

  // True when there is a row to read, false at the end (the statement is then reset). After an
  // error it is reset too.
  Result<bool> Step();
  // For statements without rows: one Step, then a reset.
  Result<void> Run();
  // Starts over and keeps the bound values; ends the read transaction that an unfinished SELECT
  // holds open.
  void Reset();

  // Columns of the row that Step found; out of range is a bug. Types convert as SQLite does (NULL
  // is 0 or empty).
  int64_t Int(int column) const;
  double Real(int column) const;
  std::string_view Text(int column) const;
  std::span<const std::byte> Blob(int column) const;
  bool IsNull(int column) const;
  std::optional<int64_t> OptionalInt(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* handle, std::string_view text, StatementPool& pool, std::string_view file)
      : handle_(handle), text_(text), pool_(&pool), file_(file) {}

  void Start(size_t values);
  void CheckColumn(int column) const;
  void BindOne(int index, std::nullptr_t);
  void BindOne(int index, int64_t value);
  void BindOne(int index, int value) { BindOne(index, int64_t{value}); }
  void BindOne(int index, uint32_t value) { BindOne(index, int64_t{value}); }
  void BindOne(int index, bool value) { BindOne(index, int64_t{value}); }
  void BindOne(int index, double value);
  void BindOne(int index, std::string_view value);
  void BindOne(int index, const char* value) { BindOne(index, std::string_view(value)); }
  void BindOne(int index, std::span<const std::byte> value);
  template <class T>
  void BindOne(int index, const std::optional<T>& value) {
    if (value) {
      BindOne(index, *value);
    } else {
      BindOne(index, nullptr);
    }
  }

  sqlite3_stmt* handle_;  // goes back to the pool
  std::string_view text_;
  StatementPool* pool_;
  std::string_view file_;  // of the Database
  int bind_failure_ = 0;   // SQLite's code; told by the next Step
  bool on_row_ = false;
};

}  // namespace weir::sqlite
