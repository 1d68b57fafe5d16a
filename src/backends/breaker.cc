#include "backends/breaker.h"

#include "base/check.h"

namespace weir::backends {

std::string_view BreakerStateName(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kHalfOpen:
      return "half_open";
  }
  CHECK(false, "breaker state out of range");
}

}  // namespace weir::backends
