// A vote of neighbours: earlier questions of this machine's own users that were nearly the same
// (by the vectors of an embedding model), and whether the small models' answers to them were right.
// It corrects the prediction of a prompt, and abstains where too few are near, and for all where it
// was not shown to help.
//
// Pure, and integers throughout: vectors are rounded once, so the same vectors give the same vote
// on every machine. What a vote was is kept with its decision (PromptFacts); replays use that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/prediction.h"

namespace weir::routing {

class Refit;

// A vector of unit length, each number in 1/127.
using RoundedVector = std::vector<int8_t>;
RoundedVector Rounded(std::span<const float> unit_vector);
// The cosine of two of equal length, in 1/10,000; 0 where their lengths differ.
int32_t Similarity(const RoundedVector& a, const RoundedVector& b);

// Only vectors of the same model, of the same tenant's questions, are ever compared.
uint64_t SpaceOf(std::string_view tenant, std::string_view model);

// Where a prompt lies.
struct PromptPlace {
  uint64_t space = 0;
  RoundedVector vector = {};
  bool operator==(const PromptPlace&) const = default;
};

struct Neighbour {
  std::string id = {};  // of its decision
  PromptPlace place = {};
  int32_t predicted = 0;  // Prediction::small_right, as shipped; 1/10,000
  bool right = false;
};

struct NeighbourVote {
  static constexpr int32_t kVotersMin = 5;

  int32_t near = 0;  // who voted
  int32_t right = 0;
  int32_t nearest = 0;  // similarity, 1/10,000; 0: nobody is there at all

  bool abstains() const { return near < kVotersMin; }
  // What the prediction says counts as much as five neighbours. An abstention changes nothing.
  Prediction Apply(const Prediction& predicted) const;
  bool operator==(const NeighbourVote&) const = default;
};

class Neighbours {
 public:
  static constexpr size_t kMax = 4096;        // of all spaces; the caller gives the newest
  static constexpr size_t kVotersMax = 16;    // the nearest
  static constexpr int32_t kNearMin = 7'500;  // similarity, 1/10,000
  static constexpr size_t kJudgedMax = 1024;  // of a judgement
  static constexpr size_t kJudgedMin = 50;    // whose neighbours spoke

  Neighbours() = default;
  explicit Neighbours(std::vector<Neighbour> all);

  // Whether the votes were off by less than the prediction (as refitted), by a fiftieth at least:
  // each of the first kJudgedMax is asked about with itself left out.
  struct Judgement {
    size_t known = 0;
    size_t judged = 0;
    int64_t predicted_loss = 0;  // mean squared error, in 1e-8
    int64_t voted_loss = 0;
    bool adopted = false;
    std::string why = {};  // in a sentence
  };
  Judgement Judge(const Refit& refit) const;

  // Nobody's vote counts for `without` (an id). The nearest vote; of equals the one with the
  // smaller id.
  NeighbourVote Vote(const PromptPlace& place, std::string_view without = {}) const;
  size_t size() const { return all_.size(); }

 private:
  std::vector<Neighbour> all_ = {};
};

}  // namespace weir::routing
