// How fast each target answered lately: what the choice by expected seconds goes by. Told of whole
// answers; the newest counts most. Engines tell their own times with an answer; at a provider the
// time until the answer began has its queue, the prompt and the way in it.
//
// One thread. What is told here is a history::Pace for the decisions' store, which gives it back to
// the next start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "backends/backend.h"
#include "base/clock.h"
#include "chat/event.h"
#include "history/pace.h"
#include "routing/seconds.h"
#include "routing/target.h"

namespace weir::gateway {

class TargetPaces {
 public:
  static constexpr size_t kTargetsMax = 1024;

  // An answer of an engine, which `open` other requests were at when it was asked, and whose model
  // took so long to load (nothing: not known). What is known now; valid until the next call.
  const history::Pace& Answered(const routing::Target& target, const chat::Done& done, size_t open,
                                std::optional<Duration> load = {});
  // An answer of a provider, by the times from when it was asked.
  const history::Pace& Answered(const routing::Target& target, const chat::Usage& usage,
                                Duration first, Duration whole);
  // Of an earlier program. What is no figure is left out.
  void Take(history::Pace pace);

  // Of an engine's model that stands so.
  routing::Speed SpeedOf(const routing::Target& target, const backends::Residence& residence) const;
  // Of a provider's.
  routing::Speed SpeedOf(const routing::Target& target) const;

 private:
  history::Pace& Of(const routing::Target& target);
  // Null where nothing is known of this model under this name.
  const history::Pace* Find(const routing::Target& target) const;

  std::map<std::string, history::Pace> targets_ = {};
};

}  // namespace weir::gateway
