#include "server/status.h"

#include "base/check.h"

namespace weir::server {

int HttpStatus(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kForbidden:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kTimeout:
      return 408;
    case Code::kConflict:
      return 409;
    case Code::kTooLarge:
      return 413;
    case Code::kUnprocessable:
      return 422;
    case Code::kRateLimited:
      return 429;
    case Code::kHeadersTooLarge:
      return 431;
    case Code::kInternal:
      return 500;
    case Code::kBackendFailed:
      return 502;
    case Code::kUnavailable:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kCancelled:
      return 499;  // never sent: the client is gone
  }
  CHECK(false, "code out of range");
}

}  // namespace weir::server
