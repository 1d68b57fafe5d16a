// Memory that is refused (std::bad_alloc), as an error like others. Stands where a library's or a
// thread's calls begin: what is inside undoes what it had begun on its way out.
#pragma once

#include <new>

#include "base/result.h"

namespace weir {

// What the call gives, or kUnavailable with the reason no_memory.
template <class Call>
auto OrNoMemory(Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return Fail(Code::kUnavailable, "there is not enough memory for this now", {}, "no_memory");
  }
}

}  // namespace weir
