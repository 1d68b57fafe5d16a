// What kind of task a text asks for, as far as calibrations tell tasks apart: how sure an answer of
// a small model is depends on it more than on anything else. Counts of characters and words, in one
// pass; integers only, so that the same text has the same kind on every machine. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::routing {

enum class TaskKind : uint8_t { kGeneral, kMath, kExtraction, kCode };
inline constexpr size_t kTaskKinds = 4;
std::string_view TaskKindName(TaskKind kind);  // "general", "math", "extraction", "code"
std::optional<TaskKind> TaskKindFromName(std::string_view name);

// Of a user's turn; of a long one its beginning and its end are read (kKindBytes each).
inline constexpr size_t kKindBytes = size_t{8} << 10;
TaskKind TaskKindOf(std::string_view text);

}  // namespace weir::routing
