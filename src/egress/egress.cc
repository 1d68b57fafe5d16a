#include "egress/egress.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "process/fd.h"

namespace weir::egress {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsAtOnce = 16;  // then everybody else has a turn
constexpr Duration kWait = std::chrono::seconds(30);

enum class Outcome : uint8_t { kGoOn, kEnded, kBroken };

Outcome ReadSome(int socket, Conversation& conversation) {
  std::array<char, kReadBytes> buffer;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t got = recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Outcome::kGoOn;
    if (got <= 0) return Outcome::kEnded;
    if (auto fed = conversation.Feed({buffer.data(), static_cast<size_t>(got)}); !fed) {
      LogError("{}", fed.error().message);
      return Outcome::kBroken;
    }
    if (static_cast<size_t>(got) < buffer.size()) return Outcome::kGoOn;
  }
  return Outcome::kGoOn;
}

// False when the gateway is gone.
bool WriteSome(int socket, Conversation& conversation) {
  for (std::string_view bytes = conversation.Outgoing(); !bytes.empty();
       bytes = conversation.Outgoing()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return true;
    if (sent <= 0) return false;
    conversation.Wrote(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

int RunEgress(Options options) {
  const Fd socket(options.socket);
  if (auto set = SetNonBlocking(socket.get(), true); !set) {
    LogError("{}", set.error().message);
    return 1;
  }
  http::Transfers transfers(options.transfers);
  Conversation conversation(std::move(options.places), std::move(options.policy_hash),
                            std::move(options.sandbox), transfers, SystemClock());
  for (;;) {
    transfers.Watch(socket.get(), !conversation.Outgoing().empty());
    const auto watched = transfers.Wait(kWait);
    if (watched.readable) {
      const Outcome outcome = ReadSome(socket.get(), conversation);
      if (outcome != Outcome::kGoOn) return outcome == Outcome::kEnded ? 0 : 1;
      transfers.TellEnds();  // so that an answer and its end go in one piece
    }
    if (!WriteSome(socket.get(), conversation)) return 0;
  }
}

}  // namespace weir::egress
