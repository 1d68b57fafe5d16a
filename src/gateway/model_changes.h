// Use cases: what clients of a server change in its model store. Each change is one fetch process
// (fetch/fetch.h), which the launcher starts; the gateway itself writes nothing there. It reads the
// store, and says which manifest a new model gets.
//
// I/O thread only. A caller that is cancelled ends its process; what a pull has fetched by then is
// kept, and the next pull goes on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/event.h"
#include "async/task.h"
#include "backends/launcher_link.h"
#include "base/clock.h"
#include "base/result.h"
#include "fetch/job.h"
#include "models/modelfile.h"
#include "models/store.h"

namespace weir::gateway {

// A model that is made of another, or of a file that a client sent.
struct NewModel {
  models::Name name = {};
  models::Modelfile file = {};  // `from` is empty where `files` are not
  // By their sha256, in the store: the model's, and maybe a projector's, in any order.
  std::vector<std::string> files = {};
  std::vector<std::string> adapters = {};  // likewise; on top of those that `from` has
  std::string reference = {};              // where `from` is fetched when it is not here
};

class ModelChanges {
 public:
  struct Options {
    size_t pulls_max = 4;     // pulls and uploads at once
    size_t changes_max = 4;   // names given and taken at once
    size_t waiting_max = 32;  // of each kind; more get kUnavailable, "store_busy"
  };
  // Everything on the way but the end. An Error ends the change: the client is gone.
  using OnEvent = std::function<Task<Result<void>>(const fetch::Event&)>;
  // The next piece of an upload; empty at its end.
  using NextBytes = std::function<Task<Result<std::string>>()>;

  // All of them outlive it.
  ModelChanges(const Executor& executor, backends::EngineStarter& starter,
               const models::Store& store, Options options);

  // A reference as `weir pull` takes it, but for files and web addresses. kDone.
  Task<Result<fetch::Event>> Pull(std::string reference, std::string name, OnEvent on_event);
  // What is made of a model that is not here is pulled first. kDone.
  Task<Result<fetch::Event>> Create(NewModel model, OnEvent on_event);
  // A second name. kNotFound, kInvalidArgument.
  Task<Result<fetch::Event>> Copy(std::string from, models::Name to);
  Task<Result<fetch::Event>> Remove(models::Name name);
  // Takes a GGUF file in. `size` is 0 where the client does not say.
  Task<Result<fetch::Event>> Keep(std::string sha256, uint64_t size, NextBytes next);
  // kNotFound, "blob_not_found".
  Result<void> HasFile(std::string_view sha256) const;
  // models::Store's.
  Result<models::Name> WholeName(std::string_view name) const { return store_.WholeName(name); }

 private:
  struct Places {
    explicit Places(const Executor& executor, size_t all) : changed(executor), max(all) {}
    Event changed;
    const size_t max;
    size_t taken = 0;
    size_t waiting = 0;
  };
  class Seat;
  class Waiting;
  class Conversation;

  Task<Result<void>> WaitForPlace(Places& places);
  Task<Result<fetch::Event>> Run(Places& places, fetch::Job job, const OnEvent& on_event,
                                 const NextBytes& next);
  Result<models::StoredFile> FileOf(const std::string& sha256) const;
  bool IsProjector(const std::string& sha256) const;
  Result<models::Manifest> FromFiles(std::vector<std::string> sha256s) const;
  Result<models::Manifest> BaseOf(const NewModel& model) const;
  Result<void> AddAdapters(const NewModel& model, models::Manifest& manifest) const;
  Task<Result<fetch::Event>> GiveName(models::Manifest manifest);

  Executor executor_;
  backends::EngineStarter& starter_;
  const models::Store& store_;
  const Options options_;
  Places pulls_;
  Places changes_;
  uint64_t next_id_ = wire::kFetchIdFirst;
};

}  // namespace weir::gateway
