// How sensitive a text is: a lattice that only rises. A request carries the join of everything that
// labels it; a target has a ceiling, and nothing above the ceiling may reach the target.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::chat {

enum class Label : uint8_t {
  kPublic,
  kInternal,
  kPersonal,
  kSecret,
  kUnscanned,  // could not be read (images, unknown parts); ranks with kSecret
};

// 0 (public) to 3 (secret and unscanned).
int Rank(Label label);
// The higher of the two; of equal rank the first, so that "unscanned" stays visible until something
// outranks it.
Label Join(Label a, Label b);
// Whether a text with `label` may go to a place with `ceiling`.
bool Permits(Label ceiling, Label label);

std::string_view LabelName(Label label);
// "public", "internal", "personal", "secret"; not "unscanned", which nobody may assert.
std::optional<Label> LabelFromName(std::string_view name);

}  // namespace weir::chat
