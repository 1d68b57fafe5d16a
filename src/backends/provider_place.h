// One target beyond this machine with what is known of it: how each of its replicas is doing, who
// waits for a seat, what was counted. Chooses the replica of an attempt and takes in how that
// ended. Time is handed in.
//
// I/O thread only; shared by the fleet and by answers that outlive a reload.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/event.h"
#include "backends/breaker.h"
#include "backends/provider_target.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/answer_times.h"

namespace weir::backends {

struct ProviderPlace {
  struct Replica {
    Breaker breaker = {};
    int32_t running = 0;
    std::optional<WallTime> retired = {};  // since when it says that it has no such model
  };
  using Tried = std::vector<bool>;  // for each replica, whether one request asked it already

  explicit ProviderPlace(ProviderTarget what)
      : target(std::move(what)), replicas(target.replicas) {}

  ProviderTarget target;
  std::vector<Replica> replicas;
  std::deque<std::shared_ptr<Event>> waiting = {};  // for a seat, first come first served
  std::string last_error = {};
  chat::Deprecation deprecation = {};  // of its model, as its last good answer said
  bool answered = false;               // well, at least once
  double seconds_mean = 0;             // of an answer, over the last ones
  uint64_t attempts = 0;
  uint64_t failures = 0;
  uint64_t retries = 0;

  bool MayAsk(MonotonicTime now) const;
  int32_t running() const;
  // Since when all its replicas say so.
  std::optional<WallTime> retired() const;
  // Whether a replica that was not tried may be asked and has a seat free.
  bool AnotherIsFree(const Tried& tried, MonotonicTime now) const;
  // Among those that may be asked and have a seat free, one that was not tried if there is any: the
  // one that `hash` means unless others are much less loaded. Nothing when there is none.
  std::optional<uint32_t> Choose(size_t hash, const Tried& tried, MonotonicTime now) const;
  MonotonicTime AskAgainAt() const;

  // The head of an answer.
  void TakeHead(int status, const chat::ProviderHeaders& headers);
  void TakeSuccess(uint32_t replica, MonotonicTime now, Duration took);
  void TakeFailure(uint32_t replica, const Error& error, MonotonicTime now, WallTime wall);
  // What its replicas failed at before counts no more.
  void Forgive();
  void WakeNext();

 private:
  bool IsFree(const Replica& replica, MonotonicTime now) const;
  bool AnotherIsWell(uint32_t replica, MonotonicTime now) const;
};

}  // namespace weir::backends
