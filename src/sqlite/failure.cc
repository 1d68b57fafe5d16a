#include "sqlite/failure.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace weir::sqlite {
namespace {

struct Words {
  Code code;
  std::string_view reason;
  std::string_view what;  // follows "the database NAME "
};

Words WordsFor(int primary) {
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::kUnavailable, "storage_locked", "is locked by another writer; try again"};
    case SQLITE_FULL:
      return {Code::kUnavailable, "storage_full", "could not grow: the disk is full; free space"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Code::kUnavailable, "storage_read_only",
              "cannot be written; check the permissions of the file and its folder"};
    case SQLITE_CANTOPEN:
      return {Code::kUnavailable, "storage_cannot_open",
              "could not be opened; check that its folder exists and may be written"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::kInternal, "storage_corrupt",
              "is damaged or no database; restore it from a backup"};
    case SQLITE_IOERR:
      return {Code::kInternal, "storage_io", "could not be read or written; check the disk"};
    case SQLITE_CONSTRAINT:
      return {Code::kConflict, "storage_constraint", "already holds what conflicts with this"};
    case SQLITE_TOOBIG:
      return {Code::kTooLarge, "storage_too_big", "takes no value of that size"};
    case SQLITE_NOMEM:
      return {Code::kUnavailable, "storage_no_memory", "ran out of memory"};
    default:
      return {Code::kInternal, "storage_bug", "was used wrongly; this is a bug"};
  }
}

}  // namespace

Error Failure(int code, std::string_view file) {
  const Words words = WordsFor(code & 0xff);
  return {words.code,
          fmt::format("the database {} {} (SQLite {}: {})", file, words.what, code,
                      sqlite3_errstr(code)),
          /*param=*/{}, std::string(words.reason), /*retry_after_s=*/0};
}

}  // namespace weir::sqlite
