// SQLite's result codes as Errors, in words and with what to do. Private to this folder.
//
//   SQLite                     Code          reason
//   BUSY, LOCKED               kUnavailable  storage_locked
//   FULL                       kUnavailable  storage_full
//   READONLY, PERM, CANTOPEN   kUnavailable  storage_read_only, storage_cannot_open
//   CORRUPT, NOTADB            kInternal     storage_corrupt
//   IOERR                      kInternal     storage_io
//   CONSTRAINT                 kConflict     storage_constraint
//   TOOBIG                     kTooLarge     storage_too_big
//   NOMEM                      kUnavailable  storage_no_memory
//   all others                 kInternal     storage_bug
#pragma once

#include <string_view>

#include "base/result.h"

namespace weir::sqlite {

// `code` is an (extended) result code; `file` the database's name without its folder. The text
// holds no values and no statement.
Error Failure(int code, std::string_view file);

}  // namespace weir::sqlite
