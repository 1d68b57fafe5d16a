// Strict calls at a provider that does not hold them to their schemas: the whole call is checked
// when it is there, before anybody sees it. A schema with something that json::Fits would pass over
// is refused before anything is sent. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "json/value.h"

namespace weir::provider {

// kUnprocessable, "not_supported_by_target", at what cannot be checked in the schema of the
// request's tool of that index.
Result<void> CanCheck(const json::Value& schema, size_t index);

// The strict ones among a request's tools.
class StrictCalls {
 public:
  explicit StrictCalls(const chat::GenerateRequest& request);

  // kBackendFailed, "call_breaks_schema".
  Result<void> Check(std::string_view name, const json::Value& arguments) const;

 private:
  std::vector<std::pair<std::string, json::Value>> schemas_ = {};  // by name
};

}  // namespace weir::provider
