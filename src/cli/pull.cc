#include "cli/pull.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/terminal_text.h"
#include "cli/table.h"
#include "fetch/attempts.h"
#include "fetch/surroundings.h"
#include "process/child.h"
#include "process/environment.h"
#include "process/fd.h"
#include "supervisor/launcher.h"

namespace weir::cli {
namespace {

constexpr auto kBarEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(5);
constexpr auto kSampleEvery = std::chrono::milliseconds(500);
constexpr double kSmoothing = 0.3;
constexpr size_t kBarCells = 30;

fetch::Job JobOf(const PullRequest& request) {
  fetch::Job job = fetch::JobOfSurroundings();
  job.reference = request.reference;
  job.name = request.name;
  job.store = request.store;
  job.connections = request.connections;
  job.check_only = request.check_only;
  job.keep_previous = request.keep_previous;
  job.again = request.again;
  return job;
}

Error Crashed(const std::string& how) {
  return {Code::kInternal,
          fmt::format("the fetch process ended with {}; run the same command again to go on", how),
          {},
          "fetch_crashed"};
}

// Lines of the fetch process until its last event, or until it is gone.
std::optional<fetch::Event> ReadEvents(int output, const OnEvent& on_event) {
  std::string buffer;
  char block[4096];
  for (;;) {
    const ssize_t got = read(output, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    buffer.append(block, static_cast<size_t>(got));
    for (size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
      const auto event = fetch::ParseEvent(std::string_view(buffer).substr(0, end));
      buffer.erase(0, end + 1);
      if (!event) return std::nullopt;
      const bool last =
          event->kind == fetch::Event::Kind::kDone || event->kind == fetch::Event::Kind::kFailed;
      if (last) return *event;
      on_event(*event);
    }
    if (buffer.size() > fetch::kEventBytesMax) return std::nullopt;
  }
}

Result<fetch::Event> RunFetch(const fetch::Job& job, const OnEvent& on_event) {
  const auto folder = ProgramFolder();
  if (!folder) return Fail(folder.error());
  auto input = MakePipe();
  auto output = MakePipe();
  if (!input || !output) return Fail(input ? output.error() : input.error());
  auto child = Child::Spawn({.program = *folder + "/weir-fetch",
                             .environment = EnvironmentWithoutSecrets(),
                             .descriptors = {{0, input->read.get()}, {1, output->write.get()}}});
  if (!child)
    return Fail(Code::kInternal, "weir-fetch is not beside this program; install Weir again");
  input->read.Reset();
  output->write.Reset();
  const std::string text = fetch::PrintJob(job);  // a pipe holds more than a job
  if (write(input->write.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return Fail(Crashed("an error at its start"));
  input->write.Reset();
  const auto last = ReadEvents(output->read.get(), on_event);
  const ChildEnd end = child->Wait();
  if (!last) return Fail(Crashed(end.ToString()));
  if (last->kind == fetch::Event::Kind::kFailed) return Fail(last->error);
  return *last;
}

}  // namespace

Result<fetch::Event> Pull(const PullRequest& request, const OnEvent& on_event) {
  const auto attempts = fetch::Attempts(JobOf(request));
  if (!attempts) return Fail(attempts.error());
  std::optional<Error> why;
  for (const fetch::Job& job : *attempts) {
    if (why) on_event(fetch::TryingNext(*why));
    auto done = RunFetch(job, on_event);
    if (done) return done;
    why = done.error();
    if (!fetch::NextMayHelp(*why)) break;
  }
  return Fail(*why);
}

Result<fetch::Event> TakeBeside(fetch::Work work, const std::string& path, const std::string& store,
                                const OnEvent& on_event) {
  fetch::Job job;
  job.work = work;
  job.reference = path;
  job.store = store;
  return RunFetch(job, on_event);
}

PullDisplay::PullDisplay(bool json) : json_(json), terminal_(!json && isatty(STDERR_FILENO) != 0) {}

void PullDisplay::Clear() {
  if (std::exchange(drawn_, false)) fmt::print(stderr, "\r\033[K");
}

void PullDisplay::Show(const fetch::Event& event) {
  if (json_) {
    fmt::print("{}\n", fetch::PrintEvent(event));
    std::fflush(stdout);
    return;
  }
  switch (event.kind) {
    case fetch::Event::Kind::kNote:
      Clear();
      fmt::print(stderr, "weir: {}\n", OneLine(event.text));
      break;
    case fetch::Event::Kind::kBegin:
      name_ = event.text;
      sampled_ = {};
      rate_ = 0;
      if (!terminal_) fmt::print(stderr, "pulling {} ({})\n", name_, Bytes(event.total));
      break;
    case fetch::Event::Kind::kProgress:
      ShowProgress(event);
      break;
    default:
      break;
  }
}

void PullDisplay::ShowProgress(const fetch::Event& event) {
  const MonotonicTime now = SystemClock().Now();
  if (sampled_ == MonotonicTime()) {
    sampled_ = shown_ = now;
    sampled_bytes_ = event.done;
  }
  if (now - sampled_ >= kSampleEvery) {
    const double moved = static_cast<double>(event.done) - static_cast<double>(sampled_bytes_);
    const double rate =
        std::max(moved, 0.0) / std::chrono::duration<double>(now - sampled_).count();
    rate_ = rate_ == 0 ? rate : rate_ + kSmoothing * (rate - rate_);
    sampled_ = now;
    sampled_bytes_ = event.done;
  }
  if (now - shown_ < (terminal_ ? Duration(kBarEvery) : Duration(kLineEvery))) return;
  shown_ = now;
  const bool known = event.total > 0;
  const double share =
      known ? static_cast<double>(event.done) / static_cast<double>(event.total) : 0;
  std::string line =
      known ? fmt::format("{:3.0f} %  {} of {}", 100 * share, Bytes(event.done), Bytes(event.total))
            : Bytes(event.done);
  if (rate_ > 0) {
    line += fmt::format("  {}/s", Bytes(static_cast<uint64_t>(rate_)));
    if (known && event.done <= event.total)
      line +=
          fmt::format("  {} left", Seconds(static_cast<double>(event.total - event.done) / rate_));
  }
  if (!terminal_) {
    fmt::print(stderr, "pulling {}  {}\n", name_, line);
    return;
  }
  const auto filled = static_cast<size_t>(share * kBarCells);
  fmt::print(stderr, "\r\033[K{} [{}{}] {}", name_, std::string(filled, '#'),
             std::string(kBarCells - std::min(filled, kBarCells), '.'), line);
  std::fflush(stderr);
  drawn_ = true;
}

void PullDisplay::End(const Result<fetch::Event>& outcome) {
  Clear();
  if (json_) {
    fmt::print("{}\n", fetch::PrintEvent(outcome ? *outcome
                                                 : fetch::Event{.kind = fetch::Event::Kind::kFailed,
                                                                .error = outcome.error()}));
    return;
  }
  if (!outcome) return;
  fmt::print("{} {} ({}, sha256 {})\n", outcome->text, outcome->fetched ? "pulled" : "is there",
             Bytes(outcome->total), outcome->sha256.substr(0, 12));
}

}  // namespace weir::cli
