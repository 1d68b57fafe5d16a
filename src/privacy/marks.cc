#include "privacy/marks.h"

#include "base/check.h"
#include "base/trim.h"
#include "chat/text_file.h"
#include "hash/sodium.h"

namespace weir::privacy {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// SipHash-2-4 of 128 bits: a keyed hash that reads a gigabyte in a second, and each text is read
// once however many marks it gets.
class Hasher {
 public:
  Hasher(std::string_view secret, std::string_view tenant) {
    StartSodium();
    CHECK(secret.size() == kSecretBytes, "the secret of marks has 32 bytes");
    static_assert(sizeof(keys_) <= crypto_generichash_BYTES_MAX);
    crypto_generichash(reinterpret_cast<unsigned char*>(&keys_), sizeof keys_, Bytes(tenant),
                       tenant.size(), Bytes(secret), secret.size());
  }

  Mark Text(std::string_view text) const { return Of(keys_[0], text); }
  // Of an assistant's message, and of a conversation that goes on with a message: by that one's
  // mark as a text.
  Mark Assistant(const Mark& text) const { return Of(keys_[1], View(text)); }
  Mark Prefix(const Mark& before, chat::Role role, const Mark& text) const {
    std::string parts;
    parts.reserve(64);
    parts += View(before);
    parts += View(text);
    parts += chat::RoleName(role);
    return Of(keys_[2], parts);
  }

 private:
  using Key = std::array<unsigned char, crypto_shorthash_siphashx24_KEYBYTES>;

  static std::string_view View(const Mark& mark) {
    return {reinterpret_cast<const char*>(mark.bytes.data()), mark.bytes.size()};
  }
  static Mark Of(const Key& key, std::string_view text) {
    static_assert(sizeof(Mark) == crypto_shorthash_siphashx24_BYTES);
    Mark mark;
    crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(mark.bytes.data()), Bytes(text),
                                text.size(), key.data());
    return mark;
  }

  std::array<Key, 3> keys_ = {};  // hashes of different things have nothing in common
};

// All that a later request could carry of it, put together in `joined` where it is not one text.
std::string_view WholeText(const chat::Message& message, std::string& joined) {
  const bool one_text = message.parts.size() == 1 &&
                        message.parts[0].kind == chat::Part::Kind::kText &&
                        message.tool_calls.empty();
  if (one_text) return message.parts[0].text;
  joined = chat::TextOf(message);
  for (const chat::Part& part : message.parts) {
    if (chat::IsTextFile(part)) joined += part.data;
  }
  for (const chat::ToolCall& call : message.tool_calls) joined += call.arguments;
  return joined;
}

}  // namespace

Marks MarksOf(std::string_view secret, std::string_view tenant,
              std::span<const chat::Message> messages) {
  const Hasher hasher(secret, tenant);
  Marks marks;
  Mark prefix;
  for (const chat::Message& message : messages) {
    std::string joined;
    const std::string_view text = Trim(WholeText(message, joined));
    const Mark mark = hasher.Text(text);
    prefix = hasher.Prefix(prefix, message.role, mark);
    // A file is known again beside another question, too.
    for (const chat::Part& part : message.parts) {
      const std::string_view file = Trim(part.data);
      if (file.size() < kMarkedBytesMin || !chat::IsTextFile(part)) continue;
      marks.texts.push_back(hasher.Text(file));
    }
    const bool spoken = message.role == chat::Role::kUser ||
                        message.role == chat::Role::kAssistant || message.role == chat::Role::kTool;
    if (spoken && text.size() >= kMarkedBytesMin) marks.texts.push_back(mark);
    if (message.role == chat::Role::kAssistant && !text.empty()) {
      marks.assistant.push_back(hasher.Assistant(mark));
    }
    if (message.role == chat::Role::kUser) marks.prefixes.push_back(prefix);
  }
  return marks;
}

std::vector<Mark> MarksOf(std::string_view secret, std::string_view tenant,
                          std::span<const std::string> texts) {
  const Hasher hasher(secret, tenant);
  std::vector<Mark> marks;
  for (const std::string& whole : texts) {
    const std::string_view text = Trim(whole);
    if (text.size() >= kMarkedBytesMin) marks.push_back(hasher.Text(text));
  }
  return marks;
}

Marks MarksOfAnswer(std::string_view secret, std::string_view tenant, std::string_view whole) {
  const Hasher hasher(secret, tenant);
  const std::string_view text = Trim(whole);
  const Mark mark = hasher.Text(text);
  Marks marks{.assistant = {hasher.Assistant(mark)}};
  if (text.size() >= kMarkedBytesMin) marks.texts.push_back(mark);
  return marks;
}

}  // namespace weir::privacy
