// The one place where an Error's code becomes an HTTP status.
#pragma once

#include "base/result.h"

namespace weir::server {

int HttpStatus(Code code);

}  // namespace weir::server
