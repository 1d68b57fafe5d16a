// What the failure of a call to a provider means, beyond its words. Pure; any thread.
#pragma once

#include <string_view>

#include "base/result.h"

namespace weir::backends {

// What the provider never began to work on, or answered with an error status itself: it may be
// repeated there.
bool CannotHaveCost(const Error& error);
// Whether another replica of the same target may be asked at once: this one did not work on it, and
// what it says need not hold for others (a wrong address, a model that it alone has not).
bool MayAskAnother(const Error& error);
// Whether a provider may ask money for a call that ended like this: not where the connection never
// came about, nor where an error status was the whole answer.
bool MayHaveCost(const Error& error);
// The request's fault, or nobody's; the place is not to blame.
bool IsBlameless(const Error& error);

// With the target's name before its words.
Error AtTarget(Error error, std::string_view target);
// As it ends a request: a time-out at the provider is not the request's own deadline.
Error AsBackendError(Error error, std::string_view target);

}  // namespace weir::backends
