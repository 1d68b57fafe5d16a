// A server for tests of clients: on 127.0.0.1, one thread, connection after connection. For each
// request it plays the next script, whatever was asked: bytes as they are, pauses, cuts.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"

namespace weir::http {

class ScriptedServer {
 public:
  struct Script {
    std::vector<std::string> pieces = {};
    bool close = false;   // after the last piece; else the connection is kept
    bool hang = false;    // after the last piece, until the server goes
    bool repeat = false;  // played for every further request too
  };

  ScriptedServer() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "binds");
    CHECK(listen(listener_, 16) == 0, "listens");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~ScriptedServer() {
    ended_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void Play(Script script) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back(std::move(script));
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const { return connections_; }

  static std::string Answer(std::string_view body, std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) + "\r\ncontent-type: application/json\r\n" +
           "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

 private:
  void Serve() {
    while (!ended_) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      ++connections_;
      const timeval patience{.tv_sec = 0, .tv_usec = 20'000};
      setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      while (!ended_ && Answer(client)) {
      }
      ::close(client);
    }
  }

  bool Answer(int client) {
    std::string request;
    if (!Read(client, request)) return false;
    Script script;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      CHECK(!scripts_.empty(), "a script for every request");
      script = scripts_.front();
      if (!script.repeat) scripts_.pop_front();
    }
    for (const std::string& piece : script.pieces) {
      send(client, piece.data(), piece.size(), MSG_NOSIGNAL);
      if (script.pieces.size() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    char byte = 0;
    while (script.hang && !ended_ && recv(client, &byte, 1, 0) < 0) {
    }
    return !script.close && !script.hang;
  }

  bool Read(int client, std::string& request) {
    for (;;) {
      const size_t head = request.find("\r\n\r\n");
      if (head != std::string::npos && request.size() >= head + 4 + BodyBytes(request)) return true;
      char buffer[16384];
      const ssize_t got = recv(client, buffer, sizeof buffer, 0);
      if (ended_ || got == 0) return false;
      if (got > 0) request.append(buffer, static_cast<size_t>(got));
    }
  }
  static size_t BodyBytes(const std::string& request) {
    size_t at = request.find("Content-Length: ");
    if (at == std::string::npos) return 0;
    at += 16;
    size_t bytes = 0;
    std::from_chars(request.data() + at, request.data() + request.size(), bytes);
    return bytes;
  }

  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> ended_ = false;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::deque<Script> scripts_ = {};
  std::vector<std::string> requests_ = {};
  std::thread thread_;
};

}  // namespace weir::http
