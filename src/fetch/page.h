// One web page, or any other document of the web, for `weir ingest`: by a process that is closed
// off from all files and holds no secret, so that nothing a server sends gets at either.
#pragma once

#include <string>

#include "base/result.h"

namespace weir::fetch {

// The job on `input` names it (reference), with trust roots (ca_file) and the most bytes (size). On
// `output` one Event, kDone with the content type as its text and the size as its total, and then
// the bytes; or kFailed. 0 when it is whole.
int RunPage(int input, int output);

}  // namespace weir::fetch
