// Who asks for what, now and so far: requests and tokens by key and model, for `weir ps` and
// /metrics. Engines know clients by a number only, so this is kept where keys are known.
//
// Bounded: beyond kLinesMax pairs of key and model, further ones are counted together under the key
// "other". Keys are counted by their public id and never by their secret. I/O thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "chat/event.h"
#include "chat/principal.h"

namespace weir::server {

class KeyBook {
 public:
  static constexpr size_t kLinesMax = 1000;

  struct Line {
    std::string key_name = {};  // of the key's last request
    int64_t waiting = 0;        // asked, and nothing has begun
    int64_t running = 0;
    uint64_t requests = 0;
    int64_t prompt_tokens = 0;
    int64_t cached_tokens = 0;  // of the prompt's
    int64_t completion_tokens = 0;
  };
  // By key id ("" where there are no keys) and model.
  using Lines = std::map<std::pair<std::string, std::string>, Line>;

  // One request, for as long as it lives. The book outlives it.
  class Seat {
   public:
    Seat(KeyBook& book, const chat::Principal& principal, std::string_view model);
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    // It runs now, on this model: another may have taken the request than was asked first.
    void Run(std::string_view model);

   private:
    KeyBook& book_;
    const chat::Principal& principal_;
    Line* line_;
    bool running_ = false;
  };

  void Count(const chat::Principal& principal, std::string_view model, const chat::Usage& usage);
  const Lines& lines() const { return lines_; }

 private:
  Line& LineOf(const chat::Principal& principal, std::string_view model);

  Lines lines_ = {};  // never erased from: seats point into it
};

}  // namespace weir::server
