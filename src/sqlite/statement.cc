#include "sqlite/statement.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "sqlite/failure.h"
#include "sqlite/statement_pool.h"

namespace weir::sqlite {

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      text_(other.text_),
      pool_(other.pool_),
      file_(other.file_),
      bind_failure_(other.bind_failure_),
      on_row_(std::exchange(other.on_row_, false)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(text_, other.text_);
  std::swap(pool_, other.pool_);
  std::swap(file_, other.file_);
  std::swap(bind_failure_, other.bind_failure_);
  std::swap(on_row_, other.on_row_);
  return *this;
}

Statement::~Statement() {
  if (handle_ != nullptr) pool_->GiveBack(handle_, text_);
}

Result<bool> Statement::Step() {
  CHECK(handle_ != nullptr, "a statement that was moved away");
  const int code = bind_failure_ != 0 ? bind_failure_ : sqlite3_step(handle_);
  if (code == SQLITE_ROW) {
    on_row_ = true;
    return true;
  }
  // The extended code has to be read before the reset.
  const int extended =
      bind_failure_ != 0 ? bind_failure_ : sqlite3_extended_errcode(sqlite3_db_handle(handle_));
  Reset();
  if (code == SQLITE_DONE) return false;
  return Fail(Failure(extended, file_));
}

Result<void> Statement::Run() {
  auto row = Step();
  Reset();
  if (!row) return Fail(std::move(row.error()));
  return {};
}

void Statement::Reset() {
  sqlite3_reset(handle_);
  on_row_ = false;
}

void Statement::Start(size_t values) {
  CHECK(handle_ != nullptr, "a statement that was moved away");
  CHECK(static_cast<size_t>(sqlite3_bind_parameter_count(handle_)) == values,
        "bind every parameter, and no more");
  Reset();
  bind_failure_ = 0;
}

void Statement::BindOne(int index, std::nullptr_t) {
  if (const int code = sqlite3_bind_null(handle_, index); code != 0) bind_failure_ = code;
}

void Statement::BindOne(int index, int64_t value) {
  if (const int code = sqlite3_bind_int64(handle_, index, value); code != 0) bind_failure_ = code;
}

void Statement::BindOne(int index, double value) {
  if (const int code = sqlite3_bind_double(handle_, index, value); code != 0) bind_failure_ = code;
}

void Statement::BindOne(int index, std::string_view value) {
  // A null pointer would bind NULL; an empty text is a text.
  const char* data = value.data() != nullptr ? value.data() : "";
  const int code =
      sqlite3_bind_text64(handle_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != 0) bind_failure_ = code;
}

void Statement::BindOne(int index, std::span<const std::byte> value) {
  const int code = value.empty() ? sqlite3_bind_zeroblob(handle_, index, 0)
                                 : sqlite3_bind_blob64(handle_, index, value.data(), value.size(),
                                                       SQLITE_TRANSIENT);
  if (code != 0) bind_failure_ = code;
}

void Statement::CheckColumn(int column) const {
  CHECK(on_row_, "columns are read after Step said that there is a row");
  CHECK(column >= 0 && column < sqlite3_column_count(handle_), "column out of range");
}

int64_t Statement::Int(int column) const {
  CheckColumn(column);
  return sqlite3_column_int64(handle_, column);
}

double Statement::Real(int column) const {
  CheckColumn(column);
  return sqlite3_column_double(handle_, column);
}

std::string_view Statement::Text(int column) const {
  CheckColumn(column);
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

std::span<const std::byte> Statement::Blob(int column) const {
  CheckColumn(column);
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

bool Statement::IsNull(int column) const {
  CheckColumn(column);
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::optional<int64_t> Statement::OptionalInt(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Int(column);
}

}  // namespace weir::sqlite
