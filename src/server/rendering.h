// How one generation is told to a client: the dialect of the route, streamed or whole. The routes
// make one, answering.h feeds it; but for Settle it waits for nothing, and it writes nowhere.
//
// Begin comes first, then events in their order; then Settle and End, or (streams alone) Fail.
// Everything appends to `out`: bytes of the stream, or in End the body of a whole answer.
#pragma once

#include <string>
#include <string_view>

#include "async/task.h"
#include "base/result.h"
#include "chat/event.h"

namespace weir::server {

class Rendering {
 public:
  virtual ~Rendering() = default;

  virtual bool streams() const = 0;
  virtual std::string_view content_type() const = 0;
  // `model`: who answers. `now_s`: Unix seconds.
  virtual void Begin(const std::string& model, int64_t now_s) = 0;
  // kBackendFailed when the event does not fit; the answer has failed then.
  virtual Result<void> Append(const chat::Event& event, std::string& out) = 0;
  // Comes once, before End and with the same words: the place to wait for what must be durable
  // before the end of the answer is told.
  virtual Task<Result<void>> Settle(std::string_view) { co_return Result<void>(); }
  // `weir` is the text of a JSON object. A whole answer may still fail here.
  virtual Result<void> End(std::string_view weir, std::string& out) = 0;
  virtual void Fail(const Error& error, std::string& out) = 0;
  // How far a long prompt is, in streams of dialects that can say so.
  virtual void Progress(const chat::Progress&, std::string&) {}
  // Something that keeps a silent stream open.
  virtual void Heartbeat(std::string& out) = 0;
};

}  // namespace weir::server
