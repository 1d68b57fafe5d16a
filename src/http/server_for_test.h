// A server on a thread of its own, and clients that send it bytes, for tests of connections.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "async/loop.h"
#include "async/spawn.h"
#include "base/clock.h"
#include "http/listen.h"
#include "http/server.h"

namespace weir::http {

inline constexpr int kPatienceMs = 20'000;

class Client {
 public:
  explicit Client(const std::string& address, int receive_buffer = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<uint16_t>(std::atoi(address.substr(address.rfind(':') + 1).c_str())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0) << strerror(errno);
  }
  ~Client() { Close(); }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), bytes_(std::move(other.bytes_)) {}
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;  // the server closed: what it answered is what the test looks at
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  // Reads until `text` has come (true), or the end (false).
  bool ReadUntil(std::string_view text) {
    while (bytes_.find(text) == std::string::npos) {
      if (!ReadSome()) return false;
    }
    return true;
  }
  // Everything up to the end of the connection.
  std::string ReadAll() {
    while (ReadSome()) {
    }
    return std::exchange(bytes_, {});
  }
  // Takes what has been read up to and with `text`.
  std::string Take(std::string_view text) {
    if (!ReadUntil(text)) return "(end) " + bytes_;
    const size_t size = bytes_.find(text) + text.size();
    std::string taken = bytes_.substr(0, size);
    std::string(bytes_.substr(size)).swap(bytes_);
    return taken;
  }
  bool was_reset() const { return reset_; }
  int fd() const { return fd_; }

 private:
  bool ReadSome() {
    pollfd poller{fd_, POLLIN, 0};
    if (poll(&poller, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing came for " << kPatienceMs
                    << " ms; so far: " << bytes_.substr(0, 500);
      return false;
    }
    char buffer[16384];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    reset_ = n < 0;
    if (n > 0) bytes_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }
  int fd_ = -1;
  bool reset_ = false;
  std::string bytes_;
};

inline std::string Get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) +
         "\r\n";
}

inline std::string BodyOf(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? answer : answer.substr(end + 4);
}

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override { Shutdown(); }

  void Serve(ServerOptions options, Handler handler) {
    const Result<ListenSocket> socket = Listen("127.0.0.1:0");
    ASSERT_TRUE(socket) << socket.error().message;
    address_ = socket->address;
    loop_ = std::make_unique<Loop>();
    server_ = std::make_unique<Server>(loop_->executor(), std::move(options), std::move(handler));
    ASSERT_TRUE(server_->Accept(socket->fd));
    thread_ = std::thread([this] { loop_->Run(); });
  }
  void Shutdown() {
    if (!thread_.joinable()) return;
    OnLoop([this] { server_.reset(); });
    loop_->Stop();
    thread_.join();
    loop_.reset();
  }
  // Runs `work` on the server's thread and waits for it.
  void OnLoop(std::function<void()> work) {
    std::promise<void> done;
    Post(loop_->executor(), [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Waits until `condition`, looked at on the server's thread, holds.
  bool Eventually(const std::function<bool()>& condition) {
    const MonotonicTime end = SystemClock().Now() + std::chrono::milliseconds(kPatienceMs);
    while (SystemClock().Now() < end) {
      bool holds = false;
      OnLoop([&] { holds = condition(); });
      if (holds) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  std::future<void> StartDrain(Duration grace) {
    auto done = std::make_shared<std::promise<void>>();
    Post(loop_->executor(), [this, done, grace] {
      Spawn(loop_->executor(), "drain", server_->Drain(grace), [done] { done->set_value(); });
    });
    return done->get_future();
  }

  std::string address_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace weir::http
