#include "scheduler/lookup.h"

#include <algorithm>
#include <utility>

namespace weir::scheduler {
namespace {

constexpr double kNewest = 0.125;   // what one token changes of a chance
constexpr size_t kPlacesMin = 256;  // of the table; at most half of them are used
constexpr int32_t kAlikeMax = 16;   // nobody asks for more

uint64_t Mixed(uint64_t x) {
  x ^= x >> 31;
  x *= 0xBF58476D1CE4E5B9ull;
  return x ^ (x >> 29);
}

bool SameRun(std::span<const Token> tokens, int32_t a, int32_t b) {
  for (int32_t i = 1; i <= Lookup::kGram; ++i) {
    if (tokens[static_cast<size_t>(a - i)] != tokens[static_cast<size_t>(b - i)]) return false;
  }
  return true;
}

}  // namespace

// Where the run that ends at `end` is in the table, or belongs.
uint64_t Lookup::Place(std::span<const Token> tokens, int32_t end) const {
  uint64_t hash = 0;
  for (int32_t i = 1; i <= kGram; ++i) {
    hash = Mixed(hash * 0x9E3779B97F4A7C15ull +
                 static_cast<uint64_t>(tokens[static_cast<size_t>(end - i)]) + 1);
  }
  const size_t mask = ends_.size() - 1;
  uint64_t place = hash & mask;
  while (ends_[place] != 0 && !SameRun(tokens, ends_[place], end)) place = (place + 1) & mask;
  return place;
}

void Lookup::Insert(std::span<const Token> tokens, int32_t end) {
  if (2 * (used_ + 1) > ends_.size()) Grow(tokens);
  int32_t& held = ends_[Place(tokens, end)];
  used_ += held == 0 ? 1 : 0;
  held = end;
}

void Lookup::Grow(std::span<const Token> tokens) {
  const std::vector<int32_t> before =
      std::exchange(ends_, std::vector<int32_t>(std::max(kPlacesMin, 2 * ends_.size())));
  for (const int32_t end : before) {
    if (end != 0) ends_[Place(tokens, end)] = end;
  }
}

int32_t Lookup::Find(std::span<const Token> tokens, int32_t end) const {
  return end < kGram || ends_.empty() ? 0 : ends_[Place(tokens, end)];
}

// Token read_ has come: was the place that looked alike right, and which one does now?
void Lookup::Follow(std::span<const Token> tokens, int32_t prompt) {
  const int32_t end = read_ + 1;
  const bool right =
      source_ > 0 && tokens[static_cast<size_t>(source_)] == tokens[static_cast<size_t>(read_)];
  if (source_ > 0 && read_ >= prompt) {
    double& chance = chance_[ClassOf(alike_)];
    chance += kNewest * ((right ? 1 : 0) - chance);
  }
  if (right) {
    ++source_;
    alike_ = std::min(alike_ + 1, kAlikeMax);
    return;
  }
  source_ = Find(tokens, end);
  alike_ = 0;
  while (source_ > alike_ && alike_ < kAlikeMax &&
         tokens[static_cast<size_t>(source_ - 1 - alike_)] ==
             tokens[static_cast<size_t>(end - 1 - alike_)]) {
    ++alike_;
  }
}

void Lookup::Read(std::span<const Token> tokens, int32_t prompt) {
  if (prediction_.empty()) return ReadText(tokens, prompt);
  const std::span<const Token> asked = tokens.first(static_cast<size_t>(prompt));
  const std::span<const Token> end = asked.last(std::min<size_t>(asked.size(), kAlikeMax));
  if (text_.empty()) {
    for (const std::span<const Token> piece : {asked, std::span<const Token>(prediction_), end})
      text_.insert(text_.end(), piece.begin(), piece.end());
  }
  const size_t between = prediction_.size() + end.size();
  const std::span<const Token> fresh = tokens.subspan(text_.size() - between);
  text_.insert(text_.end(), fresh.begin(), fresh.end());
  ReadText(text_, prompt + static_cast<int32_t>(between));
}

void Lookup::ReadText(std::span<const Token> tokens, int32_t prompt) {
  const auto size = static_cast<int32_t>(tokens.size());
  for (; read_ < size; ++read_) {
    Follow(tokens, prompt);
    // Only behind the search: the latest run like this one must not be itself.
    if (read_ + 1 >= kGram) Insert(tokens, read_ + 1);
  }
}

std::vector<Token> Lookup::Draft(std::span<const Token> tokens, int32_t most) const {
  std::vector<Token> draft;
  if (source_ == 0) return draft;
  if (!text_.empty()) tokens = text_;
  const auto size = static_cast<int32_t>(tokens.size());
  for (int32_t i = 0; i < most; ++i) {
    const int32_t from = source_ + i;
    const Token next =
        from < size ? tokens[static_cast<size_t>(from)] : draft[static_cast<size_t>(from - size)];
    if (next < 0) break;  // no token comes like that
    draft.push_back(next);
  }
  return draft;
}

double Lookup::Chance(int32_t index) const {
  return source_ == 0 ? 0 : chance_[ClassOf(std::min(alike_ + index, kAlikeMax))];
}

}  // namespace weir::scheduler
