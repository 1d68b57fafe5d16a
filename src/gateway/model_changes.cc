#include "gateway/model_changes.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "async/descriptor.h"
#include "fetch/attempts.h"
#include "gguf/inspect.h"

namespace weir::gateway {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr int kBusyRetrySeconds = 5;

Error Crashed() {
  return {Code::kInternal,
          "the fetch process ended without an answer; ask again to go on",
          {},
          "fetch_crashed"};
}

}  // namespace

// A place among the processes that run at once, and the process that took it.
class ModelChanges::Seat {
 public:
  Seat(ModelChanges& changes, Places& places) : changes_(changes), places_(places) {
    ++places_.taken;
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() {
    if (id_) changes_.starter_.Stop(*id_, Duration::zero());
    --places_.taken;
    places_.changed.Set();
  }
  uint64_t NewId() { return *(id_ = changes_.next_id_++); }

 private:
  ModelChanges& changes_;
  Places& places_;
  std::optional<uint64_t> id_ = {};
};

class ModelChanges::Waiting {
 public:
  explicit Waiting(Places& places) : places_(places) { ++places_.waiting; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { --places_.waiting; }

 private:
  Places& places_;
};

// One job with its process: the job down, events up, and the bytes of an upload in between.
class ModelChanges::Conversation {
 public:
  Conversation(const Executor& executor, int socket) : socket_(executor, socket) {}

  Task<Result<fetch::Event>> Hold(const fetch::Job& job, const OnEvent& on_event,
                                  const NextBytes& next) {
    const std::string line = fetch::PrintJob(job) + "\n";
    if (auto sent = co_await SendAll(socket_, line); !sent) co_return Fail(Lost(sent.error()));
    for (;;) {
      auto event = co_await Next();
      if (!event) co_return Fail(event.error());
      if (event->kind == fetch::Event::Kind::kDone) co_return event;
      if (event->kind == fetch::Event::Kind::kFailed) co_return Fail(std::move(event->error));
      if (on_event) {
        if (auto taken = co_await on_event(*event); !taken) co_return Fail(taken.error());
      }
      if (next && event->kind == fetch::Event::Kind::kBegin) {
        if (auto sent = co_await SendFile(next); !sent) co_return Fail(sent.error());
      }
    }
  }

 private:
  static Error Lost(const Error& why) { return why.code == Code::kCancelled ? why : Crashed(); }

  // A process that refuses the file closes its end early and says why: that is what counts then.
  Task<Result<void>> SendFile(const NextBytes& next) {
    for (;;) {
      const auto bytes = co_await next();
      if (!bytes) co_return Fail(bytes.error());
      if (bytes->empty()) break;
      const auto sent = co_await SendAll(socket_, *bytes);
      if (!sent && sent.error().code == Code::kCancelled) co_return Fail(sent.error());
      if (!sent) co_return Result<void>();
    }
    shutdown(socket_.fd(), SHUT_WR);
    co_return Result<void>();
  }

  Task<Result<fetch::Event>> Next() {
    for (;;) {
      if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
        auto event = fetch::ParseEvent(std::string_view(buffer_).substr(0, end));
        buffer_.erase(0, end + 1);
        if (!event) co_return Fail(Crashed());
        co_return std::move(*event);
      }
      if (buffer_.size() > fetch::kEventBytesMax) co_return Fail(Crashed());
      const size_t had = buffer_.size();
      buffer_.resize(had + kReadBytes);
      const ssize_t got = recv(socket_.fd(), buffer_.data() + had, kReadBytes, 0);
      const int error = got < 0 ? errno : 0;
      buffer_.resize(had + static_cast<size_t>(got > 0 ? got : 0));
      if (got > 0 || error == EINTR) continue;
      if (error != EAGAIN) co_return Fail(Crashed());
      if (auto ready = co_await socket_.WaitReadable(); !ready) co_return Fail(ready.error());
    }
  }

  Descriptor socket_;
  std::string buffer_ = {};
};

ModelChanges::ModelChanges(const Executor& executor, backends::EngineStarter& starter,
                           const models::Store& store, Options options)
    : executor_(executor),
      starter_(starter),
      store_(store),
      options_(options),
      pulls_(executor, options.pulls_max),
      changes_(executor, options.changes_max) {}

Task<Result<void>> ModelChanges::WaitForPlace(Places& places) {
  if (places.taken < places.max) co_return Result<void>();
  if (places.waiting >= options_.waiting_max) {
    Error error{Code::kUnavailable,
                fmt::format("{} changes of the model store run and {} wait, which is the most",
                            places.max, places.waiting),
                {},
                "store_busy"};
    error.retry_after_s = kBusyRetrySeconds;
    co_return Fail(std::move(error));
  }
  const Waiting waiting(places);
  while (places.taken >= places.max) {
    places.changed.Reset();
    if (auto waited = co_await places.changed.Wait(); !waited) co_return Fail(waited.error());
  }
  co_return Result<void>();
}

Task<Result<fetch::Event>> ModelChanges::Run(Places& places, fetch::Job job,
                                             const OnEvent& on_event, const NextBytes& next) {
  if (on_event && places.taken >= places.max) {
    const fetch::Event note{.text = "waiting for other changes of the model store"};
    if (auto taken = co_await on_event(note); !taken) co_return Fail(taken.error());
  }
  if (auto place = co_await WaitForPlace(places); !place) co_return Fail(place.error());
  Seat seat(*this, places);
  auto socket = co_await starter_.Start(seat.NewId(), {});
  if (!socket) co_return Fail(socket.error());
  Conversation conversation(executor_, socket->Release());
  co_return co_await conversation.Hold(job, on_event, next);
}

Task<Result<fetch::Event>> ModelChanges::Pull(std::string reference, std::string name,
                                              OnEvent on_event) {
  const auto attempts = fetch::Attempts(
      {.reference = std::move(reference), .name = std::move(name), .store = store_.root()});
  if (!attempts) co_return Fail(attempts.error());
  std::optional<Error> why;
  for (const fetch::Job& job : *attempts) {
    if (why && on_event) {
      if (auto taken = co_await on_event(fetch::TryingNext(*why)); !taken)
        co_return Fail(taken.error());
    }
    auto done = co_await Run(pulls_, job, on_event, nullptr);
    if (done) co_return done;
    why = std::move(done.error());
    if (why->code == Code::kCancelled || !fetch::NextMayHelp(*why)) break;
  }
  co_return Fail(std::move(*why));
}

Result<models::StoredFile> ModelChanges::FileOf(const std::string& sha256) const {
  const auto file = store_.OpenBlob(sha256);
  if (!file) return Fail(file.error());
  struct stat facts{};
  if (fstat(file->get(), &facts) != 0)
    return Fail(Code::kUnavailable, "the file cannot be read; check the disk of the model store");
  return models::StoredFile{sha256, static_cast<uint64_t>(facts.st_size)};
}

bool ModelChanges::IsProjector(const std::string& sha256) const {
  const auto file = store_.OpenBlob(sha256);
  const auto info = file ? gguf::InspectDescriptor(file->get()) : Fail(file.error());
  return info && info->kind == gguf::Kind::kProjector;
}

// Whether they are what they are taken for is looked at when the name is given.
Result<models::Manifest> ModelChanges::FromFiles(std::vector<std::string> sha256s) const {
  std::ranges::partition(sha256s, [&](const auto& each) { return !IsProjector(each); });
  const auto file = FileOf(sha256s.front());
  if (!file) return Fail(file.error());
  models::Manifest manifest{
      .format = "gguf", .sha256 = file->sha256, .size = file->size, .source = "upload"};
  if (sha256s.size() < 2) return manifest;
  auto projector = FileOf(sha256s.back());
  if (!projector) return Fail(projector.error());
  manifest.projector = std::move(*projector);
  return manifest;
}

// What stands under the new name before its own words are laid over it. kNotFound where it has to
// be pulled.
Result<models::Manifest> ModelChanges::BaseOf(const NewModel& model) const {
  if (!model.files.empty()) return FromFiles(model.files);
  auto there = store_.Resolve(model.file.from);
  if (there && !there->path.empty())
    return Fail(Code::kUnprocessable,
                "this model lies in another program's folder; make one of it with 'weir create' on "
                "the machine that runs Weir",
                "from", "use_the_command");
  return there;
}

Result<void> ModelChanges::AddAdapters(const NewModel& model, models::Manifest& manifest) const {
  for (const std::string& sha256 : model.adapters) {
    auto file = FileOf(sha256);
    if (!file) return Fail(file.error());
    manifest.adapters.push_back(std::move(*file));
  }
  return models::CheckAdapterCount(manifest);
}

Task<Result<fetch::Event>> ModelChanges::Create(NewModel model, OnEvent on_event) {
  auto manifest = BaseOf(model);
  // A name that no model of the store could have may be a reference.
  const bool fetch =
      !manifest && model.files.empty() &&
      (manifest.error().code == Code::kNotFound || manifest.error().code == Code::kInvalidArgument);
  // Words that no manifest takes are told before a model is fetched for them.
  models::Manifest trial;
  if (auto laid = models::Overlay(model.file, trial); !laid) co_return Fail(laid.error());
  if (fetch) {
    const auto pulled = co_await Pull(model.reference, model.name.ToString(), std::move(on_event));
    if (!pulled) co_return Fail(pulled.error());
    manifest = store_.Resolve(model.name.ToString());
  }
  if (!manifest) co_return Fail(manifest.error());
  manifest->name = model.name;
  if (auto laid = models::Overlay(model.file, *manifest); !laid) co_return Fail(laid.error());
  if (auto added = AddAdapters(model, *manifest); !added) co_return Fail(added.error());
  co_return co_await GiveName(std::move(*manifest));
}

Task<Result<fetch::Event>> ModelChanges::Copy(std::string from, models::Name to) {
  auto manifest = BaseOf({.file = {.from = std::move(from)}});
  if (!manifest) co_return Fail(manifest.error());
  manifest->name = std::move(to);
  co_return co_await GiveName(std::move(*manifest));
}

Task<Result<fetch::Event>> ModelChanges::GiveName(models::Manifest manifest) {
  co_return co_await Run(changes_,
                         {.work = fetch::Work::kName, .manifest = models::PrintManifest(manifest)},
                         nullptr, nullptr);
}

Task<Result<fetch::Event>> ModelChanges::Remove(models::Name name) {
  co_return co_await Run(changes_, {.name = name.ToString(), .work = fetch::Work::kRemove}, nullptr,
                         nullptr);
}

Task<Result<fetch::Event>> ModelChanges::Keep(std::string sha256, uint64_t size, NextBytes next) {
  if (!models::IsSha256(sha256))
    co_return Fail(Code::kInvalidArgument,
                   "a digest is sha256: and 64 lower case hexadecimal digits", "digest");
  co_return co_await Run(pulls_,
                         {.work = fetch::Work::kKeep, .sha256 = std::move(sha256), .size = size},
                         nullptr, next);
}

Result<void> ModelChanges::HasFile(std::string_view sha256) const {
  const auto file = store_.OpenBlob(sha256);
  if (!file) return Fail(file.error());
  return {};
}

}  // namespace weir::gateway
