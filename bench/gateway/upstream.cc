// The provider behind the gateways that bench/gateway.py compares: OpenAI's chat, on loopback, as
// fast as one thread can.
//
//   gateway_upstream      prints its port on a line, then serves until its input ends
//
// The model "slow" streams 64 events, a millisecond apart, whose text says when they were sent
// ("@NANOSECONDS@"). Any other answers about 1 KiB at once, as a stream or not as it was asked: a
// gateway may ask for a stream on behalf of a client that has not. GET /stats tells how many
// connections there were and are at most at once; it counts itself.
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <map>
#include <string>

#include "sockets.h"

namespace weir::bench {
namespace {

constexpr int kEvents = 64;
constexpr int64_t kGapNs = 1'000'000;
constexpr size_t kRequestBytesMax = size_t{1} << 20;

struct Connection {
  std::string in = {};
  int events_sent = -1;  // of a stream under way
  int64_t next_at = 0;
};

struct Counts {
  int64_t accepted = 0, open = 0, open_max = 0, requests = 0;
};

std::string Text() {
  std::string text;
  while (text.size() < 700) text += "The river rises in the hills and runs to the sea. ";
  return text;
}

std::string Answer() {
  const std::string body =
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":")" +
      Text() +
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":150,"total_tokens":350}})";
  return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Chunk(const std::string& data) {
  const std::string event = "data: " + data + "\n\n";
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", event.size());
  return size + event + "\r\n";
}

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

std::string EventOf(const std::string& text) {
  return R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{"content":")" +
         text + R"("},"finish_reason":null}]})";
}

std::string StreamEnd() {
  return Chunk(
             R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})") +
         Chunk(
             R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[],"usage":{"prompt_tokens":200,"completion_tokens":64,"total_tokens":264}})") +
         Chunk("[DONE]") + "0\r\n\r\n";
}

// The first whole request of `in`; empty when it is not there yet.
std::string_view WholeRequest(const std::string& in) {
  const size_t head = in.find("\r\n\r\n");
  if (head == std::string::npos) return {};
  std::string lower = in.substr(0, head);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const size_t field = lower.find("\r\ncontent-length:");
  const size_t body =
      field == std::string::npos ? 0 : std::strtoull(lower.c_str() + field + 17, nullptr, 10);
  const size_t size = head + 4 + body;
  return in.size() < size ? std::string_view() : std::string_view(in).substr(0, size);
}

class Upstream {
 public:
  Upstream()
      : answer_(Answer()),
        end_(StreamEnd()),
        streamed_(std::string(kStreamHead) + Chunk(EventOf(Text())) + end_) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(0);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      Die("bind");
    if (listen(listener_, 1024) != 0) Die("listen");
    epoll_ = epoll_create1(0);
    timer_ = timerfd_create(CLOCK_MONOTONIC, 0);
    for (const int fd : {listener_, timer_, 0}) Watch(fd);
  }

  int Port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  void Run() {
    epoll_event ready[64];
    for (;;) {
      const int count = epoll_wait(epoll_, ready, 64, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = ready[i].data.fd;
        if (fd == 0) return;
        if (fd == listener_) {
          Accept();
        } else if (fd == timer_) {
          uint64_t expirations = 0;
          if (read(timer_, &expirations, sizeof expirations) < 0) Die("timer");
          SendDue();
        } else {
          Receive(fd);
        }
      }
    }
  }

 private:
  void Watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    // Input that is a file can't be watched, and never ends.
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0 && fd != 0) Die("epoll");
  }

  void Accept() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    SendAtOnce(fd);
    Watch(fd);
    connections_[fd] = {};
    ++counts_.accepted;
    counts_.open_max = std::max(counts_.open_max, ++counts_.open);
  }

  void Close(int fd) {
    connections_.erase(fd);
    close(fd);
    --counts_.open;
  }

  void Receive(int fd) {
    char bytes[65536];
    const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    Connection& connection = connections_[fd];
    if (got <= 0 || connection.in.size() > kRequestBytesMax) return Close(fd);
    connection.in.append(bytes, static_cast<size_t>(got));
    while (connection.events_sent < 0) {
      const std::string_view request = WholeRequest(connection.in);
      if (request.empty()) return;
      const bool fine = Serve(fd, connection, request);
      connection.in.erase(0, request.size());
      if (!fine) return Close(fd);
    }
  }

  bool Serve(int fd, Connection& connection, std::string_view request) {
    if (request.starts_with("GET /stats")) {
      const std::string body = "{\"accepted\":" + std::to_string(counts_.accepted) +
                               ",\"open_max\":" + std::to_string(counts_.open_max) +
                               ",\"requests\":" + std::to_string(counts_.requests) + "}";
      return WriteAll(fd, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    ++counts_.requests;
    const bool stream = request.find("\"stream\":true") != std::string_view::npos ||
                        request.find("\"stream\": true") != std::string_view::npos;
    if (!stream) return WriteAll(fd, answer_);
    if (request.find("\"slow\"") == std::string_view::npos) return WriteAll(fd, streamed_);
    if (!WriteAll(fd, kStreamHead)) return false;
    connection.events_sent = 0;
    connection.next_at = Nanoseconds();
    SendDue();
    return true;
  }

  // The next event of every stream whose time has come.
  void SendDue() {
    const int64_t now = Nanoseconds();
    int64_t next = 0;
    for (auto& [fd, connection] : connections_) {
      if (connection.events_sent < 0) continue;
      if (connection.next_at <= now) SendEvent(fd, connection);
      if (connection.events_sent < 0) continue;
      next = next == 0 ? connection.next_at : std::min(next, connection.next_at);
    }
    if (next == 0) return;
    itimerspec at{};
    at.it_value = {.tv_sec = next / 1'000'000'000, .tv_nsec = next % 1'000'000'000};
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
  }

  // A client that has gone is noticed where its socket is read.
  void SendEvent(int fd, Connection& connection) {
    WriteAll(fd, Chunk(EventOf("@" + std::to_string(Nanoseconds()) + "@ ")));
    connection.next_at += kGapNs;
    if (++connection.events_sent < kEvents) return;
    WriteAll(fd, end_);
    connection.events_sent = -1;
  }

  const std::string answer_;
  const std::string end_;
  const std::string streamed_;
  int listener_ = -1;
  int epoll_ = -1;
  int timer_ = -1;
  std::map<int, Connection> connections_ = {};
  Counts counts_ = {};
};

}  // namespace
}  // namespace weir::bench

int main() {
  weir::bench::Upstream upstream;
  std::printf("%d\n", upstream.Port());
  std::fflush(stdout);
  upstream.Run();
}
