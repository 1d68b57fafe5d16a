// The secret half of an API key: `weir_sk_` and 43 characters of base64url, 256 random bits.
// Private to this folder.
//
// What is stored is its BLAKE2b-256 digest, unsalted and fast on purpose. Slow, salted hashes
// (argon2) protect secrets that people choose, which can be guessed; nobody guesses 256 random
// bits, whatever a guess costs, and a slow hash would let anybody who sends wrong keys buy our
// time. The digest is separated from all other uses by a fixed hash key.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::keys {

using Digest = std::array<std::byte, 32>;

inline constexpr std::string_view kSecretPrefix = "weir_sk_";
inline constexpr size_t kSecretLength = 51;

// A new secret. Any thread.
std::string NewSecret();

// Of a presented credential; nothing when it has not the shape of a key of ours. The time depends
// on the length and shape alone. Any thread.
std::optional<Digest> DigestOf(std::string_view presented);

// In constant time.
bool SameDigest(const Digest& a, const Digest& b);

}  // namespace weir::keys
