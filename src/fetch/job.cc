#include "fetch/job.h"

#include <iterator>

#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"
#include "models/manifest.h"

namespace weir::fetch {
namespace {

constexpr size_t kTextMax = 4096;
constexpr int64_t kBytesMax = int64_t{1} << 60;

constexpr std::pair<std::string_view, Event::Kind> kKinds[] = {
    {"note", Event::Kind::kNote},         {"begin", Event::Kind::kBegin},
    {"progress", Event::Kind::kProgress}, {"done", Event::Kind::kDone},
    {"failed", Event::Kind::kFailed},
};

constexpr std::pair<std::string_view, Work> kWorks[] = {
    {"pull", Work::kPull}, {"name", Work::kName},       {"remove", Work::kRemove},
    {"keep", Work::kKeep}, {"adapter", Work::kAdapter}, {"projector", Work::kProjector},
};

template <class T, size_t N>
std::string_view WordOf(const std::pair<std::string_view, T> (&words)[N], T value) {
  for (const auto& [word, each] : words) {
    if (each == value) return word;
  }
  return "";
}

std::string Text(json::Fields& fields, std::string_view key) {
  return fields.String(key, kTextMax).value_or("");
}

void RefuseIncomplete(const Job& job, json::Fields& fields) {
  const bool refers = job.work == Work::kPull || TakesFile(job.work);
  if (refers && job.reference.empty()) fields.Refuse("reference", "is required");
  if (job.work == Work::kName && job.manifest.empty()) fields.Refuse("manifest", "is required");
  if (job.work == Work::kRemove && job.name.empty()) fields.Refuse("name", "is required");
  if (job.work == Work::kKeep && !models::IsSha256(job.sha256))
    fields.Refuse("sha256", "is not 64 lower case hexadecimal digits");
}

}  // namespace

std::string PrintJob(const Job& job) {
  std::string out;
  json::Writer(&out)
      .BeginObject()
      .Field("reference", job.reference)
      .Field("source", job.source)
      .Field("name", job.name)
      .Field("store", job.store)
      .Field("cache", job.cache)
      .Field("hub", job.hub)
      .Field("hub_token", job.hub_token)
      .Field("registry", job.registry)
      .Field("ca_file", job.ca_file)
      .Field("connections", job.connections)
      .Field("stall_ms", job.stall_ms)
      .Field("check_only", job.check_only)
      .Field("keep_previous", job.keep_previous)
      .Field("again", job.again)
      .Field("work", WordOf(kWorks, job.work))
      .Field("manifest", job.manifest)
      .Field("sha256", job.sha256)
      .Field("size", job.size)
      .EndObject();
  return out;
}

Result<Job> ParseJob(std::string_view text) {
  auto document = json::Parse(text, {.depth = 4, .bytes = kJobBytesMax, .values = 64});
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Job job;
  job.reference = Text(fields, "reference");
  job.source = fields.Int("source", -1, 64).value_or(-1);
  job.name = Text(fields, "name");
  job.store = Text(fields, "store");
  job.cache = Text(fields, "cache");
  job.hub = Text(fields, "hub");
  job.hub_token = Text(fields, "hub_token");
  job.registry = Text(fields, "registry");
  job.ca_file = Text(fields, "ca_file");
  job.connections = fields.Int("connections", 1, 8).value_or(4);
  job.stall_ms = fields.Int("stall_ms", 100, 3'600'000).value_or(30'000);
  job.check_only = fields.Bool("check_only").value_or(false);
  job.keep_previous = fields.Bool("keep_previous").value_or(false);
  job.again = fields.Bool("again").value_or(false);
  static_assert(std::size(kWorks) == 6, "each is read here");
  job.work =
      fields.Word<Work>("work", {kWorks[0], kWorks[1], kWorks[2], kWorks[3], kWorks[4], kWorks[5]})
          .value_or(Work::kPull);
  job.manifest = fields.String("manifest", models::kManifestBytesMax).value_or("");
  job.sha256 = Text(fields, "sha256");
  job.size = static_cast<uint64_t>(fields.Int("size", 0, kBytesMax).value_or(0));
  RefuseIncomplete(job, fields);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return job;
}

std::string PrintEvent(const Event& event) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("event", WordOf(kKinds, event.kind));
  if (!event.text.empty()) writer.Field("text", event.text);
  if (event.kind == Event::Kind::kProgress || event.total > 0)
    writer.Field("done", event.done).Field("total", event.total);
  if (event.kind == Event::Kind::kBegin && !event.sha256.empty())
    writer.Field("sha256", event.sha256);
  if (event.kind == Event::Kind::kDone) {
    writer.Field("sha256", event.sha256)
        .Field("revision", event.revision)
        .Field("licence", event.licence)
        .Field("fetched", event.fetched);
  }
  if (event.kind == Event::Kind::kFailed) {
    writer.Field("code", static_cast<int>(event.error.code))
        .Field("message", event.error.message)
        .Field("reason", event.error.reason)
        .Field("retry_after_s", event.error.retry_after_s);
  }
  writer.EndObject();
  return out;
}

Result<Event> ParseEvent(std::string_view text) {
  auto document = json::Parse(text, {.depth = 4, .bytes = kEventBytesMax, .values = 64});
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Event event;
  event.kind =
      fields.Require()
          .Word<Event::Kind>("event", {kKinds[0], kKinds[1], kKinds[2], kKinds[3], kKinds[4]})
          .value_or(Event::Kind::kNote);
  event.text = Text(fields, "text");
  event.done = static_cast<uint64_t>(fields.Int("done", 0, kBytesMax).value_or(0));
  event.total = static_cast<uint64_t>(fields.Int("total", 0, kBytesMax).value_or(0));
  event.sha256 = Text(fields, "sha256");
  event.revision = Text(fields, "revision");
  event.licence = Text(fields, "licence");
  event.fetched = fields.Bool("fetched").value_or(false);
  event.error.code = static_cast<Code>(fields.Int("code", 0, kCodeCount - 1).value_or(0));
  event.error.message = Text(fields, "message");
  event.error.reason = Text(fields, "reason");
  event.error.retry_after_s = static_cast<int>(fields.Int("retry_after_s", 0, 1 << 30).value_or(0));
  if (problem) return Fail(problem.Take());
  return event;
}

}  // namespace weir::fetch
