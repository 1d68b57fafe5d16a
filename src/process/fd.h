// Fd owns one open descriptor and closes it. Everything in this folder opens with close-on-exec, so
// that a child gets only what ChildSpec names. Not a file or a socket class: callers read and write
// through get(). Move it between threads, do not share it.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace weir {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}  // takes ownership; a negative number is empty
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.number_, -1));
    return *this;
  }
  ~Fd() { Reset(); }

  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }
  // Gives ownership away.
  int Release() { return std::exchange(number_, -1); }
  // Closes what it holds and takes `number`.
  void Reset(int number = -1);

 private:
  int number_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};

// kNotFound, kForbidden or kUnavailable say why a path could not be opened.
Result<Fd> OpenReadOnly(const std::string& path);
Result<Pipe> MakePipe();
// The same open file under a second number.
Result<Fd> Duplicate(int descriptor);
// Where the open file really lies, links followed.
Result<std::string> PathOf(int descriptor);
Result<void> SetNonBlocking(int descriptor, bool on);

// An errno as an Error: "<what>: No such file or directory". ENOENT is kNotFound, EACCES and EPERM
// are kForbidden, a lack of descriptors or memory is kUnavailable, all else kInternal.
Error SystemError(std::string what, int error_number);

}  // namespace weir
