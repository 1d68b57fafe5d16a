// Whether one point matches a filter, decided from the point itself: what the indexes of filter
// conditions are an abbreviation of, and what decides where they cannot. Pure; any thread. The
// filter has been checked (input_check.h).
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "json/value.h"
#include "vectors/filter.h"

namespace weir::vectors {

// A point as a filter sees it.
struct Facts {
  std::string_view id;
  std::string_view text;
  const json::Value* payload;
  std::function<bool(std::string_view space)> has_vector;
  // Where a test of the caller's fails (OwnTextPasses), which then counts as not passed, its Error
  // is put here; the answer is none then.
  std::optional<Error>* failed = nullptr;
};

bool Matches(const Filter& filter, const Facts& facts);

// Visits each value that `path` reaches, elements of arrays one by one.
void ForEachAt(const json::Value& payload, std::string_view path,
               const std::function<void(const json::Value&)>& visit);

// "2026-11-03T10:00:00.5+01:00", "2026-11-03T10:00:00" (UTC then), "2026-11-03"; a space may stand
// for the T. Years 0000 to 9999;
// at most 64 bytes.
std::optional<WallTime> ParseTime(std::string_view text);

}  // namespace weir::vectors
