// Rows of the registry's tables as values; for the registry's own sources.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "knowledge/attributes.h"
#include "knowledge/document.h"
#include "sqlite/database.h"

namespace weir::knowledge {

// The order of WEIR_COLUMNS.
DocumentInfo DocumentRow(const sqlite::Statement& row);

#define WEIR_COLUMNS                                                                    \
  "collection, id, name, title, sha256, kind, bytes, pages, chunks, status, label,"     \
  " found_label, reason, message, duplicate_of, updated, created, file_id, attributes," \
  " chunk_tokens, chunk_overlap, asked"

// Calls take(row) for each row.
template <class Take, class... Values>
Result<void> EachRow(sqlite::Database& db, sqlite::Sql sql, const Take& take,
                     const Values&... values) {
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

template <class... Values>
Result<std::vector<DocumentInfo>> RowsOf(sqlite::Database& db, sqlite::Sql sql,
                                         const Values&... values) {
  std::vector<DocumentInfo> rows;
  auto read = EachRow(
      db, sql, [&](const sqlite::Statement& row) { rows.push_back(DocumentRow(row)); }, values...);
  if (!read) return Fail(read.error());
  return rows;
}

inline Result<std::optional<DocumentInfo>> First(Result<std::vector<DocumentInfo>> rows) {
  if (!rows) return Fail(rows.error());
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

template <class... Values>
Result<void> Run(sqlite::Database& db, sqlite::Sql sql, const Values&... values) {
  auto statement = db.Prepare(sql);
  if (!statement) return Fail(statement.error());
  statement->Bind(values...);
  return statement->Run();
}

}  // namespace weir::knowledge
