// Embeds collections by another model, one after the other, in the background: each goes on with
// the vectors that it has until all its documents have new ones (Shelf::BeginChange). What is to be
// done stands in the registry, so that it goes on after a restart. What hinders it is noted there,
// and it is tried again.
//
// I/O thread. It must have ended (End) before what it stands on is destroyed.
#pragma once

#include "async/recurring.h"
#include "async/task.h"
#include "gateway/ingest.h"

namespace weir::gateway {

class Reembedding {
 public:
  Reembedding(const Executor& executor, Gateway& gateway, Documents& documents);

  void Begin() { running_.Begin(); }
  // There may be a collection to change.
  void Wake() { running_.Wake(); }
  Task<void> End() { return running_.End(); }

 private:
  // False when it was cancelled.
  Task<bool> ChangeAll();
  Task<Result<void>> ChangeOne(knowledge::ModelChange change);

  Gateway& gateway_;
  Documents& documents_;
  Recurring running_;
};

}  // namespace weir::gateway
