// Answers of requests that carry an `idempotency-key`: who sends such a request again, because its
// answer was lost on the way, gets that answer, and nothing is computed or paid for twice.
//
// Source: draft-ietf-httpapi-idempotency-key-header-07. As there, a key that comes with another
// request is 422, and one whose request is still at work 409. Only good answers are kept: whoever
// was refused or got an error may try again with the same key. A request whose client left before
// its answer was whole was cancelled, and is computed when it comes again.
//
// In memory alone, because answers are what users read: a restart forgets them. I/O thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace weir::server {

inline constexpr const char* kIdempotencyKey = "idempotency-key";

struct KeptAnswer {
  http::Reply reply = {};  // without what is of one request alone: the server's own id of it
  bool streamed = false;
};

class KeptAnswers {
 public:
  static constexpr Duration kFor = std::chrono::hours(24);
  static constexpr size_t kKeyBytesMax = 255;
  static constexpr size_t kAnswersMax = 1024;                 // requests at work included
  static constexpr size_t kBytesMax = size_t{16} << 20;       // of all answers
  static constexpr size_t kAnswerBytesMax = size_t{4} << 20;  // a longer one is not kept

  // That a request is at work. When it goes without an answer, the key is free again.
  class Claim {
   public:
    Claim(KeptAnswers& answers, std::string id) : answers_(&answers), id_(std::move(id)) {}
    ~Claim() {
      if (answers_ != nullptr) answers_->Forget(id_);
    }
    Claim(Claim&& other) noexcept
        : answers_(std::exchange(other.answers_, nullptr)), id_(std::move(other.id_)) {}
    Claim& operator=(Claim&&) = delete;

    void Keep(KeptAnswer answer) { std::exchange(answers_, nullptr)->Keep(id_, std::move(answer)); }

   private:
    KeptAnswers* answers_;
    std::string id_;
  };
  // One of them.
  struct Begun {
    std::optional<Claim> claim = {};
    std::shared_ptr<const KeptAnswer> answer = {};
  };

  // `caller` and `key` together are what answers are known by; `request` is a hash of all that the
  // answer depends on. kInvalidArgument (not 1 to 255 visible characters of ASCII), kConflict (it
  // is at work), kUnprocessable (it came with another request), kUnavailable (as many are at work
  // as may be).
  Result<Begun> Begin(std::string_view caller, std::string_view key, std::string request,
                      MonotonicTime now);
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string request = {};
    MonotonicTime begun = {};
    std::shared_ptr<const KeptAnswer> answer = {};  // null: at work
  };
  void Keep(const std::string& id, KeptAnswer answer);
  void Forget(const std::string& id);
  void MakeRoom(size_t answers_max, size_t bytes_max);

  std::map<std::string, Entry> entries_ = {};
  std::deque<std::string> kept_ = {};  // ids with an answer, the oldest first
  size_t bytes_ = 0;
};

}  // namespace weir::server
