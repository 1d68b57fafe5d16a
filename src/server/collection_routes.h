// Collections as Weir's own commands see them, whatever door they were made through.
#pragma once

#include "async/task.h"
#include "server/call.h"
#include "server/site.h"

namespace weir::server {

// GET /weir/v1/collections: the caller's; with ?all=true, for who administers, everybody's.
Task<void> GetCollections(Site& site, Call& call);
// GET and DELETE /weir/v1/collections/NAME, with ?database=D where it is not the default one.
Task<void> OneCollection(Site& site, Call& call);

}  // namespace weir::server
