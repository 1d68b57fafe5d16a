#include "scheduler/host_tier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace weir::scheduler {
namespace {

constexpr Duration kHitWorth = std::chrono::seconds(15);
constexpr int32_t kHitsCounted = 8;
// A copy that shares its beginning with another entry stores that beginning twice, so it has to
// bring at least one new token for so many.
constexpr int32_t kTokensForOneNew = 8;
// A template may end a prompt otherwise than it writes the same place in the next one: with the
// marks of thinking, for one.
constexpr int32_t kPromptEnd = 4;

int32_t CommonPrefix(std::span<const Token> a, std::span<const Token> b) {
  const size_t n = std::min(a.size(), b.size());
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(n);
  return static_cast<int32_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

}  // namespace

HostTier::Match HostTier::Find(const Domain& domain, std::span<const Token> tokens,
                               int32_t limit) const {
  Match best;
  if (limit <= 0) return best;
  const std::span<const Token> wanted = tokens.first(static_cast<size_t>(limit));
  for (const Entry& entry : entries_) {
    if (!(entry.domain == domain)) continue;
    const int32_t common = CommonPrefix(entry.tokens, wanted);
    const auto stored = static_cast<int32_t>(entry.tokens.size());
    const bool shorter = common == best.length && stored < best.stored;
    if (common > best.length || (common > 0 && shorter)) best = {common, stored, entry.slot};
  }
  return best;
}

// Whether a sequence of so many tokens is the same conversation one turn later.
bool HostTier::Continues(size_t tokens, int32_t common, const Entry& entry) const {
  const auto stored = static_cast<int32_t>(entry.tokens.size());
  if (common == stored) return true;
  return entry.prompt >= extension_min_ && common >= entry.prompt - kPromptEnd &&
         stored - common <= static_cast<int32_t>(tokens) - common;
}

HostTier::Overlap HostTier::LongestOverlap(const Domain& domain,
                                           std::span<const Token> tokens) const {
  Overlap most;
  for (const Entry& entry : entries_) {
    if (!(entry.domain == domain)) continue;
    const int32_t common = CommonPrefix(entry.tokens, tokens);
    const bool continues = Continues(tokens.size(), common, entry);
    if (common > most.common) {
      most = {common, continues};
    } else if (common == most.common) {
      most.continues = most.continues || continues;
    }
  }
  return most;
}

// While no size is known a first copy may take all that is left.
uint64_t HostTier::Estimate(size_t tokens) const {
  if (!knows_size()) return bytes_max_ - bytes_;
  constexpr double kMargin = 1.125;
  constexpr uint64_t kHeader = 64;
  return static_cast<uint64_t>(std::ceil(static_cast<double>(tokens) * token_bytes_ * kMargin)) +
         kHeader;
}

HostTier::Worth HostTier::Judge(const Domain& domain, std::span<const Token> tokens) const {
  const auto size = static_cast<int32_t>(tokens.size());
  const Overlap overlap = LongestOverlap(domain, tokens);
  const int32_t fresh = size - overlap.common;
  if (overlap.common > 0 && fresh < extension_min_) return Worth::kHeld;
  if (size < tokens_min_) return Worth::kTrifle;
  const int32_t fresh_min = std::max(tokens_min_, size / kTokensForOneNew);
  if (overlap.common > 0 && !overlap.continues && fresh < fresh_min) return Worth::kTrifle;
  const uint64_t bytes = Estimate(tokens.size());
  return bytes == 0 || bytes > bytes_max_ ? Worth::kNoRoom : Worth::kSave;
}

bool HostTier::Add(const Domain& domain, std::vector<Token> tokens, int32_t prompt, Seq seq,
                   MonotonicTime now, std::vector<SeqOp>& ops) {
  int32_t hits = 0;
  for (size_t i = entries_.size(); i-- > 0;) {
    const Entry& entry = entries_[i];
    if (!(entry.domain == domain) || entry.slot == held_) continue;
    if (!Continues(tokens.size(), CommonPrefix(entry.tokens, tokens), entry)) continue;
    hits = std::max(hits, entry.hits);
    Erase(i, ops);
  }
  const uint64_t allowed = Estimate(tokens.size());
  while (bytes_ + allowed > bytes_max_ || entries() >= kEntriesMax) {
    const size_t least = LeastValuable();
    if (least == entries_.size()) return false;
    Erase(least, ops);
  }
  const Slot slot = ++slots_;
  ops.push_back({.kind = SeqOp::Kind::kSave, .seq = seq, .slot = slot, .bytes_max = allowed});
  bytes_ += allowed;
  entries_.push_back({domain, std::move(tokens), prompt, slot, allowed, now, hits});
  return true;
}

void HostTier::Saved(Slot slot, uint64_t bytes) {
  const auto entry = std::ranges::find(entries_, slot, &Entry::slot);
  if (entry == entries_.end()) return;
  CHECK(bytes <= entry->bytes, "a copy keeps within what was allowed for it");
  bytes_ -= entry->bytes;
  if (bytes == 0) {
    entries_.erase(entry);
    return;
  }
  entry->bytes = bytes;
  bytes_ += bytes;
  const auto tokens = static_cast<double>(entry->tokens.size());
  token_bytes_ = std::max(token_bytes_, static_cast<double>(bytes) / tokens);
}

void HostTier::Touch(Slot slot, MonotonicTime now) {
  const auto entry = std::ranges::find(entries_, slot, &Entry::slot);
  CHECK(entry != entries_.end(), "the entry is there");
  entry->used = now;
  entry->hits = std::min(entry->hits + 1, kHitsCounted);
}

void HostTier::Lose(Slot slot, std::vector<SeqOp>& ops) {
  const auto entry = std::ranges::find(entries_, slot, &Entry::slot);
  if (entry != entries_.end()) Erase(static_cast<size_t>(entry - entries_.begin()), ops);
}

void HostTier::Erase(size_t index, std::vector<SeqOp>& ops) {
  ops.push_back({.kind = SeqOp::Kind::kForget, .slot = entries_[index].slot});
  bytes_ -= entries_[index].bytes;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
}

size_t HostTier::LeastValuable() const {
  size_t least = entries_.size();
  const auto value = [&](size_t i) { return entries_[i].used + kHitWorth * entries_[i].hits; };
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].slot == held_) continue;
    if (least == entries_.size() || value(i) < value(least)) least = i;
  }
  return least;
}

}  // namespace weir::scheduler
