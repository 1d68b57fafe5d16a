// Use case: answer a chat or a completion. Decides the target, asks its backend, moves to the next
// eligible target while nothing has been answered yet, and gives the events.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "backends/backend.h"
#include "chat/request.h"
#include "gateway/gateway.h"
#include "gateway/held_draft.h"

namespace weir::gateway {

// An answer on its way. Destroying it cancels the work.
class Generation {
 public:
  virtual ~Generation() = default;

  // As backends::EventStream::Next. Until the first event was given, a target that fails is
  // replaced by the next eligible one; after it a failure ends the answer. kDeadlineExceeded when
  // the request's own deadline has passed.
  virtual Task<Result<std::optional<chat::Event>>> Next(Duration patience) = 0;

  // Final once an event was given; before that, the one that is being tried.
  virtual const routing::Target& target() const = 0;
  virtual const routing::Decision& decision() const = 0;
  virtual const std::string& decision_id() const = 0;
  // What a larger model said of the draft; nothing where none was asked.
  virtual std::optional<Checked> checked() const = 0;
  // Of the target that answered, once its chat::Done was given.
  virtual const Booked& booked() const = 0;
  // Work besides the answer since the last call, for the key's limits and the counters.
  virtual std::vector<SideWork> TakeSideWork() = 0;
};

// An Error when no target may take the request (routing/router.h). Nothing is loaded or sent yet:
// the first Next does that. `unanswered`, if given, is what was decided then.
Result<std::unique_ptr<Generation>> Generate(Gateway& gateway, const Asked& asked,
                                             chat::GenerateRequest request,
                                             std::optional<Unanswered>* unanswered = nullptr);

}  // namespace weir::gateway
