#include "keys/meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace weir::keys {
namespace {

constexpr Duration kWindow = std::chrono::minutes(1);
constexpr Duration kDebtMax = std::chrono::hours(1);  // nobody waits longer for what was overdrawn
constexpr int64_t kTokensAtOnceMax = 10'000'000;      // keeps the arithmetic inside 64 bits

// How long `amount` takes to flow back at `per_minute`.
Duration Worth(int64_t amount, uint32_t per_minute) {
  return amount * kWindow / int64_t{per_minute};
}

int WholeSeconds(Duration wait) {
  return static_cast<int>(
      std::max<int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

std::unexpected<Error> Limited(std::string_view what, uint32_t limit, Duration wait) {
  Error error{Code::kRateLimited,
              fmt::format("this API key may use {} {}; wait {} s", limit, what, WholeSeconds(wait)),
              /*param=*/{}, "key_limit", WholeSeconds(wait)};
  return Fail(std::move(error));
}

}  // namespace

Result<void> Meter::Admit(std::string_view key_id, const Limits& limits, MonotonicTime now) {
  if (limits == Limits{}) return {};
  const auto watched = Watch(key_id, now);
  if (!watched) return Fail(watched.error());
  State& state = **watched;
  if (limits.concurrent != 0 && state.running >= limits.concurrent) {
    return Limited("requests at the same time", limits.concurrent, std::chrono::seconds(1));
  }
  if (limits.tokens_per_minute != 0 && state.tokens_full_at - now >= kWindow) {
    return Limited("tokens a minute", limits.tokens_per_minute,
                   state.tokens_full_at - now - kWindow + Worth(1, limits.tokens_per_minute));
  }
  if (limits.requests_per_minute != 0) {
    const MonotonicTime full_at =
        std::max(state.requests_full_at, now) + Worth(1, limits.requests_per_minute);
    if (full_at - now > kWindow) {
      return Limited("requests a minute", limits.requests_per_minute, full_at - now - kWindow);
    }
    state.requests_full_at = full_at;
  }
  ++state.running;
  return {};
}

void Meter::Done(std::string_view key_id, const Limits& limits, int64_t tokens, MonotonicTime now) {
  if (limits == Limits{}) return;
  const auto found = states_.find(key_id);
  CHECK(found != states_.end() && found->second.running > 0, "Done without Admit");
  State& state = found->second;
  --state.running;
  if (limits.tokens_per_minute == 0) return;
  const int64_t paid = std::clamp<int64_t>(tokens, 0, kTokensAtOnceMax);
  state.tokens_full_at = std::min(
      std::max(state.tokens_full_at, now) + Worth(paid, limits.tokens_per_minute), now + kDebtMax);
}

Result<Meter::State*> Meter::Watch(std::string_view key_id, MonotonicTime now) {
  if (const auto found = states_.find(key_id); found != states_.end()) return &found->second;
  if (states_.size() >= kKeysMax) ForgetIdle(now);
  if (states_.size() >= kKeysMax) {
    return Fail(Error{Code::kUnavailable,
                      fmt::format("more than {} limited keys are in use at once", kKeysMax),
                      /*param=*/{}, "key_limit", /*retry_after_s=*/1});
  }
  return &states_.emplace(key_id, State{}).first->second;
}

void Meter::ForgetIdle(MonotonicTime now) {
  std::erase_if(states_, [now](const auto& entry) {
    const State& state = entry.second;
    return state.running == 0 && state.requests_full_at <= now && state.tokens_full_at <= now;
  });
}

}  // namespace weir::keys
