// Marks of texts: keyed hashes by which a text is known again without being kept. One key for each
// tenant, derived from a secret of this installation: marks of different tenants have nothing in
// common, and a mark says nothing about its text to whoever lacks the secret. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat/message.h"

namespace weir::privacy {

inline constexpr size_t kMarkedBytesMin = 65;  // of one text; shorter ones only count in prefixes
inline constexpr size_t kSecretBytes = 32;

struct Mark {
  std::array<std::byte, 16> bytes = {};
  auto operator<=>(const Mark&) const = default;
};
struct MarkHash {
  size_t operator()(const Mark& mark) const {
    size_t hash = 0;
    std::memcpy(&hash, mark.bytes.data(), sizeof hash);
    return hash;
  }
};

struct Marks {
  // Of user, assistant and tool messages, and of files of plain text, that are long enough.
  std::vector<Mark> texts = {};
  std::vector<Mark> prefixes = {};  // that end after a user turn
  // Of all assistant messages with text, whatever their length: to know who wrote them.
  std::vector<Mark> assistant = {};
};

// White space at both ends of a text does not count: clients trim it.
Marks MarksOf(std::string_view secret, std::string_view tenant,
              std::span<const chat::Message> messages);
// Of single texts (inputs of an embedding, prompts), those that are long enough.
std::vector<Mark> MarksOf(std::string_view secret, std::string_view tenant,
                          std::span<const std::string> texts);
// Of an answer, as a later request will carry it: its text and its assistant's mark.
Marks MarksOfAnswer(std::string_view secret, std::string_view tenant, std::string_view text);

}  // namespace weir::privacy
