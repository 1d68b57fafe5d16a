// Prefixes that were moved out of the KV cache into host memory: which token runs are kept there,
// under which slot, at how many bytes. Pure books: the engine holds the bytes, and copies them when
// a SeqOp says so.
//
// An entry is one whole sequence from position 0. Restoring copies and never consumes: the entry
// stays for the next one. It is found by its own Domain only (compared whole). An entry that a new
// one continues is replaced by it: the new one extends it, or extends its prompt and has more
// tokens beyond that than the entry has of its answer. For clients seldom send an answer back as it
// was sampled: thinking is left out, white space is cut. When bytes or entries run out the least
// recently used goes, hits counting as later use. The engine tells the true size after each copy;
// until then the entry counts with what was allowed for it, so the sum never exceeds bytes_max.
//
// One thread. Costs: linear in the entries of a domain and the tokens they have in common with what
// is looked for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "scheduler/plan.h"
#include "scheduler/prefix_tree.h"

namespace weir::scheduler {

class HostTier {
 public:
  static constexpr int32_t kEntriesMax = 256;

  // An entry has at least tokens_min tokens; a copy that brings fewer than extension_min tokens
  // more than there are is not made: computing them is cheaper. bytes_max 0: off.
  HostTier(uint64_t bytes_max, int32_t tokens_min, int32_t extension_min)
      : bytes_max_(bytes_max), tokens_min_(tokens_min), extension_min_(extension_min) {}
  bool on() const { return bytes_max_ > 0; }

  struct Match {
    int32_t length = 0;  // tokens from position 0 that the entry has in common
    int32_t stored = 0;  // tokens of the entry
    Slot slot = kNoSlot;
  };
  // The longest prefix of tokens[0, limit) that an entry begins with; of equal ones the shortest
  // entry.
  Match Find(const Domain& domain, std::span<const Token> tokens, int32_t limit) const;

  enum class Worth : uint8_t {
    kHeld,    // an entry has all of it, but for a few tokens
    kTrifle,  // too little that is new for its bytes
    kNoRoom,  // more than there may be, or nothing is known about sizes and a first copy is on
    kSave,
  };
  Worth Judge(const Domain& domain, std::span<const Token> tokens) const;

  // A new entry for tokens that were judged kSave, the first `prompt` of them asked. Appends the
  // kForget of what makes room, then the kSave. False: what is held leaves no room.
  bool Add(const Domain& domain, std::vector<Token> tokens, int32_t prompt, Seq seq,
           MonotonicTime now, std::vector<SeqOp>& ops);
  // The engine's answer to a kSave: the true size, 0 when it failed. Nothing for a slot that was
  // forgotten meanwhile.
  void Saved(Slot slot, uint64_t bytes);
  // The entry is used now.
  void Touch(Slot slot, MonotonicTime now);
  // This entry is not forgotten until the next call; kNoSlot: none is held.
  void Hold(Slot slot) { held_ = slot; }
  // The engine has no such bytes.
  void Lose(Slot slot, std::vector<SeqOp>& ops);

  uint64_t bytes() const { return bytes_; }
  int32_t entries() const { return static_cast<int32_t>(entries_.size()); }
  bool knows_size() const { return token_bytes_ > 0; }

 private:
  struct Entry {
    Domain domain{};
    std::vector<Token> tokens;
    int32_t prompt = 0;  // of them; the others are an answer
    Slot slot = kNoSlot;
    uint64_t bytes = 0;  // allowed for it, or true
    MonotonicTime used{};
    int32_t hits = 0;
  };
  struct Overlap {
    int32_t common = 0;
    bool continues = false;  // the entry that has most in common
  };

  bool Continues(size_t tokens, int32_t common, const Entry& entry) const;
  Overlap LongestOverlap(const Domain& domain, std::span<const Token> tokens) const;
  uint64_t Estimate(size_t tokens) const;
  void Erase(size_t index, std::vector<SeqOp>& ops);
  size_t LeastValuable() const;

  const uint64_t bytes_max_;
  const int32_t tokens_min_;
  const int32_t extension_min_;
  std::vector<Entry> entries_;
  uint64_t bytes_ = 0;
  double token_bytes_ = 0;  // the most that a token took; 0: not known yet
  Slot slots_ = kNoSlot;
  Slot held_ = kNoSlot;
};

}  // namespace weir::scheduler
