#include "vectors/word_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "vectors/words.h"

namespace weir::vectors {
namespace {

constexpr float kSaturation = 1.2F;     // k1
constexpr float kLengthWeight = 0.75F;  // b

using MaybeHits = std::optional<WordBlock::Hits>;

struct Term {
  float weight = 0;
  std::vector<MaybeHits> hits;  // in each part
};

// What a text's length takes from its terms.
float LengthFactor(uint32_t length, float mean) {
  return kSaturation * (1 - kLengthWeight + kLengthWeight * static_cast<float>(length) / mean);
}
float Part(uint8_t times, float length_factor, float weight) {
  const auto t = static_cast<float>(times);
  return weight * (t * (kSaturation + 1) / (t + length_factor));
}

size_t CountLive(const WordView::Part& part, const MaybeHits& hits, const Bitmap* dead) {
  if (!hits) return 0;
  if (dead == nullptr) return hits->rows.size();
  return static_cast<size_t>(std::ranges::count_if(
      hits->rows, [&](uint16_t row) { return !dead->Test(part.first_row + row); }));
}

// Terms that no live row has are left out.
std::vector<Term> Weigh(const WordView& words, std::string_view query, const Bitmap* dead) {
  std::vector<Term> terms;
  for (const std::string& text : TermsOf(query)) {
    Term term;
    size_t rows = 0;
    for (const WordView::Part& part : words.parts) {
      term.hits.push_back(part.block->Find(text));
      rows += CountLive(part, term.hits.back(), dead);
    }
    if (rows == 0) continue;
    const double others = static_cast<double>(words.texts) - static_cast<double>(rows);
    const double weight = std::log(1 + (others + 0.5) / (static_cast<double>(rows) + 0.5));
    term.weight = static_cast<float>(weight);
    terms.push_back(std::move(term));
  }
  return terms;
}

// The search in one block after the other (MaxScore, Turtle and Flood). Terms that together cannot
// bring a row among the best, by their bounds in the block, are only looked at for rows that have
// one of the others, and these only while they can still come among the best.
//
// Scores are added up as doubles, which hold a sum of these floats exactly: so a row's score is the
// same number in whichever order its terms were looked at.
class BlockSearch {
 public:
  BlockSearch(const Bitmap* dead, const Bitmap* eligible, float mean, Best& best)
      : dead_(dead), eligible_(eligible), mean_(mean), best_(best) {}

  void Run(const WordView::Part& part, std::span<const Term> terms, size_t number) {
    found_.clear();
    double most = 0;
    for (const Term& term : terms) {
      const MaybeHits& hits = term.hits[number];
      if (!hits) continue;
      const float bound =
          Part(hits->times_most, LengthFactor(hits->length_least, mean_), term.weight);
      most += bound;
      found_.push_back({*hits, term.weight, bound});
    }
    if (!Reaches(most)) return;
    std::ranges::sort(found_, {}, &Found::bound);
    size_t weak = 0;
    double weak_most = 0;
    for (; weak < found_.size() && !Reaches(weak_most + found_[weak].bound); ++weak) {
      weak_most += found_[weak].bound;
    }
    const size_t rows = part.block->rows();
    scores_.assign(rows, 0);
    factors_.resize(rows);
    for (size_t row = 0; row < rows; ++row) {
      factors_[row] = LengthFactor(part.block->LengthOf(row), mean_);
    }
    for (size_t i = weak; i < found_.size(); ++i) AddAll(found_[i]);
    // What is below cannot come among the best; a score is never 0 where there is any.
    least_ = std::max(-best_.worst() * 0.9999 - weak_most, std::numeric_limits<double>::min());
    rows_.clear();
    for (size_t row = 0; row < rows; ++row) {
      if (scores_[row] < least_ || !MayCount(part.first_row + static_cast<uint32_t>(row))) continue;
      rows_.push_back(static_cast<uint16_t>(row));
    }
    for (size_t i = 0; i < weak; ++i) AddToRows(found_[i]);
    for (const uint16_t row : rows_) {
      best_.Show(-static_cast<float>(scores_[row]), part.first_row + row);
    }
  }

 private:
  struct Found {
    WordBlock::Hits hits;
    float weight;
    float bound;  // on what a row of the block gets from it
  };

  // A little more than the bound, for rounding.
  bool Reaches(double bound) const { return -bound * 1.0001 <= best_.worst(); }

  bool MayCount(uint32_t row) const {
    return (dead_ == nullptr || !dead_->Test(row)) &&
           (eligible_ == nullptr || eligible_->Test(row));
  }

  void Add(const Found& found, size_t hit) {
    const uint16_t row = found.hits.rows[hit];
    scores_[row] += Part(found.hits.times[hit], factors_[row], found.weight);
  }

  // In three steps, of which the one that divides runs in vector registers.
  void AddAll(const Found& found) {
    constexpr size_t kStep = 256;
    std::array<float, kStep> parts;
    for (size_t from = 0; from < found.hits.rows.size(); from += kStep) {
      const auto rows =
          found.hits.rows.subspan(from, std::min(kStep, found.hits.rows.size() - from));
      const uint8_t* times = &found.hits.times[from];
      for (size_t i = 0; i < rows.size(); ++i) parts[i] = factors_[rows[i]];
      for (size_t i = 0; i < rows.size(); ++i) parts[i] = Part(times[i], parts[i], found.weight);
      for (size_t i = 0; i < rows.size(); ++i) scores_[rows[i]] += parts[i];
    }
  }

  // To the rows of rows_ alone.
  void AddToRows(const Found& found) {
    const auto hits = found.hits.rows;
    // Looking a row up costs about as much as walking so many.
    constexpr size_t kLookUp = 40;
    if (rows_.size() * kLookUp >= hits.size()) {
      for (size_t hit = 0; hit < hits.size(); ++hit) {
        if (scores_[hits[hit]] >= least_) Add(found, hit);
      }
      return;
    }
    auto at = hits.begin();
    for (const uint16_t row : rows_) {
      at = std::lower_bound(at, hits.end(), row);
      if (at == hits.end()) return;
      if (*at == row) Add(found, static_cast<size_t>(at - hits.begin()));
    }
  }

  const Bitmap* dead_;
  const Bitmap* eligible_;
  float mean_;
  Best& best_;
  std::vector<Found> found_;
  std::vector<float> factors_;
  std::vector<double> scores_;
  double least_ = 0;
  std::vector<uint16_t> rows_;  // that may come among the best, by what was added up so far
};

}  // namespace

void WordIndex::Add(std::string_view text) {
  WordBlock::Builder& last = blocks_.last();
  const size_t at = last.rows();
  last.Add(text);
  const uint32_t length = last.LengthOf(at);
  lengths_.push_back(length);
  texts_ += length > 0 ? 1 : 0;
  length_ += length;
  blocks_.Grown();
}

void WordIndex::Kill(uint32_t row) {
  texts_ -= lengths_[row] > 0 ? 1 : 0;
  length_ -= lengths_[row];
}

WordView WordIndex::Look() const {
  return {.parts = blocks_.Look(), .texts = texts_, .length = length_};
}

void WordView::LeaveOut(const Bitmap& rows) {
  for (const Part& part : parts) {
    const auto count = static_cast<uint32_t>(part.block->rows());
    rows.ForEachIn(part.first_row, part.first_row + count, [&](size_t row) {
      const uint32_t words = part.block->LengthOf(row - part.first_row);
      texts -= words > 0 ? 1 : 0;
      length -= words;
    });
  }
}

std::vector<Candidate> SearchWords(const WordView& words, std::string_view query,
                                   const Bitmap* dead, const Bitmap* eligible, size_t count) {
  Best best(count);
  const auto terms = Weigh(words, query, dead);
  if (terms.empty()) return {};
  const float mean = static_cast<float>(words.length) / static_cast<float>(words.texts);
  BlockSearch search(dead, eligible, mean, best);
  for (size_t i = 0; i < words.parts.size(); ++i) search.Run(words.parts[i], terms, i);
  return best.Take();
}

}  // namespace weir::vectors
