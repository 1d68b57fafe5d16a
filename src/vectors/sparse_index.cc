#include "vectors/sparse_index.h"

#include <algorithm>
#include <cmath>

namespace weir::vectors {
namespace {

struct Term {
  uint32_t index;
  double weight;
};

bool MayCount(const SparseAmong& among, uint32_t row) {
  return (among.dead == nullptr || !among.dead->Test(row)) &&
         (among.eligible == nullptr || among.eligible->Test(row));
}

double RarityOf(const SparseView& parts, uint32_t index, const SparseAmong& among) {
  size_t having = 0;
  for (const auto& part : parts) {
    const auto hits = part.block->Find(index);
    having += among.dead == nullptr
                  ? hits.rows.size()
                  : static_cast<size_t>(std::ranges::count_if(hits.rows, [&](uint16_t row) {
                      return !among.dead->Test(part.first_row + row);
                    }));
  }
  const auto n = static_cast<double>(having);
  return std::log(1 + (static_cast<double>(among.live) - n + 0.5) / (n + 0.5));
}

// In the order of indices, so that a row's products are always added up in the same order.
std::vector<Term> TermsOf(const SparseView& parts, const SparseVector& query,
                          const SparseAmong& among) {
  std::vector<Term> terms;
  for (size_t i = 0; i < query.indices.size(); ++i) {
    const double rarity = among.idf ? RarityOf(parts, query.indices[i], among) : 1;
    terms.push_back({query.indices[i], query.values[i] * rarity});
  }
  std::ranges::sort(terms, {}, &Term::index);
  return terms;
}

}  // namespace

void SparseBlock::Builder::Add(const SparseVector* vector) {
  const auto row = static_cast<uint16_t>(rows_++);
  for (size_t i = 0; vector != nullptr && i < vector->indices.size(); ++i) {
    entries_.push_back({vector->indices[i], row, vector->values[i]});
  }
}

void SparseBlock::Builder::Append(const SparseBlock& block) {
  for (size_t i = 0; i + 1 < block.terms_.size(); ++i) {
    for (uint32_t at = block.terms_[i].start; at < block.terms_[i + 1].start; ++at) {
      entries_.push_back({block.terms_[i].index, static_cast<uint16_t>(rows_ + block.rows_[at]),
                          block.values_[at]});
    }
  }
  rows_ += block.rows();
}

SparseBlock SparseBlock::Builder::Build() const {
  auto entries = entries_;
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.index != b.index ? a.index < b.index : a.row < b.row;
  });
  SparseBlock block;
  block.count_ = rows_;
  block.rows_.reserve(entries.size());
  block.values_.reserve(entries.size());
  for (const Entry& entry : entries) {
    if (block.terms_.empty() || block.terms_.back().index != entry.index) {
      block.terms_.push_back({entry.index, static_cast<uint32_t>(block.rows_.size()), 0});
    }
    float& most = block.terms_.back().magnitude_most;
    most = std::max(most, std::fabs(entry.value));
    block.rows_.push_back(entry.row);
    block.values_.push_back(entry.value);
  }
  block.terms_.push_back({0, static_cast<uint32_t>(block.rows_.size()), 0});
  block.terms_.shrink_to_fit();
  return block;
}

SparseBlock::Hits SparseBlock::Find(uint32_t index) const {
  const auto end = terms_.end() - 1;
  const auto term = std::ranges::lower_bound(terms_.begin(), end, index, {}, &Term::index);
  if (term == end || term->index != index) return {};
  const size_t size = std::next(term)->start - term->start;
  return {.rows = {&rows_[term->start], size},
          .values = {&values_[term->start], size},
          .magnitude_most = term->magnitude_most};
}

std::vector<Candidate> SearchSparse(const SparseView& parts, const SparseVector& query,
                                    const SparseAmong& among, size_t count) {
  Best best(count);
  const auto terms = TermsOf(parts, query, among);
  std::vector<double> products;
  std::vector<bool> met;
  std::vector<SparseBlock::Hits> found;
  for (const auto& [first_row, block] : parts) {
    found.clear();
    double most = 0;
    bool any = false;
    for (const Term& term : terms) {
      found.push_back(block->Find(term.index));
      most += std::fabs(term.weight) * found.back().magnitude_most;
      any = any || !found.back().rows.empty();
    }
    // A little more than the bound, for rounding.
    if (!any || -most * 1.0001 > best.worst()) continue;
    products.assign(block->rows(), 0);
    met.assign(block->rows(), false);
    for (size_t t = 0; t < terms.size(); ++t) {
      for (size_t hit = 0; hit < found[t].rows.size(); ++hit) {
        const uint16_t row = found[t].rows[hit];
        products[row] += terms[t].weight * found[t].values[hit];
        met[row] = true;
      }
    }
    for (uint32_t row = 0; row < block->rows(); ++row) {
      if (met[row] && MayCount(among, first_row + row)) {
        best.Show(-static_cast<float>(products[row]), first_row + row);
      }
    }
  }
  return best.Take();
}

}  // namespace weir::vectors
