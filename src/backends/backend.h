// A place where models run, as the gateway's use cases see it. An engine of this machine implements
// it today; the door to edge and cloud implements it next. Decisions (which target, which label)
// have been made before; a Backend carries out.
//
// All calls on the gateway's I/O thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "chat/event.h"
#include "chat/principal.h"
#include "chat/request.h"

namespace weir::backends {

// What an answer that ends without chat::Done has cost so far.
struct Metered {
  bool may_have_cost = true;  // false: nobody can have worked on it
  chat::Usage usage = {};     // as far as it was reported
};

// One generation in progress. Destroying it before chat::Done was taken cancels the work.
class EventStream {
 public:
  virtual ~EventStream() = default;

  // The next event; nothing when `patience` passed without one. An event that is already there is
  // given without waiting, so a patience of zero asks whether there is one. After chat::Done or an
  // Error it must not be called again. An Error is the generation's end: an engine that died, a
  // provider that broke off, kCancelled.
  virtual Task<Result<std::optional<chat::Event>>> Next(Duration patience) = 0;
  // What is worth knowing of attempts that failed, one line each, since the last call; no text of
  // the request.
  virtual std::vector<std::string> TakeNotes() { return {}; }
  // For settling an answer that broke or was left.
  virtual Metered Meter() const { return {}; }
};

// How a model stands now.
struct Residence {
  std::optional<Duration> load = {};  // until it is in memory; zero: it is; nothing: not known
  size_t open = 0;                    // requests that run there, or wait for it
  std::optional<Duration> took = {};  // the last load, however it stands now; nothing: not known
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Returns when the model is there to take the request, which may need it to be loaded first.
  // `model` is the backend's name for it. Requests are not copied: they live until the Task ends,
  // and not longer.
  virtual Task<Result<std::unique_ptr<EventStream>>> Generate(
      const chat::Principal& principal, std::string model,
      const chat::GenerateRequest& request) = 0;
  virtual Task<Result<chat::Embeddings>> Embed(const chat::Principal& principal, std::string model,
                                               const chat::EmbedRequest& request) = 0;
  virtual Task<Result<chat::Scores>> Score(const chat::Principal& principal, std::string model,
                                           const chat::ScoreRequest& request) = 0;
  // Answers that somebody waits for now; work in the background makes room for them.
  virtual size_t generating() const { return 0; }
  // What loading takes is known of models that were loaded since the start.
  virtual Residence ResidenceOf(const std::string& /*model*/) const { return {}; }
};

}  // namespace weir::backends
