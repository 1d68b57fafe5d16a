// The decisions of this machine while the server runs: what is kept of each goes to decisions.db
// (shelf.h), readable by its owner only.
//
// Keeping a decision costs the request nothing: Add and Signal hand it to a thread of its own,
// which gives way to others and writes many of them in one transaction. Beyond
// kWaitingMax what comes is dropped and counted; it is a record for learning and replay, not the
// ledger. What is waited for (Find, Vote, Learn) is done behind everything that was handed over
// before, and durable when it returns.
//
// I/O thread only. The Loop outlives it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "history/record.h"
#include "history/shelf.h"
#include "routing/neighbours.h"
#include "routing/refit.h"

namespace weir::history {

class Store {
 public:
  static constexpr size_t kWaitingMax = 8192;
  static constexpr Duration kGather = std::chrono::milliseconds(50);

  static Result<std::unique_ptr<Store>> Open(const std::filesystem::path& folder,
                                             const Executor& executor, const Clock& clock,
                                             const Bounds& bounds);
  ~Store();  // writes what waits
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void Add(Record record);
  void Signal(std::string id, Signals signals);
  // The newest of a target is what the next start finds.
  void KeepPace(Pace pace);
  // What the last program kept; once.
  std::vector<Pace> TakePaces() { return std::exchange(paces_, {}); }

  Task<Result<std::optional<Record>>> Find(std::string id);
  // kNotFound, reason decision_not_found.
  Task<Result<void>> Vote(std::string id, std::optional<bool> up);
  Task<Result<routing::Learned>> Learn();
  // As Learn, of those who may have a vote: whether they are to have it, under this refit.
  struct Voters {
    routing::Neighbours::Judgement judgement = {};
    routing::Neighbours neighbours = {};  // empty where they are to have none
  };
  Task<Result<Voters>> LearnNeighbours(routing::Refit refit);
  // The same without waiting, of a folder that no store is open in.
  static Result<Voters> ReadVoters(const std::filesystem::path& folder,
                                   const routing::Refit& refit);

  uint64_t dropped() const { return dropped_; }

 private:
  struct State;
  Store(std::unique_ptr<State> state, std::vector<Pace> paces);

  std::unique_ptr<State> state_;
  std::vector<Pace> paces_;
  uint64_t dropped_ = 0;
};

}  // namespace weir::history
