// What histories are drawn, and how one is printed.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>

#include "scheduler/world.h"

namespace weir::scheduler::testing {

namespace {

// Of one submission in four.
int32_t WholeOf(const Action& action, const Options& options) {
  if (action.tail_seed % 8 > 1) return 0;
  return 1 + static_cast<int32_t>((action.tail_seed >> 8) % 32) %
                 std::min(options.batch_tokens_max, 24);
}

}  // namespace

History RandomHistory(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto pick = [&](int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random);
  };
  const auto chance = [&](int percent) { return pick(1, 100) <= percent; };
  History history;
  Options& o = history.options;
  o.cells = static_cast<int32_t>(pick(1, 100) <= 20 ? pick(3, 20) : pick(20, 160));
  o.context_max = chance(20) ? static_cast<int32_t>(pick(2, 60)) : 0;
  o.seqs_max = static_cast<int32_t>(chance(50) ? pick(1, 4) : pick(4, 24));
  o.running_max = static_cast<int32_t>(pick(1, 12));
  o.batch_tokens_max = static_cast<int32_t>(chance(15) ? 1 : pick(2, 40));
  o.outputs_max = static_cast<int32_t>(chance(30) ? pick(1, 4) : 64);
  o.sharing = chance(20) ? Sharing::kWhole : Sharing::kPrefix;
  o.chunk_min = static_cast<int32_t>(pick(1, 8));
  o.chunk_max = static_cast<int32_t>(pick(8, 64));
  o.chunk_deterministic = static_cast<int32_t>(pick(1, 12));
  o.output_reserve = static_cast<int32_t>(pick(0, 20));
  o.join_min = static_cast<int32_t>(pick(1, 8));
  o.bypass_max = static_cast<int32_t>(pick(0, 4));
  o.waiting_max = static_cast<int32_t>(pick(2, 30));
  o.waiting_max_per_key = static_cast<int32_t>(pick(1, 12));
  o.aging = std::chrono::milliseconds(pick(20, 2000));
  o.overdue = std::chrono::milliseconds(pick(50, 5000));
  o.group_quantum = static_cast<int32_t>(pick(1, 5));
  o.draft_max = static_cast<int32_t>(chance(50) ? pick(1, 9) : 0);
  if (chance(60)) {
    o.host_bytes_max = static_cast<uint64_t>(pick(200, 20'000));
    o.host_tokens_min = static_cast<int32_t>(pick(1, 20));
    o.idle_cells_max = static_cast<int32_t>(chance(30) ? 0 : pick(0, o.cells));
  }
  const bool many_groups = chance(30);
  const int faults = chance(40) ? 12 : 0;
  const int64_t length_max = std::max<int64_t>(2, o.cells / pick(1, 6));
  const int64_t count = pick(10, 160);
  for (int64_t i = 0; i < count; ++i) {
    Action action;
    const int64_t dice = pick(1, 100);
    if (dice <= 30) {
      action.kind = dice <= 4 ? Action::Kind::kSubmitInStep : Action::Kind::kSubmit;
      action.family = static_cast<int32_t>(pick(0, 2));
      action.prefix = static_cast<int32_t>(pick(0, length_max));
      action.tail = static_cast<int32_t>(pick(0, std::max<int64_t>(1, length_max / 3)));
      action.tail_seed = random();
      action.continues = chance(30) ? static_cast<int32_t>(pick(0, 5)) : -1;
      action.max_new_tokens = static_cast<int32_t>(chance(10) ? pick(0, 200) : pick(1, 24));
      action.forks = static_cast<int32_t>(chance(20) ? pick(2, 4) : 1);
      action.tenant = static_cast<uint64_t>(pick(0, 1));
      action.client = static_cast<uint64_t>(pick(0, 3));
      action.priority = static_cast<Priority>(pick(0, 2));
      action.group = many_groups ? static_cast<uint32_t>(pick(0, 2)) : 0;
      action.deterministic = chance(15);
      action.keep_prefix = !chance(15);
      action.scores = chance(10);
      action.answers = action.tail_seed % 2 == 0;
      action.whole = WholeOf(action, o);
    } else if (dice <= 40) {
      action.kind = dice <= 33   ? Action::Kind::kCancel
                    : dice <= 35 ? Action::Kind::kCancelInStep
                    : dice <= 37 ? Action::Kind::kPause
                                 : Action::Kind::kResume;
      action.back = static_cast<int32_t>(pick(0, 8));
    } else if (chance(faults)) {
      const int64_t fault = pick(1, 10);
      action.outcome = fault <= 5   ? StepOutcome::Kind::kAborted
                       : fault <= 8 ? StepOutcome::Kind::kNoRoom
                                    : StepOutcome::Kind::kFailed;
      action.cut = static_cast<int32_t>(pick(0, 40));
    }
    action.host_fails = chance(faults);
    history.actions.push_back(action);
  }
  return history;
}

History FloodedHistory(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto pick = [&](int64_t from, int64_t to) {
    return std::uniform_int_distribution<int64_t>(from, to)(random);
  };
  History history{.waits_are_bounded = true};
  Options& o = history.options;
  o.cells = static_cast<int32_t>(pick(30, 90));
  o.running_max = static_cast<int32_t>(pick(1, 4));
  o.seqs_max = o.running_max + 2;
  o.batch_tokens_max = static_cast<int32_t>(pick(4, 32));
  o.sharing = pick(1, 100) <= 20 ? Sharing::kWhole : Sharing::kPrefix;
  o.output_reserve = static_cast<int32_t>(pick(0, 8));
  o.join_min = static_cast<int32_t>(pick(1, 8));
  o.bypass_max = static_cast<int32_t>(pick(0, 16));
  o.waiting_max = static_cast<int32_t>(pick(3, 8));
  o.waiting_max_per_key = o.waiting_max;
  // Where classes hardly rise, being overdue is all that helps.
  o.aging = std::chrono::milliseconds(pick(0, 1) == 0 ? pick(100, 400) : 60'000);
  o.overdue = std::chrono::milliseconds(pick(300, 600));
  for (int i = 0; i < 1200; ++i) {
    Action action;
    if (pick(1, 100) <= 40) {
      action.kind = Action::Kind::kSubmit;
      action.family = static_cast<int32_t>(pick(0, 2));
      action.prefix = static_cast<int32_t>(pick(0, 8));
      action.tail = static_cast<int32_t>(pick(1, 6));
      action.tail_seed = random();
      action.max_new_tokens = static_cast<int32_t>(pick(1, 6));
      action.client = static_cast<uint64_t>(pick(0, 1000));
      action.priority = static_cast<Priority>(pick(0, 2));
      action.whole = WholeOf(action, o);
    }
    history.actions.push_back(action);
  }
  return history;
}

std::vector<Token> PromptOf(const Action& action, const std::vector<Token>* before, Token first) {
  constexpr int32_t kLetters = 100;
  std::vector<Token> prompt;
  if (before != nullptr) prompt = *before;
  for (int32_t i = 0; before == nullptr && i < action.prefix; ++i) {
    prompt.push_back(first + (i * 7 + action.family * 31) % kLetters);
  }
  for (int32_t i = 0; i < action.tail; ++i) {
    const uint64_t letter = (action.tail_seed >> (i % 48)) + static_cast<uint64_t>(i);
    prompt.push_back(first + static_cast<Token>(letter % kLetters));
  }
  return prompt;
}

Submission SubmissionOf(const Action& action, RequestId id, std::vector<Token> prompt) {
  Submission s;
  s.id = id;
  s.prompt = std::move(prompt);
  s.max_new_tokens = action.scores && !action.answers ? 0 : action.max_new_tokens;
  s.tenant_salt = action.tenant;
  s.key = action.client % 2;
  s.client = action.client;
  s.priority = action.priority;
  s.forks = s.max_new_tokens == 0 ? 1 : action.forks;
  s.group = action.group;
  s.deterministic = action.deterministic;
  s.keep_prefix = action.keep_prefix;
  const auto size = static_cast<int32_t>(s.prompt.size());
  if (action.scores && size > 0) s.prompt_outputs_from = std::max(0, size - 1 - action.tail);
  if (!action.scores && action.whole > 0 && size > 1)
    s.whole = {{std::max(0, size - 1 - action.whole), size - 1}};
  return s;
}

std::string ToText(const Action& a) {
  switch (a.kind) {
    case Action::Kind::kSubmit:
    case Action::Kind::kSubmitInStep:
      return fmt::format(
          "{} family {} prefix {} tail {} (seed {}) continues {} new {} forks {} tenant {} client "
          "{} priority {} group {}{}{}{}{} whole {}",
          a.kind == Action::Kind::kSubmit ? "submit" : "submit-in-step", a.family, a.prefix, a.tail,
          a.tail_seed, a.continues, a.max_new_tokens, a.forks, a.tenant, a.client,
          static_cast<int>(a.priority), a.group, a.deterministic ? " deterministic" : "",
          a.keep_prefix ? "" : " private", a.scores ? " scores" : "", a.answers ? " answers" : "",
          a.whole);
    case Action::Kind::kCancel:
      return fmt::format("cancel back {}", a.back);
    case Action::Kind::kCancelInStep:
      return fmt::format("cancel-in-step back {}", a.back);
    case Action::Kind::kPause:
      return fmt::format("pause back {}", a.back);
    case Action::Kind::kResume:
      return fmt::format("resume back {}", a.back);
    case Action::Kind::kStep:
      return fmt::format("step outcome {} cut {}{}", static_cast<int>(a.outcome), a.cut,
                         a.host_fails ? " host fails" : "");
  }
  return "?";
}

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string ToText(const Options& o) {
  return fmt::format(
      "cells {} context {} seqs {} running {} batch {} outputs {} sharing {} chunk {}..{} fixed {} "
      "reserve {} join {} bypass {} "
      "waiting {}/{} quantum {} host {} idle {} draft {}",
      o.cells, o.context_max, o.seqs_max, o.running_max, o.batch_tokens_max, o.outputs_max,
      static_cast<int>(o.sharing), o.chunk_min, o.chunk_max, o.chunk_deterministic,
      o.output_reserve, o.join_min, o.bypass_max, o.waiting_max, o.waiting_max_per_key,
      o.group_quantum, o.host_bytes_max, o.idle_cells_max, o.draft_max);
}

}  // namespace weir::scheduler::testing
