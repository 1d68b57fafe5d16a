// Clients of a gateway, for bench/gateway.py: so many connections, each with one request after the
// other, and the time that each took.
//
//   gateway_load PORT CONNECTIONS REQUESTS < request
//
// Input is the whole request, head and body. Prints one JSON object: requests/s, microseconds of a
// request (p50, p99), and, where the answers carry "@NANOSECONDS@" (upstream.cc), from the request
// to the first of these and from each one's sending to its arrival, the early and the late half of
// the stream apart. Ends with 1 when an answer is not 200 or a connection breaks.
#include <sys/epoll.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sockets.h"

namespace weir::bench {
namespace {

constexpr size_t kMarks = 64;

double Percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

// One answer while it comes: where it ends, and the marks in it.
class Reply {
 public:
  // True when it is whole.
  bool Add(std::string_view bytes, int64_t now) {
    text_ += bytes;
    FindMarks(now);
    if (body_ == 0) ReadHead();
    if (body_ == 0) return false;
    return chunked_ ? text_.ends_with("\r\n0\r\n\r\n") || text_.ends_with("\n\n0\r\n\r\n")
                    : text_.size() >= body_ + length_;
  }
  bool fine() const { return text_.starts_with("HTTP/1.1 200"); }
  const std::string& text() const { return text_; }

  std::vector<int64_t> sent = {};     // the marks,
  std::vector<int64_t> arrived = {};  // and when they came

 private:
  void FindMarks(int64_t now) {
    for (;;) {
      const size_t begin = text_.find('@', searched_);
      if (begin == std::string::npos) {
        searched_ = text_.size();
        return;
      }
      const size_t end = text_.find('@', begin + 1);
      if (end == std::string::npos) {
        searched_ = begin;
        return;
      }
      searched_ = end + 1;
      const int64_t mark = std::strtoll(text_.c_str() + begin + 1, nullptr, 10);
      // Some dialects say the whole text again at the end.
      if (sent.size() == kMarks || (!sent.empty() && mark <= sent.back())) continue;
      sent.push_back(mark);
      arrived.push_back(now);
    }
  }

  void ReadHead() {
    const size_t end = text_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    std::string head = text_.substr(0, end + 2);
    std::ranges::transform(head, head.begin(), [](unsigned char c) { return std::tolower(c); });
    body_ = end + 4;
    chunked_ = head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
    const size_t length = head.find("\r\ncontent-length:");
    if (length != std::string::npos)
      length_ = std::strtoull(head.c_str() + length + 17, nullptr, 10);
  }

  std::string text_ = {};
  size_t body_ = 0;  // where it begins; 0: the head is not whole
  size_t length_ = 0;
  size_t searched_ = 0;
  bool chunked_ = false;
};

struct Client {
  int fd = -1;
  int64_t asked = 0;
  Reply reply = {};
};

class Load {
 public:
  Load(uint16_t port, size_t connections, int64_t requests, std::string request)
      : request_(std::move(request)), left_(requests), clients_(connections) {
    epoll_ = epoll_create1(0);
    for (size_t i = 0; i < connections; ++i) {
      clients_[i].fd = socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = Loopback(port);
      if (connect(clients_[i].fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0) {
        Die("connect");
      }
      SendAtOnce(clients_[i].fd);
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].fd, &event);
    }
  }

  void Run() {
    const int64_t started = Nanoseconds();
    for (Client& client : clients_) Ask(client);
    epoll_event ready[64];
    while (under_way_ > 0) {
      const int count = epoll_wait(epoll_, ready, 64, -1);
      for (int i = 0; i < count; ++i) Receive(clients_[ready[i].data.u64]);
    }
    seconds_ = static_cast<double>(Nanoseconds() - started) / 1e9;
  }

  void Print() {
    std::printf(
        "{\"requests/s\":%.1f,\"p50 us\":%.2f,\"p99 us\":%.2f,\"first p50 us\":%.2f,\"early p50 "
        "us\":%.2f,\"late p50 us\":%.2f}\n",
        static_cast<double>(took_us_.size()) / seconds_, Percentile(took_us_, 0.5),
        Percentile(took_us_, 0.99), Percentile(first_us_, 0.5), Percentile(early_us_, 0.5),
        Percentile(late_us_, 0.5));
  }

 private:
  void Ask(Client& client) {
    if (left_ == 0) return;
    --left_;
    ++under_way_;
    client.reply = {};
    client.asked = Nanoseconds();
    if (!WriteAll(client.fd, request_)) Die("send");
  }

  void Receive(Client& client) {
    char bytes[65536];
    const ssize_t got = recv(client.fd, bytes, sizeof bytes, 0);
    const int64_t now = Nanoseconds();
    if (got <= 0) Die("a connection broke");
    if (!client.reply.Add({bytes, static_cast<size_t>(got)}, now)) return;
    if (!client.reply.fine()) {
      std::fprintf(stderr, "%.400s\n", client.reply.text().c_str());
      std::exit(1);
    }
    --under_way_;
    Count(client, now);
    Ask(client);
  }

  void Count(const Client& client, int64_t now) {
    const auto us = [](int64_t ns) { return static_cast<double>(ns) / 1000; };
    took_us_.push_back(us(now - client.asked));
    const Reply& reply = client.reply;
    if (reply.sent.empty()) return;
    first_us_.push_back(us(reply.arrived[0] - client.asked));
    for (size_t i = 1; i < reply.sent.size(); ++i) {
      (i < reply.sent.size() / 2 ? early_us_ : late_us_)
          .push_back(us(reply.arrived[i] - reply.sent[i]));
    }
  }

  const std::string request_;
  int64_t left_;
  int64_t under_way_ = 0;
  int epoll_ = -1;
  std::vector<Client> clients_;
  double seconds_ = 0;
  std::vector<double> took_us_, first_us_, early_us_, late_us_;
};

std::string Input() {
  std::string all;
  char bytes[65536];
  for (ssize_t got = 0; (got = read(0, bytes, sizeof bytes)) > 0;)
    all.append(bytes, static_cast<size_t>(got));
  return all;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  using weir::bench::Number;
  const int64_t port = argc == 4 ? Number(argv[1]) : 0;
  const int64_t connections = argc == 4 ? Number(argv[2]) : 0;
  const int64_t requests = argc == 4 ? Number(argv[3]) : 0;
  if (port < 1 || port > 65535 || connections < 1 || connections > 1024 || requests < 1) {
    std::fprintf(stderr, "usage: gateway_load PORT CONNECTIONS REQUESTS < request\n");
    return 2;
  }
  weir::bench::Load load(static_cast<uint16_t>(port), static_cast<size_t>(connections), requests,
                         weir::bench::Input());
  load.Run();
  load.Print();
}
