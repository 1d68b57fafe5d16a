// Prompt lookup: where the last tokens of a text stood in it before, what followed there is likely
// to follow again. That gives draft tokens for free in edits, extraction, code and quotations.
//
// A draft is only ever a guess at what to compute: which token comes is drawn from the model's own
// output, so a wrong draft costs rows and changes nothing.
//
// A prediction, which a client sends of the text that is to come, is a text to find such places in,
// too: it is read between the prompt and the answer, with the prompt's last tokens said once more
// behind it, so that what follows the prompt is taken to be the prediction until the answer says
// otherwise, and an answer that left it finds back.
//
// It also learns how often such guesses are right in this text, from every token that is sampled,
// whether or not it was drafted before: so it needs no trials to find out that drafting pays again.
//
// After: A. Saxena, "Prompt Lookup Decoding" (2023); Leviathan et al., "Fast Inference from
// Transformers via Speculative Decoding" (2023) for when a draft pays.
//
// One for each branch; one thread. Costs: Read is linear in the tokens that are new to it, Draft in
// those that it returns.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "scheduler/plan.h"

namespace weir::scheduler {

class Lookup {
 public:
  // A place counts as the same when so many tokens before it are. Shorter runs occur by chance.
  static constexpr int32_t kGram = 3;

  Lookup() = default;
  explicit Lookup(std::vector<Token> prediction) : prediction_(std::move(prediction)) {}

  // Takes in what `tokens` has more than at the last call; they are the same text each time, and
  // only grow. It learns from those behind the first `prompt`.
  void Read(std::span<const Token> tokens, int32_t prompt);

  // Tokens that may follow those that were read, which are `tokens` again; at most `most`, none
  // when nothing like their end was seen before. A text that repeats itself goes on doing so.
  std::vector<Token> Draft(std::span<const Token> tokens, int32_t most) const;

  // How likely token `index` of the draft is right, given that those before it are.
  double Chance(int32_t index) const;

 private:
  // The longer two places have been alike, the likelier they stay so: up to 4 tokens, up to 8,
  // more.
  static constexpr size_t kClasses = 3;
  static constexpr size_t ClassOf(int32_t alike) { return alike <= 4 ? 0 : alike <= 8 ? 1 : 2; }

  uint64_t Place(std::span<const Token> tokens, int32_t end) const;
  void Insert(std::span<const Token> tokens, int32_t end);
  int32_t Find(std::span<const Token> tokens, int32_t end) const;
  void Grow(std::span<const Token> tokens);
  void ReadText(std::span<const Token> tokens, int32_t prompt);
  void Follow(std::span<const Token> tokens, int32_t prompt);

  std::vector<Token> prediction_ = {};
  std::vector<Token> text_ = {};  // with a prediction: what is read in place of the tokens

  // The ends of runs of kGram tokens, one past their last; of equal runs the latest. Open
  // addressing; 0 is a free place.
  std::vector<int32_t> ends_ = {};
  size_t used_ = 0;
  int32_t read_ = 0;    // tokens that were taken in
  int32_t source_ = 0;  // where what is like the end of the text goes on; 0: nowhere
  int32_t alike_ = 0;   // tokens before source_ that are as those at the end
  std::array<double, kClasses> chance_ = {0.4, 0.6, 0.8};
};

}  // namespace weir::scheduler
