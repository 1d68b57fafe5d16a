// Prepared statements between two uses: parsing a statement costs more than running a small one.
// Internal to sqlite; of one Database, on its thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

struct sqlite3_stmt;

namespace weir::sqlite {

class StatementPool {
 public:
  static constexpr size_t kIdleMax = 32;

  StatementPool() { idle_.reserve(kIdleMax); }  // giving back must not need memory
  ~StatementPool();
  StatementPool(const StatementPool&) = delete;
  StatementPool& operator=(const StatementPool&) = delete;

  // One that was given back, reset and without values; null when there is none.
  sqlite3_stmt* Take(std::string_view text);
  // The least recently used goes when there are too many.
  void GiveBack(sqlite3_stmt* handle, std::string_view text);

 private:
  struct Idle {
    std::string_view text;  // a literal of the source (sql.h), so its address tells it
    sqlite3_stmt* handle;
  };
  std::vector<Idle> idle_ = {};  // the most recently used last
};

}  // namespace weir::sqlite
