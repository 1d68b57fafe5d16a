// A fetch process' two ends: the job that comes in, the bytes that go out. Blocking; inside of
// fetch/ only.
#pragma once

#include <string_view>

#include "base/result.h"
#include "fetch/job.h"

namespace weir::fetch {

// A line, or all up to the end of the input.
Result<Job> ReadJob(int input);
// False when nobody reads any more.
bool WriteAll(int output, std::string_view bytes);

}  // namespace weir::fetch
