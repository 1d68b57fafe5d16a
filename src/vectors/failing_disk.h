// A disk that fails when it is told to, for tests only: the program is linked with --wrap for what
// changes files, so that SQLite and the index files' writer both stand on it. Of what was not
// synced only some is there after the power was cut, down to single sectors, and names of files
// that were not synced in their folder may be the old ones. Any thread; one folder at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace weir::vectors {

class FailingDisk {
 public:
  // Counts writes, syncs, truncations, new files and folders and renames below the folder from now
  // on. SQLite's shared memory does not count: nothing of it outlives the process.
  static void Watch(const std::filesystem::path& folder);
  static void Forget();
  static size_t Calls();

  // kKilled: the process ends there and then, by SIGKILL.
  enum class Failure : uint8_t { kOnce, kFromThenOn, kKilled };
  // The call of that number (0 is the first since Watch) fails with `error`, an errno; of a write
  // one half is done.
  static void FailAt(size_t call, int error, Failure how);

  // What may be there when the power is cut now, as a folder of its own.
  static void CutPower(uint32_t seed, const std::filesystem::path& to);
};

// The same for memory that is asked for with malloc and realloc: by SQLite, in these programs.
class FailingMemory {
 public:
  static size_t Calls();
  static void FailAt(size_t call);  // once, counted from now
  static void Forget();
};

// The same for what C++ asks for with operator new: by the library, while a
// call of it is Inside.
class FailingNew {
 public:
  class Inside {
   public:
    Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside();
  };
  static size_t Calls();
  static void FailAt(size_t call);  // once, counted from now
  static void Forget();
  // From now on each call's stack is kept, as a hash, in the order of the calls; null: no more.
  // Slow.
  static void KeepStacks(std::vector<uint64_t>* stacks);
};

}  // namespace weir::vectors
