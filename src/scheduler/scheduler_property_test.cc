// Random histories against the scheduler's promises. WEIR_SEEDS sets how many (default 600),
// WEIR_SEED runs one. A failing history is shrunk to a small one that still fails, and printed.
//
// Histories run in child processes, so that a CHECK in the scheduler is a failing history like any
// other.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "scheduler/world.h"

namespace weir::scheduler::testing {
namespace {

// True if `body` says so and its process lives to say it.
bool InChild(bool quiet, const std::function<bool()>& body) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (quiet && std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool Fails(const History& history) {
  return !InChild(/*quiet=*/true, [&] { return Replay(history).empty(); });
}

// Leaves out ever smaller runs of actions, then makes numbers smaller, as long as the history still
// fails.
History Shrunk(History history) {
  for (size_t run = history.actions.size() / 2; run >= 1; run /= 2) {
    for (size_t at = 0; at < history.actions.size();) {
      History smaller = history;
      const auto begin = smaller.actions.begin() + static_cast<std::ptrdiff_t>(at);
      const size_t count = std::min(run, smaller.actions.size() - at);
      smaller.actions.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
      if (Fails(smaller)) {
        history = std::move(smaller);
      } else {
        at += run;
      }
    }
  }
  using Field = int32_t Action::*;
  for (const Field field : {&Action::prefix, &Action::tail, &Action::max_new_tokens,
                            &Action::family, &Action::back, &Action::cut}) {
    for (size_t i = 0; i < history.actions.size(); ++i) {
      for (int tries = 0; tries < 12 && history.actions[i].*field > 0; ++tries) {
        History smaller = history;
        smaller.actions[i].*field = tries == 0 ? 0 : smaller.actions[i].*field * 3 / 4;
        if (Fails(smaller)) history = std::move(smaller);
      }
    }
  }
  return history;
}

using Draw = History (*)(uint64_t seed);

void Report(Draw draw, uint64_t seed) {
  const History small = Shrunk(draw(seed));
  std::string text = "options: " + ToText(small.options) + "\n";
  for (const Action& action : small.actions) text += "  " + ToText(action) + "\n";
  InChild(/*quiet=*/false, [&] {
    std::fprintf(stderr, "broken: %s\n", Replay(small).c_str());
    return true;
  });
  ADD_FAILURE() << "seed " << seed << " (WEIR_SEED=" << seed << " runs it alone), shrunk to\n"
                << text;
}

// `count` of them, or the one that WEIR_SEED names.
void RunSeeds(Draw draw, uint64_t count) {
  constexpr uint64_t kBatch = 50;
  const uint64_t only = FromEnvironment("WEIR_SEED", 0);
  const uint64_t first = only > 0 ? only : 1;
  const uint64_t last = only > 0 ? only : count;
  for (uint64_t from = first; from <= last; from += kBatch) {
    const uint64_t to = std::min(last, from + kBatch - 1);
    const auto run = [&](uint64_t a, uint64_t b) {
      return InChild(/*quiet=*/true, [&] {
        for (uint64_t seed = a; seed <= b; ++seed) {
          if (!Replay(draw(seed)).empty()) return false;
        }
        return true;
      });
    };
    if (run(from, to)) continue;
    for (uint64_t seed = from; seed <= to; ++seed) {
      if (!run(seed, seed)) return Report(draw, seed);
    }
  }
}

TEST(SchedulerProperty, EveryHistoryKeepsThePromises) {
  RunSeeds(RandomHistory, FromEnvironment("WEIR_SEEDS", 600));
}

TEST(SchedulerProperty, NobodyStarvesWhileOthersKeepComing) {
  RunSeeds(FloodedHistory, FromEnvironment("WEIR_SEEDS", 600) / 10);
}

// The histories above say nothing about what they never reach.
TEST(SchedulerProperty, TheHistoriesReachWhatTheyAreFor) {
  Stats sum;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Stats stats;
    ASSERT_EQ(Replay(RandomHistory(seed), &stats), "");
    sum.host_saves += stats.host_saves;
    sum.hits_host += stats.hits_host;
    sum.host_failures += stats.host_failures;
    sum.preemptions += stats.preemptions;
    sum.hits_joined += stats.hits_joined;
    sum.hits_running += stats.hits_running;
    sum.hits_cached += stats.hits_cached;
    sum.no_room += stats.no_room;
    sum.refused += stats.refused;
    sum.draft_tokens += stats.draft_tokens;
    sum.draft_tokens_accepted += stats.draft_tokens_accepted;
  }
  EXPECT_GT(sum.host_saves, 500u);
  EXPECT_GT(sum.hits_host, 100u);
  EXPECT_GT(sum.host_failures, 10u);
  EXPECT_GT(sum.preemptions, 300u);
  EXPECT_GT(sum.hits_joined, 100u);
  EXPECT_GT(sum.hits_running, 100u);
  EXPECT_GT(sum.hits_cached, 100u);
  EXPECT_GT(sum.no_room, 20u);
  EXPECT_GT(sum.refused, 100u);
  EXPECT_GT(sum.draft_tokens, 500u);
  EXPECT_GT(sum.draft_tokens_accepted, 100u);
}

TEST(SchedulerProperty, TheFloodsMakeRequestsWaitUntilTheyAreOverdue) {
  uint64_t refused = 0, preemptions = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Stats stats;
    ASSERT_EQ(Replay(FloodedHistory(seed), &stats), "");
    refused += stats.refused;
    preemptions += stats.preemptions;
  }
  EXPECT_GT(refused, 1000u) << "the queue is full most of the time";
  EXPECT_GT(preemptions, 200u);
}

}  // namespace
}  // namespace weir::scheduler::testing
