// SQL text that stood in the source. Only a literal becomes an Sql, so no statement can be put
// together from what somebody sent: values travel through Statement's parameters.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir::sqlite {

class Sql {
 public:
  // Implicit, so that calls read db.Prepare("SELECT ..."). consteval, so that a std::string does
  // not compile.
  template <size_t kSize>
  consteval Sql(const char (&literal)[kSize])  // NOLINT(google-explicit-constructor)
      : text_(literal, kSize - 1) {}

  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

}  // namespace weir::sqlite
