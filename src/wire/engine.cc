#include "wire/engine.h"

namespace weir::wire {

Failure FailureOf(const Error& error) {
  return {error.code, error.message, error.param, error.reason, error.retry_after_s};
}

Error ErrorOf(Failure failure) {
  return {failure.code, std::move(failure.message), std::move(failure.param),
          std::move(failure.reason), failure.retry_after_s};
}

}  // namespace weir::wire
