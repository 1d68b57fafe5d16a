// A world for the scheduler: clients that come, leave, pause and resume; an engine loop over
// FakeMemory whose steps may be aborted, refused or fail. A history is a list of Actions, plain
// data drawn from a seed beforehand, so any sublist of it is a history too: that is what makes
// shrinking possible. For tests.
//
// After the list everything is resumed and the loop runs until nothing is left to do. Whatever rule
// is broken on the way comes back as text:
//   - the memory's rules (fake_memory.h), and the scheduler's promises (scheduler.h)
//   - every answer is, token by token, what its request alone would have got; cut only where
//   somebody cut it
//   - every request ends, and within a bound; in a flood none waits for those that came later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scheduler/plan.h"

namespace weir::scheduler::testing {

struct Action {
  enum class Kind : uint8_t {
    kSubmit,
    kCancel,
    kPause,
    kResume,
    kStep,
    kCancelInStep,
    kSubmitInStep
  };
  Kind kind = Kind::kStep;
  // kSubmit, kSubmitInStep
  int32_t family = 0;  // of shared beginnings
  int32_t prefix = 0;  // tokens of it
  int32_t tail = 0;    // own tokens
  uint64_t tail_seed = 0;
  int32_t continues =
      -1;  // counted back: the prompt is that request's prompt and answer, then the tail
  int32_t max_new_tokens = 0;
  int32_t forks = 1;
  uint64_t tenant = 0;
  uint64_t client = 0;
  Priority priority = Priority::kInteractive;
  uint32_t group = 0;
  bool deterministic = false;
  bool keep_prefix = true;
  int32_t whole = 0;     // tokens before the prompt's last one that belong into one step
  bool scores = false;   // logits of the prompt's last rows are wanted,
  bool answers = false;  // and the prompt is answered, too
  // kCancel, kPause, kResume, kCancelInStep
  int32_t back = 0;  // counted back from the newest
  // kStep
  StepOutcome::Kind outcome = StepOutcome::Kind::kDone;
  int32_t cut = 0;          // rows that an aborted or failed step kept
  bool host_fails = false;  // every save and restore of its plan does
};
std::string ToText(const Action& action);
// What a kSubmit or kSubmitInStep asks for.
Submission SubmissionOf(const Action& action, RequestId id, std::vector<Token> prompt);

struct History {
  Options options;
  std::vector<Action> actions;
  // Nothing is paused and no step fails, so that there is a bound on how long a request may wait
  // once it is overdue, whoever comes meanwhile; it is held to it.
  bool waits_are_bounded = false;
};
History RandomHistory(uint64_t seed);
// A prompt in tokens of some vocabulary from `first` on: the action's beginning, or `before`, and
// its tail.
std::vector<Token> PromptOf(const Action& action, const std::vector<Token>* before, Token first);
// More requests than can be served, all the time.
History FloodedHistory(uint64_t seed);
std::string ToText(const Options& options);

// The number in a variable of the environment (WEIR_SEEDS, WEIR_SEED), or `otherwise`.
uint64_t FromEnvironment(const char* name, uint64_t otherwise);

// "" when all promises were kept. CHECKs of the scheduler end the process.
// `at_end` gets the counters, if given.
std::string Replay(const History& history, Stats* at_end = nullptr);

}  // namespace weir::scheduler::testing
