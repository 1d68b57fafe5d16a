// Use case: what the detectors find in texts that somebody asks about. Nothing leaves this process,
// no target is chosen, nothing is kept.
#pragma once

#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "privacy/detector.h"

namespace weir::gateway {

struct Moderated {
  // What its `type`s point into.
  std::shared_ptr<const privacy::Detector> detector = {};
  std::vector<std::vector<privacy::Finding>> findings = {};  // of each text
};

// Long texts are read apart from the I/O thread. kUnavailable: "scanner_busy", or there are no
// detectors.
Task<Result<Moderated>> Moderate(Gateway& gateway, std::vector<std::string> texts);

}  // namespace weir::gateway
