// Models beyond this machine: which targets there are, how each of them is doing, and answers from
// them through the door. The counterpart of EngineFleet.
//
// For each request: a seat (concurrency limit and queue of the target), a replica (the one that
// probably holds the prefix, unless others are much less loaded), the dialect's bytes, a permit,
// the call. What failed before anything of the answer was given may be tried again here, where it
// cannot have cost anything: the provider answered with an error status, or the connection never
// came about. A replica that was not asked yet comes first, and at once; where none is left, one is
// asked again after a pause. A time-out or a cut is not repeated at the same target; another target
// may take over, which is the caller's decision.
//
// I/O thread only; outlives every run of its Loop. Streams may outlive it, unused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "async/worker_pool.h"
#include "backends/backend.h"
#include "backends/body_answer.h"
#include "backends/breaker.h"
#include "backends/door.h"
#include "backends/edge_servers.h"
#include "backends/provider_target.h"
#include "base/clock.h"
#include "chat/answer_times.h"
#include "chat/label.h"
#include "chat/provider.h"
#include "chat/request.h"
#include "chat/transcription.h"

namespace weir::backends {

struct ProviderAsk {
  std::string request_id = {};  // the decision's
  std::string target = {};
  chat::Label label = chat::Label::kUnscanned;
  bool others_left = false;  // another target could take over: do not wait long
  bool whole = false;        // nothing is done with the answer before its end
  MonotonicTime deadline = MonotonicTime::max();
};

// For doctor, metrics and eligibility.
struct ProviderStatus {
  std::string target = {};
  std::string backend = {};
  Breaker::State breaker = Breaker::State::kClosed;  // the best of its replicas
  bool may_ask = true;
  std::vector<uint32_t> left_alone = {};  // replicas, but for a trial; 0 is its url
  bool backend_answered = false;          // some target of it was answered well
  std::optional<WallTime> retired = {};   // since when the provider says that it has no such model
  std::string last_error = {};            // the reason
  chat::Deprecation deprecation = {};
  int32_t running = 0;
  int32_t waiting = 0;
  uint64_t attempts = 0;
  uint64_t failures = 0;
  uint64_t retries = 0;
};

struct ProviderFleetOptions {
  Duration backoff_first = std::chrono::milliseconds(250);  // doubled for each attempt
  Duration backoff_max = std::chrono::seconds(8);
  Duration queue_patience = std::chrono::seconds(60);
  uint64_t seed = 0;              // of the jitter
  WorkerPool* workers = nullptr;  // that hash large calls; they outlive the fleet
};

class ProviderFleet {
 public:
  // `servers`: what runs here for some of the backends, and has to be ready before it is asked.
  ProviderFleet(const Executor& executor, const Clock& clock, Door& door, EdgeServers& servers,
                ProviderFleetOptions options);
  ~ProviderFleet();

  // The targets from now on. What is known of one that stays the same, and is reached in the same
  // way, is kept.
  void Use(std::vector<ProviderTarget> targets);
  // Its server was started anew and is ready: what it failed at before counts no more.
  void Forgive(std::string_view backend);

  // Never waits: the stream does. Who wants the answer whole is answered by a provider that was
  // asked for it whole, unless it may take longer than a connection lasts. An Error when the
  // request cannot be written for this target (reason not_supported_by_target), or there is no such
  // target. Notes of the stream tell each attempt.
  Result<std::unique_ptr<EventStream>> Generate(const ProviderAsk& ask,
                                                const chat::GenerateRequest& request);

  // Vectors of unit length, one for each input. The same seats, retries and breakers as
  // generations; `notes` gets a line for each attempt that failed, and outlives the Task.
  // kUnprocessable, reason not_supported_by_target, where the provider has no embeddings.
  Task<Result<chat::Embeddings>> Embed(ProviderAsk ask, chat::EmbedRequest request,
                                       std::vector<std::string>& notes);

  // The text of a speech, likewise; `request` lives as long as the Task.
  Task<Result<chat::Transcription>> Transcribe(ProviderAsk ask,
                                               const chat::TranscribeRequest& request,
                                               std::vector<std::string>& notes);

  // One call without retries: the status and the body, up to kProviderErrorBytesMax for an error
  // and `bytes_max` otherwise (kTooLarge). A probe has text of ours alone, so its label is public.
  struct Probed {
    int status = 0;
    chat::ProviderHeaders headers = {};
    std::string body = {};
  };
  struct OneCall {
    std::string request_id = "probe";
    chat::Label label = chat::Label::kPublic;
    size_t bytes_max = size_t{8} << 20;
  };
  Task<Result<Probed>> Probe(std::string backend, chat::ProviderCall call,
                             wire::EgressTimeouts timeouts, OneCall as);
  Task<Result<Probed>> Probe(std::string backend, chat::ProviderCall call,
                             wire::EgressTimeouts timeouts) {
    return Probe(std::move(backend), std::move(call), timeouts, OneCall());
  }

  bool Has(std::string_view target) const;
  // Whether the target may be asked now, for routing.
  bool MayAsk(std::string_view target) const;
  bool IsRetired(std::string_view target) const;
  bool AnyMayAsk() const;
  std::vector<ProviderStatus> Status() const;

 private:
  struct State;
  struct Answering;
  class Stream;
  struct Seat;
  struct Attempted;

  // A call whose answer comes in one piece. Whatever `read` needs it owns: an attempt may outlive
  // who asked.
  struct WholeCall {
    chat::ProviderCall call = {};
    ReadBody read = {};
  };
  using WriteWhole = std::function<Result<WholeCall>(const ProviderTarget& target)>;

  Result<std::shared_ptr<Answering>> Begin(const ProviderAsk& ask);
  Task<Result<void>> AskWhole(ProviderAsk ask, const WriteWhole& write,
                              std::vector<std::string>& notes);
  static std::optional<Duration> PauseBeforeAgain(State& state, const Answering& answering,
                                                  const Error& error, int32_t repeats);
  static Task<void> Run(std::shared_ptr<State> state, std::shared_ptr<Answering> answering);
  static Task<Result<void>> TakeSeat(State& state, Answering& answering);
  static Task<Result<std::shared_ptr<OpenDoor>>> WayTo(State& state, Answering& answering);
  static Task<Attempted> Attempt(State& state, Answering& answering, uint32_t replica);

  std::shared_ptr<State> state_;
};

}  // namespace weir::backends
