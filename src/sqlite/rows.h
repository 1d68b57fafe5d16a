// Statements in one call each: prepared (once: the Database keeps them), bound, stepped to their
// end. Errors are those of Statement::Step; the Database must outlive the call, and `take` and
// `make` must not write to it.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sqlite/database.h"

namespace weir::sqlite {

// A statement without rows.
template <class... Values>
Result<void> Run(Database& db, Sql sql, const Values&... values) {
  auto statement = db.Prepare(sql);
  if (!statement) return Fail(statement.error());
  statement->Bind(values...);
  return statement->Run();
}

// Calls take(row) for each row.
template <class Take, class... Values>
Result<void> EachRow(Database& db, Sql sql, const Take& take, const Values&... values) {
  auto select = db.Prepare(sql);
  if (!select) return Fail(select.error());
  select->Bind(values...);
  for (;;) {
    auto row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) return {};
    take(*select);
  }
}

template <class Make>
using Made = std::invoke_result_t<const Make&, const Statement&>;

// make(row) of each row.
template <class Make, class... Values>
Result<std::vector<Made<Make>>> RowsOf(Database& db, Sql sql, const Make& make,
                                       const Values&... values) {
  std::vector<Made<Make>> rows;
  const auto take = [&](const Statement& row) { rows.push_back(make(row)); };
  if (auto read = EachRow(db, sql, take, values...); !read) return Fail(read.error());
  return rows;
}

// make(row) of the first row; none: nothing was found.
template <class Make, class... Values>
Result<std::optional<Made<Make>>> FirstOf(Database& db, Sql sql, const Make& make,
                                          const Values&... values) {
  auto select = db.Prepare(sql);
  if (!select) return Fail(select.error());
  select->Bind(values...);
  auto row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) return std::nullopt;
  return make(*select);
}

}  // namespace weir::sqlite
