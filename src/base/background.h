// Threads whose work nobody waits for.
#pragma once

namespace weir {

enum class Courtesy {
  kPolite,  // a tenth of what others get of a busy processor
  // A seventieth, and what it is in the midst of waits: for threads that take no lock that others
  // want (async/handover.h).
  kUtmost,
};

// The calling thread gives way to all others of the machine from now on, soon after they want to
// run (Linux; without an effect elsewhere).
void WorkInBackground(Courtesy courtesy);

}  // namespace weir
