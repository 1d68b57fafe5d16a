#include "cli/ingest_display.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "json/writer.h"

namespace weir::cli {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);
constexpr size_t kBarCells = 24;
constexpr size_t kNameShown = 48;

void AppendOutcome(json::Writer& writer, const IngestOutcome& outcome) {
  writer.BeginObject()
      .Field("name", outcome.name)
      .Field("status", outcome.status)
      .Field("chunks", outcome.chunks)
      .Field("embedded", outcome.embedded);
  if (!outcome.reason.empty()) writer.Field("reason", outcome.reason);
  if (!outcome.message.empty()) writer.Field("message", outcome.message);
  writer.EndObject();
}

}  // namespace

IngestDisplay::IngestDisplay(bool json, size_t total)
    : quiet_(json), terminal_(!json && isatty(STDERR_FILENO) != 0), total_(total) {}

void IngestDisplay::Begin(size_t number, const std::string& name) {
  const MonotonicTime now = SystemClock().Now();
  if (!terminal_ || now - drawn_at_ < kDrawEvery) return;
  drawn_at_ = now;
  const size_t filled = total_ == 0 ? 0 : number * kBarCells / total_;
  const std::string shown =
      name.size() > kNameShown ? "..." + name.substr(name.size() - kNameShown + 3) : name;
  fmt::print(stderr, "\r\033[K[{}{}] {} of {}  {}", std::string(filled, '#'),
             std::string(kBarCells - filled, '.'), number + 1, total_, shown);
  std::fflush(stderr);
}

void IngestDisplay::Failed(const IngestOutcome& outcome) {
  if (quiet_) return;
  Clear();
  fmt::print(stderr, "weir: {}: {}\n", outcome.name, outcome.message);
}

void IngestDisplay::Clear() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

void PrintIngestJson(const std::string& collection, const std::vector<IngestOutcome>& outcomes,
                     const std::vector<std::string>& removed, size_t skipped) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("collection", collection).Key("documents").BeginArray();
  for (const IngestOutcome& outcome : outcomes) AppendOutcome(writer, outcome);
  writer.EndArray().Key("removed").BeginArray();
  for (const std::string& name : removed) writer.String(name);
  writer.EndArray().Field("skipped", skipped).EndObject();
  fmt::print("{}\n", out);
}

void PrintIngestSummary(const std::string& collection, const std::vector<IngestOutcome>& outcomes,
                        size_t removed, size_t skipped) {
  const auto count = [&](std::string_view status) {
    return std::ranges::count(outcomes, status, &IngestOutcome::status);
  };
  std::string line =
      fmt::format("{}: {} read, {} unchanged", collection, count("ready"), count("unchanged"));
  for (const auto& [status, word] :
       {std::pair("duplicate", "duplicates"), std::pair("failed", "failed")}) {
    if (count(status) > 0) line += fmt::format(", {} {}", count(status), word);
  }
  if (removed > 0) line += fmt::format(", {} removed", removed);
  if (skipped > 0) line += fmt::format(", {} files of other kinds left out", skipped);
  fmt::print("{}\n", line);
}

void PrintIngestLine(const IngestOutcome& outcome, bool json) {
  if (json) {
    std::string out;
    json::Writer writer(&out);
    AppendOutcome(writer, outcome);
    fmt::print("{}\n", out);
  } else if (outcome.status == "ready") {
    fmt::print("{}: read, {} chunks\n", outcome.name, outcome.chunks);
  } else if (outcome.message.empty()) {
    fmt::print("{}: {}\n", outcome.name, outcome.status);
  } else {
    fmt::print("{}: {}: {}\n", outcome.name, outcome.status, outcome.message);
  }
  std::fflush(stdout);
}

}  // namespace weir::cli
