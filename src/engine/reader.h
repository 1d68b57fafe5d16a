// The reader thread of an engine: takes frames off the gateway's socket, checks them, and hands
// them on through a Preparer.
//
// Run() returns when the gateway has closed the socket or broke the protocol; either way the engine
// ends. It owns nothing that it is given. Its end waits for the text that the Preparer is at.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "engine/inbox.h"
#include "engine/preparer.h"
#include "engine/step_watch.h"
#include "wire/frame.h"

namespace weir::engine {

class Reader {
 public:
  // `frames` may hold what arrived together with the frames that were read before.
  Reader(int socket, const Preparation& preparation, Inbox& inbox, StepWatch& watch,
         wire::FrameReader frames = wire::FrameReader())
      : socket_(socket),
        preparer_(preparation, inbox),
        inbox_(inbox),
        watch_(watch),
        frames_(std::move(frames)) {}

  // Nothing when the gateway closed in good order; the Error that ended the conversation otherwise.
  // At its end every open request is cancelled, so that no step goes on for nobody.
  Result<void> Run();

 private:
  Result<void> TakeAll();
  Result<void> Take(const wire::Frame& frame);
  template <class Asked>
  Result<void> Prepare(const wire::Frame& frame);
  Result<void> Push(InboxItem item);
  Result<void> UseId(uint64_t id);
  Result<CancelFlag> Open(uint64_t id);
  void Cancel(uint64_t id);
  void CancelAll();

  int socket_;
  Preparer preparer_;
  Inbox& inbox_;
  StepWatch& watch_;
  wire::FrameReader frames_;
  uint64_t newest_id_ = 0;
  // Of requests that may still run; the engine thread's copy keeps a flag alive.
  std::unordered_map<uint64_t, std::weak_ptr<std::atomic<bool>>> flags_ = {};
};

// The next whole frame from a blocking socket, for the conversation before the reader thread
// starts. kCancelled at the end of the stream.
Result<wire::Frame> ReadFrame(int socket, wire::FrameReader& frames);

}  // namespace weir::engine
