#include "supervisor/gateway_process.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"
#include "process/fd_passing.h"
#include "process/socket_pair.h"

namespace weir {
namespace {

static_assert(wire::kControlMessageBytesMax <= kPassedBytesMax);

bool InBounds(const std::string& text) { return text.size() <= wire::kControlTextBytesMax; }

bool InBounds(const wire::Ready& ready) {
  return std::ranges::all_of(ready.addresses, [](const std::string& a) { return InBounds(a); });
}
bool InBounds(const wire::StartEngine& start) {
  return start.files.size() <= wire::kEngineFilesMax &&
         std::ranges::all_of(start.files, [](const std::string& file) {
           return InBounds(file) && file.find('\0') == std::string::npos;
         });
}
bool InBounds(const wire::Reloaded&) { return true; }
bool InBounds(const wire::StopEngine& stop) { return stop.grace_ms <= wire::kStopGraceMsMax; }

std::unexpected<Error> Broken(std::string_view what) {
  return Fail(Code::kBackendFailed,
              fmt::format("the gateway broke the control protocol: {}", what));
}

}  // namespace

Result<GatewayProcess> GatewayProcess::Start(const GatewayOptions& options) {
  auto pair = MakeMessagePair();
  if (!pair) return Fail(pair.error());
  if (auto set = SetNonBlocking(pair->ours.get(), true); !set) return Fail(set.error());
  ChildSpec spec{options.program, options.arguments, options.environment};
  spec.descriptors[wire::kGatewayControlFd] = pair->theirs.get();
  if (options.lock >= 0) spec.descriptors[wire::kGatewayLockFd] = options.lock;
  if (options.configuration >= 0) {
    spec.descriptors[wire::kGatewayConfigurationFd] = options.configuration;
  }
  for (size_t i = 0; i < options.listeners.size(); ++i) {
    spec.descriptors[wire::kGatewayListenFdFirst + static_cast<int>(i)] = options.listeners[i];
  }
  auto child = Child::Spawn(spec);
  if (!child) return Fail(child.error());
  return GatewayProcess(std::move(*child), std::move(pair->ours));
}

Result<void> GatewayProcess::Send(const wire::ToGateway& message, Fd descriptor) {
  if (unsent_.size() >= kControlQueueMax) {
    return Broken(fmt::format("{} messages wait and it reads none", unsent_.size()));
  }
  std::string bytes = wire::Encode(message);
  CHECK(bytes.size() <= wire::kControlMessageBytesMax, "over kControlMessageBytesMax");
  unsent_.push_back({std::move(bytes), std::move(descriptor)});
  return Flush();
}

Result<void> GatewayProcess::Flush() {
  while (!unsent_.empty()) {
    const Message& next = unsent_.front();
    const int number = next.descriptor.get();
    const auto sent =
        SendMessage(control_.get(), std::as_bytes(std::span(next.bytes)),
                    std::span(&number, next.descriptor.valid() ? size_t{1} : size_t{0}));
    if (!sent) return Fail(sent.error());
    if (*sent == SendOutcome::kFull) return {};
    if (*sent == SendOutcome::kClosed) {
      closed_ = true;
      unsent_.clear();
      return {};
    }
    unsent_.pop_front();
  }
  return {};
}

Result<std::optional<wire::ToLauncher>> GatewayProcess::Receive() {
  std::array<std::byte, wire::kControlMessageBytesMax> buffer;
  const auto received = ReceiveMessage(control_.get(), buffer, 0);
  if (!received) return Broken(received.error().message);
  if (received->outcome == ReceiveOutcome::kClosed) closed_ = true;
  if (received->outcome != ReceiveOutcome::kMessage) return std::nullopt;
  auto message = wire::Decode<wire::ToLauncher>(
      std::string_view(reinterpret_cast<const char*>(buffer.data()), received->size));
  if (!message) return Broken("a message that cannot be read");
  if (!std::visit([](const auto& body) { return InBounds(body); }, *message)) {
    return Broken("a message that is out of bounds");
  }
  return message;
}

}  // namespace weir
