// Model name and features in, Decision out. Pure; no I/O, no clock. The policy is immutable while
// it is used: a reload makes a new Policy.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/decision.h"
#include "routing/target.h"

namespace weir::routing {

struct Policy {
  std::vector<Target> targets = {};         // unique names
  std::vector<VirtualModel> virtuals = {};  // unique names, none equal to a target's
};

// The eligible targets for `model` in order of preference.
//
// Errors: kNotFound (reason model_not_found, with near names) for a name that is neither target nor
// virtual model; kForbidden (label_exceeds_ceiling) when the label alone rules out every target;
// kUnavailable when what is left is offline; kInvalidArgument (wrong_task) when it asks an
// embedding model to generate or the reverse; kUnprocessable naming the filters otherwise. Never a
// target that fails a filter.
Result<Decision> Decide(const Policy& policy, std::string_view model, const Features& features);

// The bits of `target` that the request fails.
uint32_t FailedFilters(const Target& target, const Features& features);

}  // namespace weir::routing
