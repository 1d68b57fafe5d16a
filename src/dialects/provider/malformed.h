// Errors for what a provider sent. They say where the answer is wrong, never what it says.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/fields.h"
#include "json/value.h"

namespace weir::provider {

// kBackendFailed, "provider_malformed": the provider's answer <what>.
std::unexpected<Error> Malformed(std::string_view what);
// The same for a field of a type or size that the dialect has not.
std::unexpected<Error> Malformed(const json::Problem& problem);
// kBackendFailed, "stream_cut": the answer ended before it was complete.
std::unexpected<Error> Cut();
// The provider reported a failure inside an answer that had begun well. `status` is the HTTP status
// that it would have sent (429, 529, ...).
std::unexpected<Error> FailedMidway(int status, std::string_view word);
// kUnprocessable, "not_supported_by_target": `what` completes "the target's provider ...".
std::unexpected<Error> NotSupported(std::string param, std::string_view what);

// JSON of a provider: parsed with bounds; the error does not quote it.
Result<json::Value> ParseAnswer(std::string_view text);

}  // namespace weir::provider
