// Whether this is a build with a sanitizer, whose runtime needs more of the kernel than the program
// itself: executable mappings, /proc, and in the end a traced clone for the leak check. process/
// asks, and tests that measure memory.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_SANITIZER_BUILD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEIR_SANITIZER_BUILD 1
#endif
#endif

namespace weir {
#ifdef WEIR_SANITIZER_BUILD
inline constexpr bool kSanitizerBuild = true;
#else
inline constexpr bool kSanitizerBuild = false;
#endif
}  // namespace weir
