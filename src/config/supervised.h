// The settings of a [[backend]] whose server the launcher runs. Private to this folder.
#pragma once

#include "config/sections.h"

namespace weir::config {

// command, health and its time-outs; the kind is known.
void ReadSupervised(TableReader& reader, Backend& backend);
// What does not go together, once the whole table is read: the server is of this machine, and one.
void CheckSupervised(TableReader& reader, const Backend& backend);

}  // namespace weir::config
