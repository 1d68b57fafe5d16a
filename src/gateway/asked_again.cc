#include "gateway/asked_again.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/fnv.h"
#include "base/random.h"
#include "hash/sodium.h"

namespace weir::gateway {
namespace {

// Of a text that is longer the beginning and the end are read: two that differ in between alone are
// rare, and taking one for the other costs nothing.
constexpr size_t kEndBytes = size_t{32} << 10;

// SipHash-2-4, eight bytes at a time: who does not know the key cannot make two texts alike.
uint64_t KeyedHash(std::span<const unsigned char, crypto_shorthash_KEYBYTES> key,
                   std::string_view text) {
  uint64_t hash = 0;
  static_assert(sizeof hash == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data());
  return hash;
}

}  // namespace

AskedAgain::AskedAgain() {
  StartSodium();
  FillRandom(std::as_writable_bytes(std::span(secret_)));
}

uint64_t AskedAgain::HashOf(const chat::Principal& caller, const chat::GenerateRequest& request,
                            size_t count) const {
  Fnv1a hash;
  const auto add = [&](std::string_view text) {
    hash.Add(text.size()).Add(KeyedHash(secret_, text.substr(0, kEndBytes)));
    if (text.size() > kEndBytes) {
      const size_t rest = std::max(kEndBytes, text.size() - kEndBytes);
      hash.Add(KeyedHash(secret_, text.substr(rest)));
    }
  };
  add(caller.tenant);
  add(caller.key_id);
  add(caller.user);
  for (size_t i = 0; i < count; ++i) {
    const chat::Message& message = request.messages[i];
    hash.Add(static_cast<uint64_t>(message.role)).Add(message.parts.size());
    for (const chat::Part& part : message.parts) {
      hash.Add(static_cast<uint64_t>(part.kind));
      add(part.text);
      add(part.data);
    }
    for (const chat::ToolCall& call : message.tool_calls) {
      add(call.name);
      add(call.arguments);
    }
  }
  return hash.value();
}

const AskedAgain::Answer* AskedAgain::Find(uint64_t hash, MonotonicTime now) const {
  const auto found = answers_.find(hash);
  return found == answers_.end() || now - found->second.time > kFor ? nullptr : &found->second;
}

void AskedAgain::Answered(const chat::Principal& caller, const chat::GenerateRequest& request,
                          const std::string& decision_id, std::vector<Prefix> prefixes,
                          MonotonicTime now) {
  if (request.messages.empty()) return;
  const uint64_t hash = HashOf(caller, request, request.messages.size());
  const auto [place, fresh] =
      answers_.insert_or_assign(hash, Answer{decision_id, request.model, std::move(prefixes), now});
  if (fresh) order_.push_back(hash);
  if (order_.size() <= kTurnsMax) return;
  answers_.erase(order_.front());
  order_.pop_front();
}

AskedAgain::Earlier AskedAgain::Look(const chat::Principal& caller,
                                     const chat::GenerateRequest& request,
                                     MonotonicTime now) const {
  Earlier earlier;
  if (answers_.empty() || request.messages.empty()) return earlier;
  const bool drawn = !request.sampling.temperature || *request.sampling.temperature > 0;
  if (drawn) {
    if (const Answer* same = Find(HashOf(caller, request, request.messages.size()), now)) {
      earlier.repeats = same->decision_id;
      earlier.same_name = same->asked == request.model;
    }
  }
  // ..., what was asked, the answer, what is asked now or what its tools gave.
  const size_t count = request.messages.size();
  const auto role = [&](size_t back) { return request.messages[count - back].role; };
  size_t fresh = 1;
  while (fresh < count && role(fresh) == chat::Role::kTool) ++fresh;
  const bool in_loop = fresh > 1;
  if (in_loop) --fresh;
  const bool goes_on = count >= fresh + 2 && role(fresh + 1) == chat::Role::kAssistant &&
                       (in_loop || role(1) == chat::Role::kUser);
  if (goes_on) {
    if (const Answer* before = Find(HashOf(caller, request, count - fresh - 1), now)) {
      if (!in_loop) earlier.continues = before->decision_id;
      earlier.prefixes = before->prefixes;
      earlier.age = now - before->time;
    }
  }
  return earlier;
}

}  // namespace weir::gateway
