// The scheduler's books about one request and its branches. Internal to this folder.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "scheduler/fair_share.h"
#include "scheduler/lookup.h"
#include "scheduler/plan.h"
#include "scheduler/prefix_tree.h"

namespace weir::scheduler {

struct Request;

// One line of answer. A request has forks of them; all but the first are born when the prompt is
// done.
struct Branch {
  enum class Place : uint8_t {
    kUnborn,   // a fork of a prompt that is not done
    kWaiting,  // holds nothing; first time, or requeued
    kRunning,  // holds a sequence
    kEnded,
  };
  Request* request = nullptr;
  int32_t index = 0;
  Place place = Place::kUnborn;
  std::vector<Token> tokens = {};  // the prompt, then what was sampled
  Seq seq = kNoSeq;
  int32_t length = 0;        // of tokens, how many are in the cache
  int32_t borrowed = 0;      // of these, how many others had computed
  int32_t outputs_done = 0;  // scoring: prompt rows before this position were output already
  int32_t restoring = 0;     // tokens that the engine is asked to copy from host memory
  bool awaiting = false;     // a row was output; its sample is owed
  // Guesses that stand in the cache behind `length` and in the tree, until samples tell which of
  // them are right.
  std::vector<Token> drafted = {};
  Lookup lookup = {};
  bool canonical = false;  // every cell so far was computed alone, in whole fixed chunks
  bool started = false;    // was admitted before
  bool joined = false;     // had waited for a prefix in the making
  int32_t bypassed = 0;    // how often another was admitted although this one came first
  int32_t boost =
      static_cast<int32_t>(Priority::kBackground);  // best class of those that wait for this one
  int32_t holders = 0;                              // how many wait for this one's prefix
  int32_t holds = 0;                                // how often it was held since it last ran
  Branch* held_by = nullptr;                        // waits for that one
  int32_t held_until = 0;                           // to have so many tokens in the cache
  uint64_t last_step = 0;
  uint64_t tried = 0;  // the admission round that looked at it last

  int32_t size() const { return static_cast<int32_t>(tokens.size()); }
  int32_t remaining() const { return size() - length; }
  inline int32_t generated() const;
  inline int32_t future() const;
  // One sampled token to put in: the row of a stream, as opposed to a piece of prompt (or of
  // recomputation).
  inline bool decoding() const;
  inline bool runnable() const;
  // The stretch that position `at` is in, and not at its beginning; null: none.
  inline const Stretch* inside(int32_t at) const;
  // How many rows its next step has at least.
  inline int32_t rows_min() const;
  // Rows of the prompt have output set. Other branches are born when those of the first are done.
  inline bool outputs_prompt() const;
};

struct Request {
  RequestId id = 0;
  uint64_t order = 0;  // of submission
  MonotonicTime arrival{};
  Domain domain{};
  Priority priority = Priority::kInteractive;
  FairShare::Party party{};
  int32_t prompt_size = 0;
  int32_t max_new_tokens = 0;
  int32_t prompt_outputs_from = kNoPromptOutputs;
  std::vector<Stretch> whole = {};  // of the prompt
  bool deterministic = false;
  bool keep_prefix = true;
  bool paused = false;
  bool forked = false;  // the prompt is done, its branches are being sampled
  bool waiting = true;  // never started: counts against the queue's bounds
  int32_t live = 0;     // branches that have not ended
  std::vector<std::unique_ptr<Branch>> branches = {};
};

inline int32_t Branch::generated() const { return size() - request->prompt_size; }
// Cells that samples to come will take; the last one is never decoded.
inline int32_t Branch::future() const {
  return std::max(0, request->max_new_tokens - generated() - 1);
}
inline bool Branch::decoding() const { return generated() > 0 && remaining() == 1; }
inline const Stretch* Branch::inside(int32_t at) const {
  const std::vector<Stretch>& stretches = request->whole;
  const auto stretch = std::ranges::upper_bound(stretches, at, {}, &Stretch::to);
  return stretch != stretches.end() && stretch->from < at ? &*stretch : nullptr;
}
inline int32_t Branch::rows_min() const {
  const Stretch* stretch = inside(length + 1);
  return stretch == nullptr ? 1 : stretch->to - length;
}
inline bool Branch::outputs_prompt() const {
  return index == 0 && request->prompt_outputs_from >= 0;
}
inline bool Branch::runnable() const {
  return remaining() > 0 && !awaiting && restoring == 0 && !(request->paused && decoding());
}

}  // namespace weir::scheduler
