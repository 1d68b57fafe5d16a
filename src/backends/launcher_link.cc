#include "backends/launcher_link.h"

#include <array>
#include <utility>

#include "async/spawn.h"
#include "base/log.h"
#include "base/overloaded.h"
#include "process/fd_passing.h"

namespace weir::backends {
namespace {

int32_t WholeSeconds(uint32_t milliseconds) {
  return static_cast<int32_t>((milliseconds + 999) / 1000);
}

}  // namespace

struct LauncherLink::Starting {
  explicit Starting(const Executor& executor) : done(executor) {}
  Result<Fd> socket = Fail(Code::kUnavailable, "the engine was not started");
  Event done;
};

LauncherLink::LauncherLink(const Executor& executor, int socket)
    : executor_(executor), socket_(executor, socket) {}

void LauncherLink::Run(Listener listener) {
  listener_ = std::move(listener);
  Spawn(executor_, "launcher link", Read());
}

void LauncherLink::Ready(std::vector<std::string> addresses) {
  if (auto sent = Send(wire::Ready{std::move(addresses)}); !sent) {
    LogError("{}", sent.error().message);
  }
}

void LauncherLink::Reloaded(bool taken) {
  if (auto sent = Send(wire::Reloaded{taken}); !sent) LogError("{}", sent.error().message);
}

Task<Result<Fd>> LauncherLink::Start(uint64_t engine, std::vector<std::string> files) {
  const auto starting = std::make_shared<Starting>(executor_);
  starting_[engine] = starting;
  const Result<void> sent = Send(wire::StartEngine{engine, std::move(files)});
  if (!sent) {
    starting_.erase(engine);
    co_return std::unexpected(sent.error());
  }
  const Result<void> done = co_await starting->done.Wait();
  starting_.erase(engine);
  if (!done) co_return std::unexpected(done.error());
  co_return std::move(starting->socket);
}

void LauncherLink::Stop(uint64_t engine, Duration grace) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(grace).count();
  const Result<void> sent = Send(wire::StopEngine{engine, static_cast<uint32_t>(ms)});
  if (!sent) LogError("{}", sent.error().message);
}

void LauncherLink::Kill(uint64_t engine) {
  const Result<void> sent = Send(wire::StopEngine{.engine = engine, .hangs = true});
  if (!sent) LogError("{}", sent.error().message);
}

Task<void> LauncherLink::Read() {
  for (;;) {
    const Result<bool> more = ReadMessage();
    if (!more) {
      LogError("{}", more.error().message);
      Lose(more.error());
      co_return;
    }
    if (*more) continue;
    const Result<void> readable = co_await socket_.WaitReadable();
    if (!readable) co_return;
  }
}

void LauncherLink::Lose(const Error& why) {
  lost_ = true;
  for (auto& [engine, starting] : std::exchange(starting_, {})) {
    starting->socket = Fail(why);
    starting->done.Set();
  }
  if (listener_.on_lost) listener_.on_lost();
}

Result<bool> LauncherLink::ReadMessage() {
  std::array<std::byte, wire::kControlMessageBytesMax> buffer;
  Result<Received> received = ReceiveMessage(socket_.fd(), buffer, /*descriptors_max=*/1);
  if (!received) return std::unexpected(received.error());
  switch (received->outcome) {
    case ReceiveOutcome::kNothingYet:
      return false;
    case ReceiveOutcome::kClosed:
      return Fail(Code::kUnavailable, "the launcher is gone");
    case ReceiveOutcome::kMessage:
      break;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), received->size);
  const auto message = wire::Decode<wire::ToGateway>(bytes);
  if (!message) return Fail(Code::kInternal, "the launcher sent a message that does not decode");
  Take(*message, std::move(received->descriptors));
  return true;
}

void LauncherLink::Take(const wire::ToGateway& message, std::vector<Fd> descriptors) {
  std::visit(Overloaded{
                 [&](const wire::EngineStarted& started) {
                   const auto found = starting_.find(started.engine);
                   if (found == starting_.end()) return;
                   if (descriptors.size() == 1) {
                     found->second->socket = std::move(descriptors.front());
                   } else {
                     found->second->socket =
                         Fail(Code::kInternal, "the launcher sent an engine without its socket");
                   }
                   found->second->done.Set();
                 },
                 [&](const wire::EngineRefused& refused) {
                   const auto found = starting_.find(refused.engine);
                   if (found == starting_.end()) return;
                   Error error{refused.code, refused.message, {}, "engine_refused"};
                   error.retry_after_s = WholeSeconds(refused.retry_after_ms);
                   found->second->socket = Fail(std::move(error));
                   found->second->done.Set();
                 },
                 [&](const wire::EngineExited& exited) {
                   if (listener_.on_engine_exited) listener_.on_engine_exited(exited);
                 },
                 [&](const wire::Drain& drain) {
                   if (listener_.on_drain)
                     listener_.on_drain(std::chrono::milliseconds(drain.timeout_ms));
                 },
                 [&](const wire::Reload&) {
                   if (!listener_.on_reload) return;
                   listener_.on_reload(descriptors.empty() ? Fd() : std::move(descriptors.front()));
                 },
                 [&](const wire::ServerReport& report) {
                   if (listener_.on_server) listener_.on_server(report);
                 },
             },
             message);
}

Result<void> LauncherLink::Send(const wire::ToLauncher& message) {
  if (lost_) return Fail(Code::kUnavailable, "the launcher is gone");
  const std::string bytes = wire::Encode(message);
  const auto sent = SendMessage(socket_.fd(), std::as_bytes(std::span(bytes)), {});
  if (!sent) return std::unexpected(sent.error());
  switch (*sent) {
    case SendOutcome::kSent:
      return {};
    // The launcher reads between any two events of its own; a full socket means that it hangs.
    case SendOutcome::kFull:
      return Fail(Code::kUnavailable, "the launcher does not read");
    case SendOutcome::kClosed:
      return Fail(Code::kUnavailable, "the launcher is gone");
  }
  return {};
}

}  // namespace weir::backends
