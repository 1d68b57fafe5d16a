// Whether a conversation was asked before: who asks the same again was not content with the answer,
// and who goes on from it was. Turns are known by a hash with a secret of this start, for each
// caller; no text is kept, nothing outlives the program, and what is older than kFor or more than
// kTurnsMax is forgotten.
//
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "chat/principal.h"
#include "chat/request.h"

namespace weir::gateway {

// What a target probably has of a conversation in its cache.
struct Prefix {
  std::string target = {};
  int64_t tokens = 0;
};

class AskedAgain {
 public:
  static constexpr size_t kTurnsMax = 8192;
  static constexpr Duration kFor = std::chrono::hours(1);

  AskedAgain();

  // An answer that was given to its end. `prefixes`: who has read it, who gave it first.
  void Answered(const chat::Principal& caller, const chat::GenerateRequest& request,
                const std::string& decision_id, std::vector<Prefix> prefixes, MonotonicTime now);

  struct Earlier {
    std::string repeats = {};    // the decision that had the same turns; empty: none
    bool same_name = false;      // it asked for the same model or route
    std::string continues = {};  // the decision whose answer this goes on from
    // Of the answer that this goes on from, with a tool's result, too.
    std::vector<Prefix> prefixes = {};
    Duration age = {};  // of that answer
  };
  // What would be answered the same anyway (temperature 0) repeats nothing.
  Earlier Look(const chat::Principal& caller, const chat::GenerateRequest& request,
               MonotonicTime now) const;

  size_t size() const { return answers_.size(); }

 private:
  struct Answer {
    std::string decision_id = {};
    std::string asked = {};
    std::vector<Prefix> prefixes = {};
    MonotonicTime time = {};
  };
  // Of the first `count` messages.
  uint64_t HashOf(const chat::Principal& caller, const chat::GenerateRequest& request,
                  size_t count) const;
  const Answer* Find(uint64_t hash, MonotonicTime now) const;

  std::array<unsigned char, 16> secret_ = {};  // of this process
  std::unordered_map<uint64_t, Answer> answers_ = {};
  std::deque<uint64_t> order_ = {};  // oldest first
};

}  // namespace weir::gateway
