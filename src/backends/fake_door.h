// An egress process for tests: the other end of a socket pair, on the same Loop. It checks permits
// with the real PermitBook and plays one script for each call, whatever is in it. A test looks at
// what it was sent.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/descriptor.h"
#include "async/spawn.h"
#include "backends/launcher_link.h"
#include "privacy/permit.h"
#include "process/socket_pair.h"
#include "wire/egress.h"
#include "wire/frame.h"

namespace weir::backends {

// What one call gets: a head and pieces of a body, then the end, an error, or silence.
struct DoorScript {
  uint32_t status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::vector<std::string> pieces = {};
  std::optional<Error> failure = {};  // instead of the head when `before_head`, else of the end
  bool before_head = false;
  bool hangs = false;
};

class FakeDoor : public std::enable_shared_from_this<FakeDoor> {
 public:
  FakeDoor(const Executor& executor, Fd socket, std::vector<privacy::Destination> destinations,
           std::string policy_hash)
      : socket_(executor, socket.Release()),
        destinations_(std::move(destinations)),
        policy_hash_(std::move(policy_hash)) {}

  std::deque<DoorScript> scripts = {};
  std::vector<wire::EgressCall> calls = {};
  std::vector<uint64_t> cancelled = {};
  uint64_t credited = 0;

  static Task<void> Serve(std::shared_ptr<FakeDoor> self) {
    wire::FrameReader reader;
    std::vector<char> buffer(64 * 1024);
    while (co_await self->socket_.WaitReadable()) {
      const ssize_t got = recv(self->socket_.fd(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) break;
      reader.Append({buffer.data(), static_cast<size_t>(got)});
      for (auto next = reader.Next(); next && *next; next = reader.Next()) self->Take(**next);
    }
    self->socket_.Close();
  }
  void Die() { socket_.Close(); }
  void Say(wire::EgressFrame kind, uint64_t id, std::string_view body) {
    const std::string bytes = wire::EncodeFrame(static_cast<uint16_t>(kind), id, body);
    const ssize_t sent = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    CHECK(sent == static_cast<ssize_t>(bytes.size()), "answers of tests fit into the socket");
  }

 private:
  void Take(const wire::Frame& frame) {
    switch (static_cast<wire::EgressFrame>(frame.kind)) {
      case wire::EgressFrame::kHello: {
        const auto hello = wire::Decode<wire::EgressHello>(frame.body);
        book_.emplace(destinations_, policy_hash_, hello->mac_key);
        return Say(wire::EgressFrame::kReady, 0,
                   wire::Encode(wire::EgressReady{.policy_hash = policy_hash_}));
      }
      case wire::EgressFrame::kCall:
        return Play(frame.request, *wire::Decode<wire::EgressCall>(frame.body));
      case wire::EgressFrame::kCancel:
        return cancelled.push_back(frame.request);
      case wire::EgressFrame::kCredit:
        credited += wire::Decode<wire::EgressCredit>(frame.body)->bytes;
        return;
      default:
        CHECK(false, "a frame that a gateway does not send");
    }
  }

  void Play(uint64_t id, wire::EgressCall call) {
    const auto redeemed = book_->Redeem(call, SystemClock().Now());
    calls.push_back(std::move(call));
    if (!redeemed) return Fail(id, redeemed.error());
    CHECK(!scripts.empty(), "a script for every call");
    const DoorScript script = std::move(scripts.front());
    scripts.pop_front();
    if (script.before_head && script.failure) return Fail(id, *script.failure);
    if (script.before_head && script.hangs) return;
    Say(wire::EgressFrame::kHead, id,
        wire::Encode(wire::EgressHead{script.status, script.headers}));
    for (const auto& piece : script.pieces) Say(wire::EgressFrame::kBody, id, piece);
    if (script.hangs) return;
    if (script.failure) return Fail(id, *script.failure);
    Say(wire::EgressFrame::kEnd, id, wire::Encode(wire::EgressEnd{}));
  }
  void Fail(uint64_t id, const Error& error) {
    Say(wire::EgressFrame::kFailure, id, wire::Encode(wire::FailureOf(error)));
  }

  Descriptor socket_;
  std::vector<privacy::Destination> destinations_;
  std::string policy_hash_;
  std::optional<privacy::PermitBook> book_ = {};
};

// Starts fake doors instead of processes.
class FakeDoorStarter final : public EngineStarter {
 public:
  explicit FakeDoorStarter(const Executor& executor) : executor_(executor) {}

  std::vector<privacy::Destination> destinations = {};
  std::string policy_hash = {};
  std::vector<std::shared_ptr<FakeDoor>> doors = {};
  std::function<void(FakeDoor&)> prepare = {};

  Task<Result<Fd>> Start(uint64_t, std::vector<std::string>) override {
    SocketPair pair = MakeStreamPair().value();
    doors.push_back(
        std::make_shared<FakeDoor>(executor_, std::move(pair.theirs), destinations, policy_hash));
    if (prepare) prepare(*doors.back());
    Spawn(executor_, "fake door", FakeDoor::Serve(doors.back()));
    co_return std::move(pair.ours);
  }
  void Stop(uint64_t, Duration) override {}
  void Kill(uint64_t) override {}

 private:
  Executor executor_;
};

}  // namespace weir::backends
