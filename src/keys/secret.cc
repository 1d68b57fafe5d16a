#include "keys/secret.h"

#include "base/check.h"
#include "base/random.h"
#include "hash/sodium.h"

namespace weir::keys {
namespace {

constexpr std::string_view kHashKey = "weir api key digest, version 1";

bool IsBase64Url(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

std::string NewSecret() {
  StartSodium();
  std::array<std::byte, 32> random;
  FillRandom(random);
  std::array<char, 44> text;  // 43 characters and the zero
  static_assert(sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 44);
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(random.data()),
                    random.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  std::string secret(kSecretPrefix);
  secret.append(text.data(), text.size() - 1);
  sodium_memzero(random.data(), random.size());
  sodium_memzero(text.data(), text.size());
  return secret;
}

std::optional<Digest> DigestOf(std::string_view presented) {
  if (presented.size() != kSecretLength || !presented.starts_with(kSecretPrefix)) {
    return std::nullopt;
  }
  for (const char c : presented.substr(kSecretPrefix.size())) {
    if (!IsBase64Url(c)) return std::nullopt;
  }
  StartSodium();
  Digest digest;
  const int failed =
      crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), digest.size(),
                         reinterpret_cast<const unsigned char*>(presented.data()), presented.size(),
                         reinterpret_cast<const unsigned char*>(kHashKey.data()), kHashKey.size());
  CHECK(failed == 0, "BLAKE2b takes these sizes");
  return digest;
}

bool SameDigest(const Digest& a, const Digest& b) {
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace weir::keys
