// Between reader and Preparation: who prepares a request. Short ones are prepared at once, on the
// thread that brings them; long ones, and those with images, on a thread of their own, one after
// the other. A text of megabytes is tokenised for seconds, and so long takes a look at an image:
// only others like them wait for it, while the reader goes on with short requests, cancels and
// questions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <variant>

#include "async/channel.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/inbox.h"
#include "engine/preparation.h"

namespace weir::engine {

// Of a request's frame. What is shorter takes some milliseconds, and is not worth waiting for.
inline constexpr size_t kShortBytesMax = 32 * 1024;
// Of the frames that wait; one more is told to come back.
inline constexpr size_t kLongBytesMax = 2 * wire::kFrameBodyBytesMax;

class Preparer {
 public:
  struct Request {
    uint64_t id = 0;
    CancelFlag cancelled = {};
    MonotonicTime received = {};
    std::variant<wire::Generate, wire::Embed, wire::Score, wire::Tokenize, wire::Detokenize> asked =
        {};
    size_t bytes = 0;  // of its frame
  };

  // Both outlive it.
  Preparer(const Preparation& preparation, Inbox& inbox);
  // Waits for the request that its thread is at; those behind it end as their flags say.
  ~Preparer();
  Preparer(const Preparer&) = delete;
  Preparer& operator=(const Preparer&) = delete;

  // One thread. What becomes of the request, a refusal too, goes into the inbox, sooner or later.
  // An Error when the inbox did not take something: the conversation is over.
  Result<void> Take(Request request);

 private:
  Result<void> Finish(Request& request);
  InboxItem Prepared(Request& request) const;
  void PrepareLong();

  const Preparation& preparation_;
  Inbox& inbox_;
  Channel<Request> long_;
  // What its thread takes for a byte; a text of a megabyte takes about a second.
  std::atomic<double> ns_per_byte_ = 1000;
  std::atomic<size_t> long_bytes_ = 0;
  std::atomic<bool> inbox_full_ = false;  // seen by the thread for long requests
  std::thread thread_;
};

}  // namespace weir::engine
