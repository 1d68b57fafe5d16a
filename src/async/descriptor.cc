#include "async/descriptor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"

namespace weir {
namespace {

constexpr uint32_t kBroken = EPOLLHUP | EPOLLERR;  // always reported

}  // namespace

struct Descriptor::State final : Heard, Ready {
  State(const Executor& executor, int opened) : loop(&executor.core()), fd(opened) {
    const int flags = fcntl(fd, F_GETFL);
    CHECK(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0, "an open descriptor");
    loop->AddHeard(*this);
  }
  ~State() { Close(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  bool Ask(uint32_t events);
  void Tell(uint32_t events);
  void OnEvents(uint32_t events) override;
  void OnLoopEnd() override;
  void Run() override;  // the call that waited to read
  void Close();

  LoopCore* loop;  // null when that has ended
  int fd;
  uint32_t told = 0;  // what the kernel looks for
  Waiting* reading = nullptr;
  Waiting* writing = nullptr;
  std::move_only_function<void()> call = nullptr;
};

// Adds to what the kernel looks for. False for what it does not look at (a plain file), which is
// always ready.
bool Descriptor::State::Ask(uint32_t events) {
  if ((told & events) == events) return true;
  epoll_event event{.events = told | events, .data = {.ptr = static_cast<Heard*>(this)}};
  const int how = told == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(loop->epoll_fd(), how, fd, &event) != 0) {
    CHECK(errno == EPERM || errno == ENOMEM || errno == ENOSPC, "a descriptor to wait for");
    return false;
  }
  told |= events;
  return true;
}

// Exactly these; nothing takes the descriptor out, so that its end is not reported again and again.
void Descriptor::State::Tell(uint32_t events) {
  if (told == events) return;
  epoll_event event{.events = events, .data = {.ptr = static_cast<Heard*>(this)}};
  epoll_ctl(loop->epoll_fd(), events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd, &event);
  told = events;
}

void Descriptor::State::OnEvents(uint32_t events) {
  // What nobody waits for is asked for again when somebody does.
  uint32_t wanted = 0;
  if (reading != nullptr || call) wanted |= EPOLLIN;
  if (writing != nullptr) wanted |= EPOLLOUT;
  Tell(told & wanted);
  if ((events & (EPOLLIN | EPOLLRDHUP | kBroken)) != 0) {
    if (auto* const waiting = std::exchange(reading, nullptr)) {
      waiting->ready_ = true;
      waiting->ResumeSoon();
    }
    if (call && !Ready::linked()) loop->AddReady(*this);
  }
  if ((events & (EPOLLOUT | kBroken)) != 0) {
    if (auto* const waiting = std::exchange(writing, nullptr)) {
      waiting->ready_ = true;
      waiting->ResumeSoon();
    }
  }
}

void Descriptor::State::Run() {
  loop->CountWait(-1);
  auto once = std::exchange(call, nullptr);
  once();  // which may end this
}

void Descriptor::State::OnLoopEnd() {
  loop = nullptr;
  Ready::Leave();
  const auto dropped = std::exchange(call, nullptr);  // which may own this
}

void Descriptor::State::Close() {
  if (fd < 0) return;
  if (loop != nullptr) Tell(0);
  close(std::exchange(fd, -1));
  Heard::Leave();
  Ready::Leave();
  for (Waiting* const waiting : {reading, writing}) {
    if (waiting != nullptr) waiting->ResumeSoon();
  }
  if (!call || loop == nullptr) return;
  loop->CountWait(-1);
  // Not here: it may own whoever closes.
  loop->Post([dropped = std::exchange(call, nullptr)] {});
}

bool Descriptor::Waiting::Begin() {
  if (state_->fd < 0) return false;
  const bool reads = for_ == For::kReading;
  Waiting*& place = reads ? state_->reading : state_->writing;
  CHECK(place == nullptr && !(reads && state_->call), "one waits at a time");
  if (!state_->Ask(reads ? EPOLLIN : EPOLLOUT)) {
    ready_ = true;
    return false;
  }
  place = this;
  return true;
}

void Descriptor::Waiting::Detach() {
  if (state_ == nullptr) return;
  if (state_->reading == this) state_->reading = nullptr;
  if (state_->writing == this) state_->writing = nullptr;
  state_ = nullptr;
}

Result<void> Descriptor::Waiting::await_resume() const {
  if (cancelled() || !ready_) return Fail(Code::kCancelled, "cancelled while waiting");
  return {};
}

Descriptor::Descriptor(const Executor& executor, int fd)
    : state_(std::make_unique<State>(executor, fd)) {}
Descriptor::~Descriptor() = default;

int Descriptor::fd() const { return state_->fd; }
void Descriptor::Close() { state_->Close(); }

void Descriptor::OnceReadable(std::move_only_function<void()> call) {
  if (state_->fd < 0) return;
  CHECK(!state_->call && state_->reading == nullptr, "one waits at a time");
  state_->call = std::move(call);
  state_->loop->CountWait(1);
  if (!state_->Ask(EPOLLIN)) state_->loop->AddReady(*state_);
}

Task<Result<void>> SendAll(Descriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const int to = socket.fd();
    if (to < 0) co_return Fail(Code::kUnavailable, "this side was closed");
    const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (sent < 0 && errno == EAGAIN) {
      if (auto ready = co_await socket.WaitWritable(); !ready) co_return Fail(ready.error());
    } else if (sent == 0 || errno != EINTR) {
      co_return Fail(Code::kUnavailable, "the other side is gone");
    }
  }
  co_return Result<void>();
}

}  // namespace weir
