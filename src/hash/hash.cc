#include "hash/hash.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace weir {
namespace {

// Looked up once for each: OpenSSL searches its providers for it.
const EVP_MD* Fetch(const char* name) {
  EVP_MD* const method = EVP_MD_fetch(nullptr, name, nullptr);
  CHECK(method != nullptr, "libcrypto has the hash");
  return method;
}

const EVP_MD* Sha256Method() {
  static const EVP_MD* const method = Fetch("SHA256");
  return method;
}

const EVP_MD* Md5Method() {
  static const EVP_MD* const method = Fetch("MD5");
  return method;
}

}  // namespace

void Hash::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hash::Hash(const evp_md_st* method) : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr && EVP_DigestInit_ex2(context_.get(), method, nullptr) == 1,
        "a hash begins");
}

void Hash::Add(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "a hash goes on");
}

std::string Hash::Bytes() const {
  const std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
  std::string bytes(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  CHECK(copy != nullptr && EVP_MD_CTX_copy_ex(copy.get(), context_.get()) == 1 &&
            EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) ==
                1,
        "a hash ends");
  bytes.resize(size);
  return bytes;
}

std::string Hash::Hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : Bytes()) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

Sha256::Sha256() : Hash(Sha256Method()) {}
Md5::Md5() : Hash(Md5Method()) {}

std::string Sha256::Of(std::string_view text) {
  Sha256 hash;
  hash.Add(text);
  return hash.Hex();
}

}  // namespace weir
