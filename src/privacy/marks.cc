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

class Hasher {
 public:
  Hasher(std::string_view secret, std::string_view tenant) {
    StartSodium();
    CHECK(secret.size() == kSecretBytes, "the secret of marks has 32 bytes");
    crypto_generichash(key_.data(), key_.size(), Bytes(tenant), tenant.size(), Bytes(secret),
                       secret.size());
  }

  // `kind` keeps hashes of different things apart.
  crypto_generichash_state Start(char kind) const {
    crypto_generichash_state state;
    crypto_generichash_init(&state, key_.data(), key_.size(), sizeof(Mark));
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&kind), 1);
    return state;
  }
  static void Add(crypto_generichash_state& state, std::string_view text) {
    const uint64_t length = text.size();
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&length),
                              sizeof length);
    crypto_generichash_update(&state, Bytes(text), text.size());
  }
  // By value: a prefix goes on after its mark was taken.
  static Mark Take(crypto_generichash_state state) {
    Mark mark;
    crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(mark.bytes.data()),
                             mark.bytes.size());
    return mark;
  }
  Mark Of(char kind, std::string_view text) const {
    crypto_generichash_state state = Start(kind);
    Add(state, text);
    return Take(state);
  }

 private:
  std::array<unsigned char, 32> key_ = {};
};

constexpr char kText = 't';
constexpr char kPrefix = 'p';
constexpr char kAssistant = 'a';

// All that a later request could carry of it.
std::string WholeText(const chat::Message& message) {
  std::string text = chat::TextOf(message);
  for (const chat::Part& part : message.parts) {
    if (chat::IsTextFile(part)) text += part.data;
  }
  for (const chat::ToolCall& call : message.tool_calls) text += call.arguments;
  return text;
}

}  // namespace

Marks MarksOf(std::string_view secret, std::string_view tenant,
              std::span<const chat::Message> messages) {
  const Hasher hasher(secret, tenant);
  Marks marks;
  crypto_generichash_state prefix = hasher.Start(kPrefix);
  for (const chat::Message& message : messages) {
    const std::string whole = WholeText(message);
    const std::string_view text = Trim(whole);
    Hasher::Add(prefix, chat::RoleName(message.role));
    Hasher::Add(prefix, text);
    // A file is known again beside another question, too.
    for (const chat::Part& part : message.parts) {
      const std::string_view file = Trim(part.data);
      if (file.size() < kMarkedBytesMin || !chat::IsTextFile(part)) continue;
      marks.texts.push_back(hasher.Of(kText, file));
    }
    const bool spoken = message.role == chat::Role::kUser ||
                        message.role == chat::Role::kAssistant || message.role == chat::Role::kTool;
    if (spoken && text.size() >= kMarkedBytesMin) marks.texts.push_back(hasher.Of(kText, text));
    if (message.role == chat::Role::kAssistant && !text.empty()) {
      marks.assistant.push_back(hasher.Of(kAssistant, text));
    }
    if (message.role == chat::Role::kUser) marks.prefixes.push_back(Hasher::Take(prefix));
  }
  return marks;
}

std::vector<Mark> MarksOf(std::string_view secret, std::string_view tenant,
                          std::span<const std::string> texts) {
  const Hasher hasher(secret, tenant);
  std::vector<Mark> marks;
  for (const std::string& whole : texts) {
    const std::string_view text = Trim(whole);
    if (text.size() >= kMarkedBytesMin) marks.push_back(hasher.Of(kText, text));
  }
  return marks;
}

Marks MarksOfAnswer(std::string_view secret, std::string_view tenant, std::string_view whole) {
  const Hasher hasher(secret, tenant);
  const std::string_view text = Trim(whole);
  Marks marks{.assistant = {hasher.Of(kAssistant, text)}};
  if (text.size() >= kMarkedBytesMin) marks.texts.push_back(hasher.Of(kText, text));
  return marks;
}

}  // namespace weir::privacy
