// A key as the API and `weir keys list --json` show it. Pure; any thread.
#pragma once

#include "json/writer.h"
#include "keys/key_store.h"

namespace weir::keys {

// Fields of an object that has begun. Times are seconds since 1970 or null; a limit of 0 is none.
void AppendKey(json::Writer& writer, const KeyInfo& info);

}  // namespace weir::keys
