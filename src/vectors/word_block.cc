#include "vectors/word_block.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "vectors/block_ladder.h"
#include "vectors/words.h"

namespace weir::vectors {

void WordBlock::Builder::Add(std::string_view text) {
  CHECK(rows() < kLadderRows, "a block that is full");
  const auto row = static_cast<uint16_t>(rows());
  uint32_t length = 0;
  ForEachTerm(text, [&](std::string_view term) {
    Entries& entries = terms_[std::string(term)];
    if (entries.rows.empty() || entries.rows.back() != row) {
      entries.rows.push_back(row);
      entries.times.push_back(1);
    } else if (entries.times.back() != std::numeric_limits<uint8_t>::max()) {
      ++entries.times.back();
    }
    ++length;
  });
  lengths_.push_back(length);
}

void WordBlock::Builder::Append(const WordBlock& block) {
  CHECK(rows() + block.rows() <= kLadderRows, "a block that is full");
  const auto offset = static_cast<uint16_t>(rows());
  for (size_t t = 0; t + 1 < block.terms_.size(); ++t) {
    Entries& entries = terms_[std::string(block.TextOf(t))];
    for (uint32_t i = block.terms_[t].start; i < block.terms_[t + 1].start; ++i) {
      entries.rows.push_back(static_cast<uint16_t>(block.rows_[i] + offset));
      entries.times.push_back(block.times_[i]);
    }
  }
  lengths_.insert(lengths_.end(), block.lengths_.begin(), block.lengths_.end());
}

WordBlock WordBlock::Builder::Build() const {
  std::vector<const std::pair<const std::string, Entries>*> sorted;
  sorted.reserve(terms_.size());
  size_t hits = 0;
  for (const auto& term : terms_) {
    sorted.push_back(&term);
    hits += term.second.rows.size();
  }
  std::ranges::sort(sorted, {}, [](const auto* term) { return std::string_view(term->first); });
  WordBlock block;
  block.lengths_ = lengths_;
  block.terms_.reserve(sorted.size() + 1);
  block.rows_.reserve(hits);
  block.times_.reserve(hits);
  const auto begin = [&] {
    return Term{.text = static_cast<uint32_t>(block.texts_.size()),
                .start = static_cast<uint32_t>(block.rows_.size()),
                .length_least = std::numeric_limits<uint32_t>::max(),
                .times_most = 0};
  };
  for (const auto* term : sorted) {
    Term made = begin();
    const Entries& entries = term->second;
    for (size_t i = 0; i < entries.rows.size(); ++i) {
      made.length_least = std::min(made.length_least, lengths_[entries.rows[i]]);
      made.times_most = std::max(made.times_most, entries.times[i]);
    }
    block.terms_.push_back(made);
    block.texts_ += term->first;
    block.rows_.insert(block.rows_.end(), entries.rows.begin(), entries.rows.end());
    block.times_.insert(block.times_.end(), entries.times.begin(), entries.times.end());
  }
  block.terms_.push_back(begin());
  block.texts_.shrink_to_fit();
  return block;
}

std::optional<WordBlock::Hits> WordBlock::Find(std::string_view term) const {
  size_t first = 0;
  size_t count = terms_.size() - 1;
  while (count > 0) {
    const size_t half = count / 2;
    if (TextOf(first + half) < term) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  if (first + 1 >= terms_.size() || TextOf(first) != term) return std::nullopt;
  const uint32_t from = terms_[first].start;
  const uint32_t size = terms_[first + 1].start - from;
  return Hits{.rows = std::span(rows_).subspan(from, size),
              .times = std::span(times_).subspan(from, size),
              .times_most = terms_[first].times_most,
              .length_least = terms_[first].length_least};
}

}  // namespace weir::vectors
