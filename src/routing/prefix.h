// What moving a conversation from one target to another loses: the prefix that the one before has
// in its cache, and the new one has to process. Pure, integers.
//
// It is told as a part of what the answer costs at the new target if it had the prefix: 5,000 means
// that moving there costs half as much again. Seconds and money are both worked out where they are
// known, and the larger part counts; where neither is, tokens are weighed as providers price them.
#pragma once

#include <cstdint>
#include <string_view>

#include "routing/decision.h"

namespace weir::routing {

// In 1/10,000, at most kLostMax.
inline constexpr int32_t kLostMax = 1'000'000;
int32_t LostPart(const Decision& decision, const Target& to, int64_t held_tokens);

// The eligible target that answered the turn before; null where it is not known, not eligible, or
// has nothing of it any more.
const Target* HolderOf(const Decision& decision, std::string_view last_target);

// A gain that would do without a prefix has to be as much higher as the answer gets dearer; and one
// that keeps a conversation where it is may be as much less.
int32_t GainToMove(int32_t gain, int32_t lost_part);
int32_t GainToStay(int32_t gain, int32_t lost_part);

}  // namespace weir::routing
