// Hashes of bytes as they come, as bytes or as lower case hexadecimal text; libcrypto's, which
// makes use of the processor's own instructions. A hash belongs to one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;
struct evp_md_st;

namespace weir {

class Hash {
 public:
  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text.data(), text.size()))); }
  // Of everything added so far; more may follow.
  std::string Bytes() const;
  std::string Hex() const;

 protected:
  explicit Hash(const evp_md_st* method);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

class Sha256 : public Hash {
 public:
  Sha256();
  static std::string Of(std::string_view text);  // hexadecimal
};

// Against mistakes alone, where somebody else's protocol has it.
class Md5 : public Hash {
 public:
  Md5();
};

}  // namespace weir
