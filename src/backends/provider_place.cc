#include "backends/provider_place.h"

#include <algorithm>

#include "backends/provider_errors.h"
#include "base/log.h"

namespace weir::backends {
namespace {

constexpr int32_t kAffinitySlack = 4;  // calls more than at the idlest replica, for a likely prefix
constexpr Duration kRetiredTime = std::chrono::minutes(5);
constexpr Duration kRefusedKeyTime = std::chrono::seconds(30);

}  // namespace

bool ProviderPlace::MayAsk(MonotonicTime now) const {
  return std::ranges::any_of(replicas, [now](const Replica& r) { return r.breaker.MayAsk(now); });
}

int32_t ProviderPlace::running() const {
  int32_t sum = 0;
  for (const Replica& replica : replicas) sum += replica.running;
  return sum;
}

std::optional<WallTime> ProviderPlace::retired() const {
  std::optional<WallTime> last;
  for (const Replica& replica : replicas) {
    if (!replica.retired) return std::nullopt;
    last = std::max(last, replica.retired);
  }
  return last;
}

bool ProviderPlace::IsFree(const Replica& replica, MonotonicTime now) const {
  return replica.breaker.MayAsk(now) && replica.running < target.concurrency;
}

bool ProviderPlace::AnotherIsFree(const Tried& tried, MonotonicTime now) const {
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (!tried[i] && IsFree(replicas[i], now)) return true;
  }
  return false;
}

std::optional<uint32_t> ProviderPlace::Choose(size_t hash, const Tried& tried,
                                              MonotonicTime now) const {
  const bool fresh_alone = AnotherIsFree(tried, now);
  const auto fits = [&](uint32_t i) {
    return IsFree(replicas[i], now) && !(fresh_alone && tried[i]);
  };
  std::optional<uint32_t> best;
  for (uint32_t i = 0; i < replicas.size(); ++i) {
    if (fits(i) && (!best || replicas[i].running < replicas[*best].running)) best = i;
  }
  const auto likely = static_cast<uint32_t>(hash % replicas.size());
  if (best && fits(likely) &&
      replicas[likely].running <= replicas[*best].running + kAffinitySlack) {
    return likely;
  }
  return best;
}

MonotonicTime ProviderPlace::AskAgainAt() const {
  MonotonicTime at = MonotonicTime::max();
  for (const Replica& replica : replicas) at = std::min(at, replica.breaker.until());
  return at;
}

void ProviderPlace::TakeHead(int status, const chat::ProviderHeaders& headers) {
  if (status < 200 || status > 299) return;
  const bool known = deprecation.announced;
  deprecation = chat::DeprecationOf(headers);
  if (deprecation.announced && !known) {
    LogWarning("target {}: the provider announces the end of its model; see weir doctor",
               target.name);
  }
}

void ProviderPlace::TakeSuccess(uint32_t replica, MonotonicTime now, Duration took) {
  answered = true;
  replicas[replica].breaker.Succeed(now);
  replicas[replica].retired.reset();
  constexpr double kNew = 0.1;
  seconds_mean = seconds_mean * (1 - kNew) + std::chrono::duration<double>(took).count() * kNew;
}

bool ProviderPlace::AnotherIsWell(uint32_t replica, MonotonicTime now) const {
  for (uint32_t i = 0; i < replicas.size(); ++i) {
    const Breaker& breaker = replicas[i].breaker;
    if (i != replica && breaker.At(now) == Breaker::State::kClosed && breaker.MayAsk(now)) {
      return true;
    }
  }
  return false;
}

void ProviderPlace::TakeFailure(uint32_t number, const Error& error, MonotonicTime now,
                                WallTime wall) {
  Replica& replica = replicas[number];
  if (error.code != Code::kCancelled) {
    ++failures;
    last_error = error.reason.empty() ? CodeName(error.code) : error.reason;
  }
  if (error.reason == "model_retired") {
    if (!replica.retired) {
      replica.retired = wall;
      LogWarning("target {} (replica {}): {}", target.name, number, error.message);
    }
    replica.breaker.OpenFor(now, kRetiredTime);
  } else if (error.reason == "provider_refused_key") {
    replica.breaker.OpenFor(now, kRefusedKeyTime);
  } else if (IsBlameless(error)) {
    replica.breaker.Abandon();
  } else {
    replica.breaker.Fail(now, AnotherIsWell(number, now));
  }
  if (error.retry_after_s > 0) {
    replica.breaker.Pause(now, std::chrono::seconds(error.retry_after_s));
  }
}

void ProviderPlace::Forgive() {
  for (Replica& replica : replicas) {
    replica.breaker = {};
    replica.retired.reset();
  }
}

void ProviderPlace::WakeNext() {
  if (waiting.empty()) return;
  waiting.front()->Set();
}

}  // namespace weir::backends
