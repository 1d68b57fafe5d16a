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
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/plan.h"
#include "scheduler/scheduler.h"

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
    bool foreign_plain = false;   // one of them was made by another request, and not reproducibly
  };

  // Of the last Apply calls, told to a scheduler as the engine does.
  void AnswerTo(Scheduler& scheduler) {
    for (const Answer& answer : std::exchange(answers_, {})) {
      if (answer.op.kind == SeqOp::Kind::kSave) {
        scheduler.Saved(answer.op.slot, answer.bytes);
      } else {
        scheduler.Restored(answer.op.slot, answer.op.seq, answer.ok);
      }
    }
  }

  explicit FakeMemory(const Options& options)
      : options_(options), cells_(options.cells), lengths_(kSeqsLimit) {
    for (int32_t i = options.cells - 1; i >= 0; --i) free_.push_back(i);
  }

  // "" or the rule that was broken.
  std::string Apply(const SeqOp& op) {
    if (op.kind == SeqOp::Kind::kForget) return Forget(op.slot);
    if (op.seq < 0 || op.seq >= options_.seqs_max) return fmt::format("op on sequence {}", op.seq);
    if (op.kind == SeqOp::Kind::kSave) return Save(op);
    if (op.kind == SeqOp::Kind::kRestore) return Restore(op);
    const bool whole = op.from == 0 && op.to == -1;
    if (options_.sharing == Sharing::kWhole && !whole) return "partial edit of a whole-only memory";
    if (op.kind == SeqOp::Kind::kCopy) {
      if (op.source < 0 || op.source >= options_.seqs_max) return "copy from no sequence";
      if (Length(op.seq) != 0) return fmt::format("copy into the used sequence {}", op.seq);
      if (op.to > Length(op.source)) return "copy of more than there is";
    }
    for (size_t i = 0; i < cells_.size(); ++i) {
      Cell& cell = cells_[i];
      const bool inside = cell.pos >= op.from && (op.to < 0 || cell.pos < op.to);
      if (cell.pos < 0 || !inside) continue;
      if (op.kind == SeqOp::Kind::kCopy) {
        if (cell.seqs.test(op.source)) Set(cell, op.seq, true);
      } else if (cell.seqs.test(op.seq)) {
        Set(cell, op.seq, false);
        if (cell.seqs.any()) continue;
        cell = Cell{};
        free_.push_back(static_cast<int32_t>(i));
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

  // `reproducible`: computed alone, as a part of one whole fixed chunk.
  void Put(const Row& row, const Origin& origin, bool reproducible = false) {
    Cell& cell = cells_[static_cast<size_t>(free_.back())];
    free_.pop_back();
    cell.pos = row.pos;
    cell.token = row.token;
    cell.origin = origin;
    cell.maker = row.request;
    cell.reproducible = reproducible;
    Set(cell, row.seq, true);
  }

  Logits See(Seq seq, int32_t pos, RequestId viewer = 0) const {
    std::vector<Token> tokens(static_cast<size_t>(pos) + 1, -1);
    Logits logits;
    for (const Cell& cell : cells_) {
      if (cell.pos < 0 || cell.pos > pos || !cell.seqs.test(seq)) continue;
      tokens[static_cast<size_t>(cell.pos)] = cell.token;
      logits.origins.push_back(cell.origin);
      logits.foreign_plain |= cell.maker != viewer && !cell.reproducible;
    }
    logits.hash = HistoryHash(tokens);
    return logits;
  }

  bool failing = false;  // saves and restores do, meanwhile
  size_t copies() const { return copies_.size(); }
  uint64_t copied_bytes() const {
    uint64_t bytes = 0;
    for (const auto& [slot, cells] : copies_) bytes += Bytes(cells.size());
    return bytes;
  }
  static uint64_t Bytes(size_t cells) { return 10 * cells + 30; }

  int32_t Length(Seq seq) const { return lengths_[static_cast<size_t>(seq)]; }
  int32_t used() const { return options_.cells - static_cast<int32_t>(free_.size()); }

 private:
  struct Cell {
    int32_t pos = -1;
    Token token = 0;
    Origin origin{};
    RequestId maker = 0;
    bool reproducible = false;
    std::bitset<kSeqsLimit> seqs{};
  };
  struct Answer {
    SeqOp op;
    uint64_t bytes = 0;  // of a save; 0: failed
    bool ok = false;     // of a restore
  };

  std::string Save(const SeqOp& op) {
    if (!slots_.insert(op.slot).second) return "a slot was used twice";
    if (Length(op.seq) == 0) return "a copy of nothing";
    std::vector<Cell> copy;
    for (const Cell& cell : cells_) {
      if (cell.pos >= 0 && cell.seqs.test(static_cast<size_t>(op.seq))) copy.push_back(cell);
    }
    const uint64_t bytes = Bytes(copy.size());
    const bool kept = !failing && bytes <= op.bytes_max;
    if (kept) copies_.emplace(op.slot, std::move(copy));
    answers_.push_back({.op = op, .bytes = kept ? bytes : 0});
    return "";
  }

  std::string Restore(const SeqOp& op) {
    if (Length(op.seq) != 0) return "a copy put into a used sequence";
    if (!slots_.contains(op.slot)) return "a restore of a slot that never was";
    const auto copy = copies_.find(op.slot);
    answers_.push_back({.op = op, .ok = !failing && copy != copies_.end()});
    if (!answers_.back().ok) return "";
    if (copy->second.size() > free_.size()) return "a restore of more than there is room for";
    for (const Cell& kept : copy->second) {
      if (op.to >= 0 && kept.pos >= op.to) continue;
      Cell& cell = cells_[static_cast<size_t>(free_.back())];
      free_.pop_back();
      cell = kept;
      cell.seqs.reset();
      cell.maker = 0;
      cell.reproducible = false;
      Set(cell, op.seq, true);
    }
    return Length(op.seq) == op.to ? "" : "a restore of less than was promised";
  }

  std::string Forget(Slot slot) {
    if (!slots_.contains(slot)) return "a slot that never was is forgotten";
    copies_.erase(slot);  // not there when its save failed
    return "";
  }

  void Set(Cell& cell, Seq seq, bool held) {
    lengths_[static_cast<size_t>(seq)] += held ? 1 : -1;
    cell.seqs.set(static_cast<size_t>(seq), held);
  }

  const Options options_;
  std::vector<Cell> cells_;
  std::vector<int32_t> free_;
  std::vector<int32_t> lengths_;
  std::map<Slot, std::vector<Cell>> copies_;
  std::set<Slot> slots_;  // ever used
  std::vector<Answer> answers_;
};

}  // namespace weir::scheduler::testing
