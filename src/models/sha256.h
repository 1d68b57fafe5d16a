// SHA-256 of bytes as they come, as lower case hexadecimal text. With the processor's own
// instructions where it has them. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace weir::models {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text.data(), text.size()))); }
  // Of everything added so far; more may follow.
  std::string Hex() const;

  static std::string Of(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::models
