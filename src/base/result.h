// Expected failure as a value. A function that can fail returns Result<T>: a T, or an Error that
// says what went wrong in words for a person, with a closed code for programs. Bugs are not Errors:
// they are CHECKs (check.h).
//
// An Error's text never holds prompt text, keys, addresses or paths that a client did not send.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

// Closed on purpose: server/ maps each to one HTTP status, cli/ to one exit code.
enum class Code : uint8_t {
  kInvalidArgument,   // 400: malformed or out of range; `param` names the field
  kUnauthenticated,   // 401: no key, or a wrong one
  kForbidden,         // 403: a policy or scope says no; `reason` names which
  kNotFound,          // 404: no such model, key, collection
  kTimeout,           // 408: the client was too slow
  kConflict,          // 409: the state does not allow it
  kTooLarge,          // 413: over a size limit that the message names
  kHeadersTooLarge,   // 431
  kUnprocessable,     // 422: well formed, but cannot be done
  kRateLimited,       // 429: over the caller's limit; retry_after_s is set
  kUnavailable,       // 503: not now; retry_after_s is set where it can be estimated
  kBackendFailed,     // 502: an engine or a provider failed, or answered nonsense
  kDeadlineExceeded,  // 504: the request's own deadline passed
  kCancelled,         // the client went away; never rendered to anybody
  kInternal,          // 500: a bug that was survived
};
inline constexpr int kCodeCount = 15;

struct Error {
  Code code = Code::kInternal;
  std::string message;     // one sentence for a person: what, and what to do
  std::string param = {};  // the field that is wrong, as a path ("messages[2].content"), or empty
  std::string reason =
      {};  // a stable machine word ("model_not_found", "label_exceeds_ceiling"), or empty
  int retry_after_s = 0;  // whole seconds; 0 when unknown
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Code code, std::string message, std::string param = {},
                                   std::string reason = {}) {
  return std::unexpected(
      Error{code, std::move(message), std::move(param), std::move(reason), /*retry_after_s=*/0});
}
inline std::unexpected<Error> Fail(Error error) { return std::unexpected(std::move(error)); }

// A stable lower-case word for logs and metrics ("invalid_argument").
std::string_view CodeName(Code code);

}  // namespace weir
