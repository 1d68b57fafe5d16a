#include "cli/engine_jobs.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <vector>

#include "process/child.h"
#include "process/socket_pair.h"
#include "supervisor/launcher.h"
#include "wire/control.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::cli {
namespace {

struct Job {
  std::string_view does = {};  // for messages: "quantises"
  std::vector<std::string> arguments = {};
  std::vector<int> files = {};
  std::string first = {};  // bytes that it is sent when it has started
};

// All that is not about progress.
using FrameTold = std::function<void(const wire::Frame&)>;

Error Crashed(const Job& job, const std::string& how) {
  return {Code::kInternal,
          fmt::format("the engine process that {} ended with {}; the log of the kernel may say why",
                      job.does, how),
          {},
          "engine_crashed"};
}

// A process that has ended already is noticed by who listens.
void Send(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

struct Heard {
  std::optional<Error> failure = {};  // that the process told, or that ended the conversation
  bool broken = false;                // it broke the protocol
};

// Frames of the engine process until it is gone.
Heard Listen(int socket, const ShareTold& on_share, const FrameTold& on_frame) {
  wire::FrameReader frames(wire::kMeasuredBytesMax);
  char block[4096];
  Heard heard;
  for (;;) {
    const ssize_t got = read(socket, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return heard;
    frames.Append(std::string_view(block, static_cast<size_t>(got)));
    for (;;) {
      const auto frame = frames.Next();
      if (!frame) return {.failure = frame.error(), .broken = true};
      if (!*frame) break;
      const auto kind = static_cast<wire::EngineFrame>((*frame)->kind);
      if (kind == wire::EngineFrame::kLoading) {
        if (const auto loading = wire::Decode<wire::Loading>((*frame)->body))
          on_share(loading->fraction);
      } else if (kind == wire::EngineFrame::kFailure) {
        if (const auto said = wire::Decode<wire::Failure>((*frame)->body))
          heard.failure = wire::ErrorOf(*said);
      } else {
        on_frame(**frame);
      }
    }
  }
}

Result<void> Run(const Job& job, const ShareTold& on_share, const FrameTold& on_frame) {
  const auto folder = ProgramFolder();
  if (!folder) return Fail(folder.error());
  auto sockets = MakeStreamPair();
  auto nowhere = OpenReadOnly("/dev/null");
  if (!sockets || !nowhere) return Fail(sockets ? nowhere.error() : sockets.error());
  ChildSpec spec{.program = *folder + "/weir-engine",
                 .arguments = job.arguments,
                 .environment = {},
                 .descriptors = {{2, nowhere->get()},  // ggml prints there, past every log
                                 {wire::kEngineSocketFd, sockets->theirs.get()}}};
  for (size_t i = 0; i < job.files.size(); ++i)
    spec.descriptors[wire::kEngineFileFdFirst + static_cast<int>(i)] = job.files[i];
  auto child = Child::Spawn(spec);
  if (!child)
    return Fail(Code::kInternal, "weir-engine is not beside this program; install Weir again");
  sockets->theirs.Reset();
  Send(sockets->ours.get(), job.first);
  const Heard heard = Listen(sockets->ours.get(), on_share, on_frame);
  if (heard.broken) child->Kill(SIGKILL);
  const ChildEnd end = child->Wait();
  if (heard.failure) return Fail(*heard.failure);
  if (!end.Clean()) return Fail(Crashed(job, end.ToString()));
  return {};
}

}  // namespace

Result<void> QuantizeFile(const QuantizeJob& job, const ShareTold& on_share) {
  return Run({.does = "quantises",
              .arguments = {"quantize", std::to_string(job.type), std::to_string(job.threads),
                            job.again ? "again" : "once", job.output},
              .files = {job.model}},
             on_share, [](const wire::Frame&) {});
}

Result<wire::Measured> MeasureFiles(std::span<const int> models, const wire::Measure& asked,
                                    const ShareTold& on_share) {
  std::optional<wire::Measured> measured;
  const auto ran =
      Run({.does = "measures",
           .arguments = {"measure", std::to_string(models.size())},
           .files = {models.begin(), models.end()},
           .first = wire::EncodeFrame(static_cast<uint16_t>(wire::QualityFrame::kMeasure), 0,
                                      wire::Encode(asked))},
          on_share, [&](const wire::Frame& frame) {
            if (frame.kind != static_cast<uint16_t>(wire::QualityFrame::kMeasured)) return;
            measured = wire::Decode<wire::Measured>(frame.body);
          });
  if (!ran) return Fail(ran.error());
  if (!measured || !wire::BrokenBound(*measured, models.size()).empty()) {
    return Fail(Code::kBackendFailed,
                "the engine process gave no good figures; it and this program may be of different "
                "versions",
                {}, "engine_misbehaved");
  }
  return std::move(*measured);
}

}  // namespace weir::cli
