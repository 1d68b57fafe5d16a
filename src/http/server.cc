#include "http/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/loop.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/head.h"
#include "http/listen.h"
#include "http/socket_address.h"

namespace weir::http {
namespace {

// Connections beyond the limit that are told so; the kernel keeps the rest.
constexpr size_t kRefusedConnectionsMax = 64;
constexpr int kAcceptsPerTurn = 64;
// Doubled by the kernel: at most 256 KiB of an answer wait there for a slow client.
constexpr int kSendBufferBytes = 128 * 1024;

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "\"";
}

// The host of "127.0.0.1:80" and "[::1]:80", as a Host field has it.
std::string HostOf(const std::string& address) {
  const std::optional<HostPort> parts = SplitHost(address);
  return parts ? std::string(parts->host) : std::string();
}

struct Listener {
  Listener(const Executor& executor, int fd) : socket(executor, fd) {}
  Descriptor socket;
  bool waiting = false;
};

}  // namespace

std::string_view Shared::Date() {
  const int64_t second = UnixSeconds(SystemClock().WallNow());
  if (second != date_second) {
    date_second = second;
    date = HttpDate(second);
  }
  return date;
}

Reply Shared::Render(const Refusal& refusal, const Request* request) const {
  if (options.render_refusal) return options.render_refusal(refusal, request);
  Reply reply{.status = refusal.status};
  reply.headers.Add("Content-Type", "application/json");
  reply.body =
      fmt::format(R"({{"error":{{"message":{},"type":"invalid_request_error","code":{}}}}})",
                  JsonString(refusal.message), JsonString(refusal.reason));
  return reply;
}

struct Server::State : Shared, std::enable_shared_from_this<State> {
  State(Executor e, ServerOptions o, Handler h)
      : Shared(std::move(e), std::move(o), std::move(h)),
        ticker(executor, [this] { Tick(); }),
        all_closed(executor) {}

  std::shared_ptr<State> self() { return shared_from_this(); }
  void WaitForClient(const std::shared_ptr<Listener>& listener);
  void AcceptSome(const std::shared_ptr<Listener>& listener);
  void Open(int fd, const sockaddr_storage& peer);
  void OnClosed(Connection* connection);
  void ScheduleTick();
  void Tick();
  void StopAccepting();
  bool full() const {
    return connections.size() >= options.connections_max + kRefusedConnectionsMax;
  }

  std::vector<std::shared_ptr<Listener>> listeners;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
  Timer ticker;
  Event all_closed;
};

Server::Server(Executor executor, ServerOptions options, Handler handler)
    : state_(std::make_shared<State>(std::move(executor), std::move(options), std::move(handler))) {
  state_->on_closed = [state = state_.get()](Connection* connection) {
    state->OnClosed(connection);
  };
}

Server::~Server() {
  state_->draining = true;
  state_->StopAccepting();
  state_->ticker.Stop();
  const auto left = state_->connections;
  for (const auto& [raw, connection] : left) connection->Abandon();
}

Result<void> Server::Accept(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  int listening = 0;
  socklen_t size = sizeof listening;
  const bool listens =
      getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
  if (flags < 0 || !listens || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return Fail(Code::kInvalidArgument, "the descriptor handed down is not a listening socket");
  }
  // Accepted sockets inherit both, so that they cost no system call for each connection.
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
             sizeof on);  // fails on Unix sockets, which need none
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  state_->policy.AddListener(HostOf(LocalAddress(fd)));
  state_->listeners.push_back(std::make_shared<Listener>(state_->executor, fd));
  state_->WaitForClient(state_->listeners.back());
  return {};
}

void Server::State::WaitForClient(const std::shared_ptr<Listener>& listener) {
  if (listener->waiting || !listener->socket.is_open()) return;
  listener->waiting = true;
  listener->socket.OnceReadable([state = self(), listener] {
    listener->waiting = false;
    state->AcceptSome(listener);
  });
}

void Server::State::AcceptSome(const std::shared_ptr<Listener>& listener) {
  for (int i = 0; i < kAcceptsPerTurn && listener->socket.is_open(); ++i) {
    if (full()) return;  // OnClosed goes on
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = accept4(listener->socket.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Open(fd, peer);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno == EAGAIN) break;
    // Out of descriptors or memory: trying again at once would spin; the next tick does.
    LogWarning("cannot accept connections: {}", std::strerror(errno));
    ScheduleTick();
    return;
  }
  WaitForClient(listener);
}

void Server::State::Open(int fd, const sockaddr_storage& peer) {
  Connection::Origin origin{.peer = AddressText(peer),
                            .local_host = HostOf(LocalAddress(fd)),
                            .over_limit = connections.size() >= options.connections_max,
                            .late = draining};
  auto connection = std::make_shared<Connection>(self(), fd, std::move(origin));
  connections.emplace(connection.get(), connection);
  connection->Begin();
  ScheduleTick();
}

void Server::State::StopAccepting() {
  for (const auto& listener : listeners) listener->socket.Close();
  listeners.clear();
}

void Server::State::OnClosed(Connection* connection) {
  connections.erase(connection);
  const auto early = [](const auto& entry) { return !entry.first->late(); };
  if (draining && std::ranges::none_of(connections, early)) all_closed.Set();
  for (const auto& listener : listeners) WaitForClient(listener);
}

// Ticks only while there is somebody to watch, so that an idle server sleeps.
void Server::State::ScheduleTick() {
  if (!ticker.started()) ticker.Start(options.tick);
}

void Server::State::Tick() {
  const MonotonicTime now = SystemClock().Now();
  for (const auto& [raw, connection] : connections) connection->Tick(now);
  for (const auto& listener : listeners) WaitForClient(listener);
  if (!connections.empty()) ScheduleTick();
}

Task<void> Server::Drain(Duration grace) {
  const std::shared_ptr<State> state = state_;
  state->draining = true;
  const MonotonicTime deadline = SystemClock().Now() + grace;
  for (const auto& [raw, connection] : state->connections) connection->CloseIfIdle();
  state->all_closed.Reset();
  // Who comes now is told so: a connection that nobody accepts would hang in the kernel's queue.
  if (!state->connections.empty()) co_await state->all_closed.WaitUntil(deadline);
  state->StopAccepting();
  state->all_closed.Reset();
  for (const auto& [raw, connection] : state->connections) connection->Kill();
  // Killed connections end as soon as their handlers see it.
  constexpr Duration kAbortTime = std::chrono::seconds(2);
  if (!state->connections.empty()) {
    co_await state->all_closed.WaitUntil(SystemClock().Now() + kAbortTime);
  }
}

size_t Server::connection_count() const { return state_->connections.size(); }
size_t Server::exchange_count() const { return state_->exchanges; }

}  // namespace weir::http
