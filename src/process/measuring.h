// Whether this is a build that counts how often its code runs (`make profile`). Its processes write
// what they counted when they end, which a sandbox would not let them.
#pragma once

namespace weir {
#ifdef WEIR_MEASURING
inline constexpr bool kMeasuringBuild = true;
#else
inline constexpr bool kMeasuringBuild = false;
#endif
}  // namespace weir
