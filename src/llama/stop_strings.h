// Bytes of tokens in, text out: whole code points, ended at the first stop string, wherever token
// borders fall. Holds back only what may still become a stop string or is an unfinished code point;
// bytes that can never become UTF-8 turn into U+FFFD.
//
// Threads: one at a time. Cost: linear in the text, times the number of stop strings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir::llama {

inline constexpr size_t kStopsMax = 32;
inline constexpr size_t kStopBytesMax = 512;

class StopStrings {
 public:
  // Empty strings are ignored. CHECKs the bounds: requests are checked before.
  explicit StopStrings(std::vector<std::string> stops);

  // The text that is certain now; empty after a stop string was found.
  std::string Push(std::string_view bytes);
  // The rest, at the end of an answer that no stop string ended.
  std::string Finish();

  bool found() const { return found_ >= 0; }
  // Which one; empty when none was found.
  std::string_view found_stop() const;

 private:
  std::string Release(size_t count);

  std::vector<std::string> stops_;
  size_t longest_ = 0;
  std::string held_ = {};
  int found_ = -1;
};

}  // namespace weir::llama
