// Threads whose work nobody waits for.
#pragma once

namespace weir {

// The calling thread gives way to all others of the machine from now on, soon after they want to
// run (Linux; without an effect elsewhere).
void WorkInBackground();

}  // namespace weir
