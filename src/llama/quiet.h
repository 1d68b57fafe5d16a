// While one lives, libllama's messages on this thread are of the debug level: where the outcome is
// typed and expected (no room, an abort), its error lines would only alarm. Inside of this folder.
#pragma once

namespace weir::llama {

class Quiet {
 public:
  Quiet() { ++depth_; }
  ~Quiet() { --depth_; }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  static bool now() { return depth_ > 0; }

 private:
  static inline thread_local int depth_ = 0;
};

}  // namespace weir::llama
