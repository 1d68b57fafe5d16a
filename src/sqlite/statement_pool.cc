#include "sqlite/statement_pool.h"

#include <sqlite3.h>

#include <algorithm>

namespace weir::sqlite {

StatementPool::~StatementPool() {
  for (const Idle& idle : idle_) sqlite3_finalize(idle.handle);
}

sqlite3_stmt* StatementPool::Take(std::string_view text) {
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Idle& idle) {
    return idle.text.data() == text.data() && idle.text.size() == text.size();
  });
  if (found == idle_.rend()) return nullptr;
  sqlite3_stmt* handle = found->handle;
  idle_.erase(std::next(found).base());
  return handle;
}

void StatementPool::GiveBack(sqlite3_stmt* handle, std::string_view text) {
  sqlite3_reset(handle);
  sqlite3_clear_bindings(handle);  // what was bound may be large, or secret
  if (idle_.size() == kIdleMax) {
    sqlite3_finalize(idle_.front().handle);
    idle_.erase(idle_.begin());
  }
  idle_.push_back({text, handle});
}

}  // namespace weir::sqlite
