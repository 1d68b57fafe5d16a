// A grammar at work on one answer: what it allows next, and its progress as tokens come. Guards
// libllama's grammar code, which throws, asserts and aborts on what it does not expect: nothing is
// put into it that it has not allowed before, and after a failure it is never touched again.
//
// Lazy grammars watch for their triggers here, over a bounded window: libllama would search the
// whole answer again with every token.
//
// Threads: one at a time.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "llama/grammar.h"
#include "llama/model.h"

struct llama_sampler;

namespace weir::llama {

// The most text in which a trigger is looked for; a trigger word is shorter.
inline constexpr size_t kTriggerWindowBytes = 4096;

class GrammarGate {
 public:
  static Result<std::unique_ptr<GrammarGate>> Create(const Vocabulary& vocabulary,
                                                     const Grammar& grammar);
  ~GrammarGate();
  std::unique_ptr<GrammarGate> Clone() const;

  // Whether it constrains the next token.
  bool active() const { return running_ != nullptr; }
  bool Allows(Token token);
  // Which of `tokens` are allowed: one flag each.
  void Allowed(std::span<const Token> tokens, std::vector<bool>& allowed);
  // kUnprocessable when the grammar does not take it; the gate is of no use then.
  Result<void> Accept(Token token);

 private:
  GrammarGate(const Vocabulary& vocabulary, std::shared_ptr<const Grammar> grammar);
  Result<void> Start();
  Result<void> StartAt(size_t offset);
  Result<void> Feed(Token token);
  Result<void> Watch(Token token);
  // Where in the window the trigger starts; npos: none yet.
  size_t FindTrigger(size_t fresh) const;

  struct Patterns;
  struct Seen {
    Token token;
    size_t bytes;
  };

  const Vocabulary& vocabulary_;
  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const Patterns> patterns_;
  llama_sampler* running_ = nullptr;
  bool failed_ = false;
  bool ending_thought_ = false;  // still waiting for grammar_->starts_after
  std::string window_ = {};
  bool window_cut_ = false;
  std::deque<Seen> seen_ = {};
};

}  // namespace weir::llama
