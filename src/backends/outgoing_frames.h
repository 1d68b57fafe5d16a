// Frames on their way to another process of ours: kept in order, and written as its socket takes
// them.
//
// I/O thread only. The owner holds the socket, decides how much may wait, and spawns Run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/task.h"
#include "base/result.h"

namespace weir::backends {

class OutgoingFrames {
 public:
  // `socket` outlives it.
  OutgoingFrames(const Executor& executor, Descriptor& socket)
      : socket_(socket), changed_(executor) {}

  void Append(uint16_t kind, uint64_t id, std::string_view body);
  // Writes what the socket takes without waiting, which saves a turn of the loop where it is all.
  // Run sees when the other side is gone, and so does whoever reads from it.
  void WriteNow() { (void)WriteSome(); }
  size_t waiting_bytes() const { return bytes_.size() - written_; }

  // Writes until Close, or until the other side is gone.
  Task<void> Run();
  // What waits is forgotten.
  void Close();
  // Destroys Run's coroutine where it waits: for an owner that ends with its Loop, and that Run's
  // coroutine may own.
  void Abandon() { changed_.Abandon(); }

 private:
  // Whether everything was written; an Error when the other side is gone.
  Result<bool> WriteSome();

  Descriptor& socket_;
  Event changed_;
  std::string bytes_ = {};
  size_t written_ = 0;  // of bytes_
  bool closed_ = false;
};

}  // namespace weir::backends
