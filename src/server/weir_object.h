// The `weir` object of an answer: what was decided, who answered, how sure it was, what it cost.
// Clients of other APIs skip it; Weir's own tools read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/event.h"
#include "gateway/accounts.h"
#include "gateway/held_draft.h"
#include "knowledge/passages.h"
#include "routing/decision.h"

namespace weir::server {

struct WeirObject {
  std::string_view decision_id = {};
  const routing::Target* target = nullptr;  // nothing where nobody answered
  const routing::Decision& decision;
  bool explain = false;
  std::optional<gateway::Checked> checked = {};
  std::vector<chat::ChoiceDone> choices = {};  // of a generation
  std::optional<chat::Done> done = {};
  gateway::Booked booked = {};
  const std::vector<knowledge::Passage>* sources = nullptr;  // that it was given to rest on
};

// JSON text. The cost is an exact decimal; null where nothing prices the target, because unknown is
// not zero.
std::string RenderWeirObject(const WeirObject& object);

}  // namespace weir::server
