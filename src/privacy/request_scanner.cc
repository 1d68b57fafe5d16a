#include "privacy/request_scanner.h"

#include <fmt/core.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::privacy {

static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16);
static_assert(crypto_shorthash_siphashx24_BYTES == 16);

RequestScanner::RequestScanner(std::shared_ptr<const Detector> detector)
    : detector_(std::move(detector)) {
  randombytes_buf(secret_.data(), secret_.size());
}

void RequestScanner::Look(Gathered& gathered, const TextPlace& place, std::string_view text) {
  Scanned& scanned = gathered.scanned;
  gathered.bytes += text.size();
  const bool too_much = gathered.bytes > kRequestMax;
  for (const Seen& seen : too_much ? Verdict{{"", chat::Label::kUnscanned}} : VerdictOn(text)) {
    if (seen.label == chat::Label::kUnscanned) {
      if (!std::exchange(scanned.unscanned, true)) scanned.unscanned_at = ToText(place);
      continue;
    }
    scanned.label = chat::Join(scanned.label, seen.label);
    if (std::ranges::find(gathered.types, seen.type) != gathered.types.end()) continue;
    gathered.types.push_back(seen.type);
    if (scanned.why.size() >= kLinesMax) continue;
    scanned.why.push_back(fmt::format("label {}: detector {} at {}", chat::LabelName(seen.label),
                                      seen.type, ToText(place)));
  }
}

RequestScanner::Key RequestScanner::KeyOf(std::string_view text) const {
  std::array<unsigned char, 16> hash;
  crypto_shorthash_siphashx24(hash.data(), reinterpret_cast<const unsigned char*>(text.data()),
                              text.size(), secret_.data());
  Key key;
  std::memcpy(&key.first, hash.data(), sizeof key.first);
  std::memcpy(&key.second, hash.data() + sizeof key.first, sizeof key.second);
  return key;
}

RequestScanner::Verdict RequestScanner::VerdictOn(std::string_view text) {
  if (text.size() < kRememberedMin) return DetectIn(*detector_, text);
  const Key key = KeyOf(text);
  if (const auto found = recent_.find(key); found != recent_.end()) return found->second;
  Verdict verdict;
  if (const auto found = older_.find(key); found != older_.end()) {
    verdict = std::move(found->second);
    older_.erase(found);
  } else {
    verdict = DetectIn(*detector_, text);
  }
  Remember(key, verdict);
  return verdict;
}

void RequestScanner::Remember(const Key& key, Verdict verdict) {
  if (recent_.size() >= kRememberedMax / 2) older_ = std::exchange(recent_, {});
  recent_.emplace(key, std::move(verdict));
}

void RequestScanner::AddUnread(std::string_view text, std::vector<Unread>& unread) const {
  if (text.size() < kRememberedMin) return;
  const Key key = KeyOf(text);
  if (!recent_.contains(key) && !older_.contains(key)) unread.push_back({key, std::string(text)});
}

void RequestScanner::Learn(std::vector<Read> read) {
  for (Read& one : read) Remember(one.key, std::move(one.verdict));
}

RequestScanner::Verdict RequestScanner::DetectIn(const Detector& detector, std::string_view text) {
  Verdict verdict;
  for (const Finding& finding : detector.Find(text)) {
    const bool known = std::ranges::find(verdict, finding.type, &Seen::type) != verdict.end();
    if (!known) verdict.push_back({finding.type, finding.label});
  }
  return verdict;
}

}  // namespace weir::privacy
