// A KV cache with the rules of llama.cpp's C API, as far as a scheduler can break them: cells that
// belong to sets of sequences, contiguous positions, bounded ids, batches and cells. For tests.
//
// Its "logits" are a hash of exactly the tokens that a row can see, found by looking at the cells,
// so a cell that is lost, stale or wrongly shared changes what is sampled. Every cell remembers the
// tenant and group that it was computed for, so sharing across them is seen even where the tokens
// are the same.
#pragma once

#include <fmt/format.h>

#include <bitset>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "scheduler/plan.h"

namespace weir::scheduler::testing {

inline uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9E3779B97F4A7C15ull + b + 0x7F4A7C15ull;
  x ^= x >> 31;
  x *= 0xBF58476D1CE4E5B9ull;
  return x ^ (x >> 29);
}

// What a model that sees these tokens answers.
inline uint64_t HistoryHash(std::span<const Token> tokens) {
  uint64_t hash = 1;
  for (const Token token : tokens) hash = Mix(hash, static_cast<uint64_t>(token) + 17);
  return hash;
}

class FakeMemory {
 public:
  struct Origin {
    uint64_t tenant = 0;
    uint32_t group = 0;
    bool operator==(const Origin&) const = default;
  };
  struct Logits {
    uint64_t hash = 0;
    std::vector<Origin> origins;  // of the cells that the row saw
  };

  explicit FakeMemory(const Options& options) : options_(options), cells_(options.cells) {}

  // "" or the rule that was broken.
  std::string Apply(const SeqOp& op) {
    if (op.seq < 0 || op.seq >= options_.seqs_max) return fmt::format("op on sequence {}", op.seq);
    const bool whole = op.from == 0 && op.to == -1;
    if (options_.sharing == Sharing::kWhole && !whole) return "partial edit of a whole-only memory";
    if (op.kind == SeqOp::Kind::kCopy) {
      if (op.source < 0 || op.source >= options_.seqs_max) return "copy from no sequence";
      if (Length(op.seq) != 0) return fmt::format("copy into the used sequence {}", op.seq);
      if (op.to > Length(op.source)) return "copy of more than there is";
    }
    for (Cell& cell : cells_) {
      const bool inside = cell.pos >= op.from && (op.to < 0 || cell.pos < op.to);
      if (cell.pos < 0 || !inside) continue;
      if (op.kind == SeqOp::Kind::kCopy) {
        if (cell.seqs.test(op.source)) cell.seqs.set(op.seq);
      } else {
        cell.seqs.reset(op.seq);
        if (cell.seqs.none()) cell = Cell{};
      }
    }
    return "";
  }

  // The batch's own rules, checked before any outcome.
  std::string CheckRows(std::span<const Row> rows) const {
    if (static_cast<int32_t>(rows.size()) > options_.batch_tokens_max) return "batch too large";
    int32_t outputs = 0;
    std::map<Seq, int32_t> lengths;
    for (const Row& row : rows) {
      if (row.seq < 0 || row.seq >= options_.seqs_max) return "row on no sequence";
      const int32_t length = lengths.try_emplace(row.seq, Length(row.seq)).first->second++;
      if (row.pos != length)
        return fmt::format("sequence {}: position {} after {}", row.seq, row.pos, length - 1);
      outputs += row.output ? 1 : 0;
    }
    if (outputs > options_.outputs_max) return "too many outputs";
    return "";
  }

  bool HasRoom(size_t rows) const { return used() + static_cast<int32_t>(rows) <= options_.cells; }

  void Put(const Row& row, const Origin& origin) {
    for (Cell& cell : cells_) {
      if (cell.pos >= 0) continue;
      cell.pos = row.pos;
      cell.token = row.token;
      cell.origin = origin;
      cell.seqs.set(row.seq);
      return;
    }
  }

  Logits See(Seq seq, int32_t pos) const {
    std::vector<Token> tokens(static_cast<size_t>(pos) + 1, -1);
    Logits logits;
    for (const Cell& cell : cells_) {
      if (cell.pos < 0 || cell.pos > pos || !cell.seqs.test(seq)) continue;
      tokens[static_cast<size_t>(cell.pos)] = cell.token;
      logits.origins.push_back(cell.origin);
    }
    logits.hash = HistoryHash(tokens);
    return logits;
  }

  int32_t Length(Seq seq) const {
    int32_t length = 0;
    for (const Cell& cell : cells_) length += cell.pos >= 0 && cell.seqs.test(seq) ? 1 : 0;
    return length;
  }
  int32_t used() const {
    int32_t used = 0;
    for (const Cell& cell : cells_) used += cell.pos >= 0 ? 1 : 0;
    return used;
  }

 private:
  struct Cell {
    int32_t pos = -1;
    Token token = 0;
    Origin origin{};
    std::bitset<kSeqsLimit> seqs{};
  };
  const Options options_;
  std::vector<Cell> cells_;
};

}  // namespace weir::scheduler::testing
