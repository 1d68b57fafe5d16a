// Images that a request names by their address: fetched through the door, from places of the
// configuration alone (backends of kind images), before anything else looks at the request.
// Providers get the bytes, whether they fetch addresses themselves or not, and nobody learns an
// address but the place it names.
//
// I/O thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "chat/request.h"
#include "gateway/gateway.h"

namespace weir::gateway {

inline constexpr size_t kImageBytesMax = size_t{16} << 20;   // of one that is fetched
inline constexpr size_t kImagesBytesMax = size_t{32} << 20;  // of all of a request

// What a call to `source` has behind its url to fetch this address; empty when the address does not
// lie there, or is none. Scheme and host are compared without regard to case, a default port is as
// good as none, and no path with "." or ".." segments lies anywhere.
std::string PathAt(const ImageSource& source, std::string_view address);

// Puts the bytes in the place of every address. What goes out is the address, with the label of all
// of the request that can be read. Errors name the part:
//   kInvalidArgument  image_source_unknown  no backend of kind images has it
//   kForbidden        label_exceeds_ceiling
//   kUnprocessable    image_not_fetched     a status beyond 2xx, no image, over a bound
//   kBackendFailed, kUnavailable, kDeadlineExceeded  as the door says
Task<Result<void>> FetchImages(Gateway& gateway, const Asked& asked,
                               chat::GenerateRequest& request);

}  // namespace weir::gateway
