#include "vectors/word_index.h"

#include <algorithm>
#include <cmath>

#include "vectors/words.h"

namespace weir::vectors {
namespace {

constexpr float kSaturation = 1.2F;     // k1
constexpr float kLengthWeight = 0.75F;  // b

struct Term {
  std::string text;
  float weight = 0;
};

// What a text's length takes from its terms.
float LengthFactor(uint32_t length, float mean) {
  return kSaturation * (1 - kLengthWeight + kLengthWeight * static_cast<float>(length) / mean);
}
float Part(uint8_t times, float length_factor) {
  const auto t = static_cast<float>(times);
  return t * (kSaturation + 1) / (t + length_factor);
}

size_t CountLive(const WordView& words, std::string_view term, const Bitmap* dead) {
  size_t count = 0;
  for (const auto& [first_row, block] : words.parts) {
    const auto hits = block->Find(term);
    if (!hits) continue;
    if (dead == nullptr) {
      count += hits->rows.size();
      continue;
    }
    for (const uint16_t row : hits->rows) count += dead->Test(first_row + row) ? 0 : 1;
  }
  return count;
}

// Terms that no live row has are left out.
std::vector<Term> Weigh(const WordView& words, std::string_view query, const Bitmap* dead) {
  std::vector<Term> terms;
  for (std::string& text : TermsOf(query)) {
    const size_t rows = CountLive(words, text, dead);
    if (rows == 0) continue;
    const double others = static_cast<double>(words.texts) - static_cast<double>(rows);
    const double weight = std::log(1 + (others + 0.5) / (static_cast<double>(rows) + 0.5));
    terms.push_back({std::move(text), static_cast<float>(weight)});
  }
  return terms;
}

class BlockSearch {
 public:
  BlockSearch(const Bitmap* dead, const Bitmap* eligible, float mean, Best& best)
      : dead_(dead), eligible_(eligible), mean_(mean), best_(best) {}

  void Run(const WordView::Part& part, std::span<const Term> terms) {
    found_.clear();
    float most = 0;
    for (const Term& term : terms) {
      const auto hits = part.block->Find(term.text);
      if (!hits) continue;
      most += term.weight * Part(hits->times_most, LengthFactor(hits->length_least, mean_));
      found_.emplace_back(*hits, term.weight);
    }
    // No row of the block can come among the best: a little more than the bound, for rounding.
    if (-most * 1.0001F > best_.worst()) return;
    factors_.resize(part.block->rows());
    scores_.assign(part.block->rows(), 0);
    for (size_t row = 0; row < factors_.size(); ++row) {
      factors_[row] = LengthFactor(part.block->LengthOf(row), mean_);
    }
    for (const auto& [hits, weight] : found_) {
      for (size_t i = 0; i < hits.rows.size(); ++i) {
        scores_[hits.rows[i]] += weight * Part(hits.times[i], factors_[hits.rows[i]]);
      }
    }
    for (size_t i = 0; i < scores_.size(); ++i) {
      if (scores_[i] == 0 || -scores_[i] > best_.worst()) continue;
      const auto row = part.first_row + static_cast<uint32_t>(i);
      if (dead_ != nullptr && dead_->Test(row)) continue;
      if (eligible_ != nullptr && !eligible_->Test(row)) continue;
      best_.Show(-scores_[i], row);
    }
  }

 private:
  const Bitmap* dead_;
  const Bitmap* eligible_;
  float mean_;
  Best& best_;
  std::vector<std::pair<WordBlock::Hits, float>> found_;
  std::vector<float> factors_;
  std::vector<float> scores_;
};

}  // namespace

void WordIndex::Add(std::string_view text) {
  const size_t at = last_.rows();
  last_.Add(text);
  const uint32_t length = last_.LengthOf(at);
  lengths_.push_back(length);
  texts_ += length > 0 ? 1 : 0;
  length_ += length;
  if (last_.rows() < kFold) return;
  blocks_[0].push_back(std::make_shared<WordBlock>(last_.Build()));
  last_ = {};
  for (size_t size = 0; size + 1 < kSizes && blocks_[size].size() == kFold; ++size) {
    WordBlock::Builder joined;
    for (const auto& block : blocks_[size]) joined.Append(*block);
    blocks_[size + 1].push_back(std::make_shared<WordBlock>(joined.Build()));
    blocks_[size].clear();
  }
}

void WordIndex::Kill(uint32_t row) {
  texts_ -= lengths_[row] > 0 ? 1 : 0;
  length_ -= lengths_[row];
}

WordView WordIndex::Look() const {
  WordView view{.texts = texts_, .length = length_};
  uint32_t row = 0;
  const auto add = [&](const std::shared_ptr<const WordBlock>& block) {
    view.parts.push_back({row, block});
    row += static_cast<uint32_t>(block->rows());
  };
  for (size_t size = kSizes; size-- > 0;) {
    for (const auto& block : blocks_[size]) add(block);
  }
  if (last_.rows() > 0) add(std::make_shared<WordBlock>(last_.Build()));
  return view;
}

std::vector<Candidate> SearchWords(const WordView& words, std::string_view query,
                                   const Bitmap* dead, const Bitmap* eligible, size_t count) {
  Best best(count);
  const auto terms = Weigh(words, query, dead);
  if (terms.empty()) return {};
  const float mean = static_cast<float>(words.length) / static_cast<float>(words.texts);
  BlockSearch search(dead, eligible, mean, best);
  for (const auto& part : words.parts) search.Run(part, terms);
  return best.Take();
}

}  // namespace weir::vectors
