// Threads whose work nobody waits for.
#pragma once

namespace weir {

// The calling thread gives way to all others of the machine from now on: of a busy processor it
// gets a tenth of what others get at a `nice` of 10, a 25th at 14, a 70th at 19 (no more), in bites
// of some milliseconds. It may be kept from running at any instruction, and whoever wants a lock of
// its own then waits with it. Linux; without an effect elsewhere.
void WorkInBackground(int nice);

}  // namespace weir
