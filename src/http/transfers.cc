#include "http/transfers.h"

#include <curl/curl.h>
#include <fmt/core.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/check.h"
#include "base/fnv.h"
#include "base/trim.h"
#include "http/transfer.h"
#include "http/transfer_error.h"

namespace weir::http {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(50);  // how late a time-out may be seen
constexpr long kBufferBytes = 32 * 1024;
constexpr size_t kEventsAtOnce = 64;

long Ms(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

uint64_t PlaceOf(std::string_view url) {
  const size_t host = url.find("://");
  const size_t path = host == std::string_view::npos ? host : url.find('/', host + 3);
  return Fnv1a().Add(url.substr(0, path)).value();
}

size_t HeaderCallback(char* data, size_t, size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->OnHeader({data, size});
}
size_t BodyCallback(char* data, size_t, size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->OnBody({data, size});
}
curl_socket_t OpenCallback(void* transfer, curlsocktype, curl_sockaddr* address) {
  return static_cast<Transfer*>(transfer)->OnOpen(*address);
}
int ConnectedCallback(void* transfer, char* ip, char*, int, int) {
  return static_cast<Transfer*>(transfer)->OnConnected(ip);
}
int ReportCallback(CURL*, curl_infotype type, char* data, size_t size, void* transfer) {
  if (type == CURLINFO_TEXT) static_cast<Transfer*>(transfer)->OnReport({data, size});
  return 0;
}

// What epoll looks for at a socket of libcurl's, and whether that wants to hear of it.
struct Socket {
  uint32_t events = 0;
  bool asked = false;
};

}  // namespace

struct Transfers::State {
  uint64_t held_bytes_max = 0;
  CURLM* multi = nullptr;
  int epoll = -1;
  uint64_t next_id = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Transfer>> transfers = {};
  std::vector<Handle> spare = {};                // kept, since making one costs
  std::unordered_set<int> opened = {};           // connections
  std::unordered_map<int, Socket> sockets = {};  // those that epoll looks at
  bool ended = false;  // a transfer, and nobody was told: an answer may be there at once
  std::optional<MonotonicTime> timer = {};
  MonotonicTime next_tick = {};
  // Places where a call timed out, and when: what was connected before may be dead.
  std::unordered_map<uint64_t, MonotonicTime> doubted = {};
  int watched = -1;
  bool watched_for_writing = false;

  Handle TakeHandle(const TransferSpec& spec);
  Handle NewHandle(const TransferSpec& spec);
  static void SetUp(Transfer& transfer, const TransferSpec& spec);
  void TakeEnds();
  void End(Transfer& transfer, CURLcode code);
  bool SentAgain(Transfer& transfer, CURLcode code);
  bool MayBeDead(uint64_t place);
  void CheckTimeouts(MonotonicTime now);
  void CheckHeld();
  std::unique_ptr<Transfer> Remove(uint64_t id);
  void Act(curl_socket_t socket, int events);
  void Look(int socket, uint32_t events);
  int TimeoutMs(Duration limit) const;

  static int OnSocket(CURL*, curl_socket_t socket, int what, void* state, void* known);
  static int OnClose(void* state, curl_socket_t socket);
  static int OnTimer(CURLM*, long ms, void* state);
};

// A connection that nobody asks about now is looked at all the same, because it is mostly used
// again: that saves two system calls for each request. What comes meanwhile takes it out. Not so a
// socket of libcurl's own, by which its threads tell that a name is resolved: it closes that
// without a word, and the next one has its number.
int Transfers::State::OnSocket(CURL*, curl_socket_t socket, int what, void* state, void*) {
  auto* self = static_cast<State*>(state);
  if (what == CURL_POLL_REMOVE) {
    const auto found = self->sockets.find(socket);
    if (found == self->sockets.end()) return 0;
    found->second.asked = false;
    const bool kept = found->second.events == EPOLLIN && self->opened.contains(socket);
    if (!kept) self->Look(socket, 0);
    return 0;
  }
  uint32_t events = 0;
  if (what & CURL_POLL_IN) events |= EPOLLIN;
  if (what & CURL_POLL_OUT) events |= EPOLLOUT;
  self->Look(socket, events);
  return 0;
}

int Transfers::State::OnClose(void* state, curl_socket_t socket) {
  static_cast<State*>(state)->opened.erase(socket);
  static_cast<State*>(state)->sockets.erase(socket);  // the kernel forgets it with this
  return close(socket);
}

// 0: no longer.
void Transfers::State::Look(int socket, uint32_t events) {
  if (events == 0) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
    sockets.erase(socket);
    return;
  }
  Socket& known = sockets[socket];
  known.asked = true;
  if (known.events == events) return;
  epoll_event event{};
  event.data.fd = socket;
  event.events = events;
  const int change = known.events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  CHECK(epoll_ctl(epoll, change, socket, &event) == 0, "epoll takes a socket");
  known.events = events;
}

int Transfers::State::OnTimer(CURLM*, long ms, void* state) {
  auto* self = static_cast<State*>(state);
  self->timer.reset();
  if (ms >= 0) self->timer = SystemClock().Now() + std::chrono::milliseconds(ms);
  return 0;
}

void Transfers::WarmUp() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Transfers::Transfers(const TransfersOptions& options) : state_(std::make_unique<State>()) {
  WarmUp();
  State& self = *state_;
  self.held_bytes_max = options.held_bytes_max;
  self.multi = curl_multi_init();
  self.epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK(self.multi != nullptr && self.epoll >= 0, "libcurl and epoll start");
  curl_multi_setopt(self.multi, CURLMOPT_SOCKETFUNCTION, &State::OnSocket);
  curl_multi_setopt(self.multi, CURLMOPT_SOCKETDATA, &self);
  curl_multi_setopt(self.multi, CURLMOPT_TIMERFUNCTION, &State::OnTimer);
  curl_multi_setopt(self.multi, CURLMOPT_TIMERDATA, &self);
  curl_multi_setopt(self.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connections_max);
  curl_multi_setopt(self.multi, CURLMOPT_MAX_HOST_CONNECTIONS, options.connections_per_host_max);
  curl_multi_setopt(self.multi, CURLMOPT_MAXCONNECTS, options.connections_idle_max);
  curl_multi_setopt(self.multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
}

Transfers::~Transfers() {
  while (!state_->transfers.empty()) Cancel(state_->transfers.begin()->first);
  for (const Handle& handle : state_->spare) curl_easy_cleanup(handle.easy);
  curl_multi_cleanup(state_->multi);
  close(state_->epoll);
}

Handle Transfers::State::TakeHandle(const TransferSpec& spec) {
  const auto found = std::ranges::find_if(spare, [&](const Handle& handle) {
    return handle.ca_file == spec.ca_file && handle.proxy == spec.proxy;
  });
  if (found == spare.end()) return NewHandle(spec);
  std::swap(*found, spare.back());
  Handle handle = std::move(spare.back());
  spare.pop_back();
  return handle;
}

// With what is the same for all its calls.
Handle Transfers::State::NewHandle(const TransferSpec& spec) {
  CURL* const easy = curl_easy_init();
  CHECK(easy != nullptr, "libcurl has memory for a handle");
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, spec.proxy.c_str());  // "" is none, also not the variables'
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!spec.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, spec.ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, HeaderCallback);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, BodyCallback);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, OpenCallback);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, ConnectedCallback);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, ReportCallback);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &State::OnClose);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
  return {easy, spec.ca_file, spec.proxy};
}

// Everything that differs between calls, whatever the handle's last one was.
void Transfers::State::SetUp(Transfer& transfer, const TransferSpec& spec) {
  CURL* const easy = transfer.handle.easy;
  curl_easy_setopt(easy, CURLOPT_URL, spec.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Ms(spec.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  if (spec.method == "GET") {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  } else {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.body.data());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, spec.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.fields.emplace(spec.headers).first());
}

uint64_t Transfers::Start(TransferSpec spec, TransferSink& sink) {
  State& self = *state_;
  auto transfer = std::make_unique<Transfer>();
  transfer->id = self.next_id++;
  transfer->handle = self.TakeHandle(spec);
  const MonotonicTime now = SystemClock().Now();
  transfer->sink = &sink;
  transfer->may_connect = std::move(spec.may_connect);
  transfer->opened = &self.opened;
  transfer->body = std::move(spec.body);
  transfer->head_bytes_max = spec.header_bytes_max;
  transfer->answer_bytes_max = spec.answer_bytes_max;
  transfer->place = PlaceOf(spec.url);
  transfer->started = transfer->last = now;
  transfer->head_until = now + spec.first_byte_timeout;
  transfer->total_until = now + spec.total_timeout;
  transfer->gap = spec.gap_timeout;
  State::SetUp(*transfer, spec);
  CURL* const easy = transfer->handle.easy;
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, self.MayBeDead(transfer->place) ? 1L : 0L);
  curl_multi_add_handle(self.multi, easy);
  const uint64_t id = transfer->id;
  self.transfers.emplace(id, std::move(transfer));
  // Without this the call would wait for the next turn of the loop.
  self.Act(CURL_SOCKET_TIMEOUT, 0);
  return id;
}

std::unique_ptr<Transfer> Transfers::State::Remove(uint64_t id) {
  const auto found = transfers.find(id);
  if (found == transfers.end()) return nullptr;
  std::unique_ptr<Transfer> transfer = std::move(found->second);
  transfers.erase(found);
  curl_multi_remove_handle(multi, transfer->handle.easy);
  curl_easy_setopt(transfer->handle.easy, CURLOPT_VERBOSE, 0L);
  constexpr size_t kSpareMax = 64;
  spare.push_back(std::move(transfer->handle));
  if (spare.size() > kSpareMax) {
    curl_easy_cleanup(spare.front().easy);
    spare.erase(spare.begin());
  }
  return transfer;
}

void Transfers::Cancel(uint64_t id) { state_->Remove(id); }

void Transfers::Resume(uint64_t id) {
  const auto found = state_->transfers.find(id);
  if (found == state_->transfers.end() || !found->second->paused) return;
  found->second->paused = false;
  found->second->last = SystemClock().Now();
  curl_easy_pause(found->second->handle.easy, CURLPAUSE_CONT);
}

size_t Transfers::running() const { return state_->transfers.size(); }

void Transfers::Watch(int descriptor, bool for_writing) {
  State& self = *state_;
  if (self.watched == descriptor && self.watched_for_writing == for_writing) return;
  epoll_event event{};
  event.data.fd = descriptor;
  event.events = for_writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  const int change = self.watched == descriptor ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  CHECK(epoll_ctl(self.epoll, change, descriptor, &event) == 0, "epoll takes the descriptor");
  self.watched = descriptor;
  self.watched_for_writing = for_writing;
}

void Transfers::State::Act(curl_socket_t socket, int events) {
  int running = 0;
  if (socket == CURL_SOCKET_TIMEOUT) timer.reset();
  curl_multi_socket_action(multi, socket, events, &running);
  ended = static_cast<size_t>(running) < transfers.size();
}

int Transfers::State::TimeoutMs(Duration limit) const {
  if (ended) return 0;
  const MonotonicTime now = SystemClock().Now();
  MonotonicTime until = now + limit;
  if (timer) until = std::min(until, *timer);
  if (!transfers.empty()) until = std::min(until, next_tick);
  return static_cast<int>(std::clamp<long>(Ms(until - now), 0, 60'000));
}

Transfers::Watched Transfers::Wait(Duration limit) {
  State& self = *state_;
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = epoll_wait(self.epoll, events.data(), events.size(), self.TimeoutMs(limit));
  Watched watched;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    const bool in = (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    const bool out = (event.events & EPOLLOUT) != 0;
    if (event.data.fd == self.watched) {
      watched = {in, out};
      continue;
    }
    // Of a connection that nobody uses; libcurl sees it too, when it would use that again.
    if (!self.sockets[event.data.fd].asked) {
      self.Look(event.data.fd, 0);
      continue;
    }
    const bool broken = (event.events & EPOLLERR) != 0;
    self.Act(event.data.fd, (in ? CURL_CSELECT_IN : 0) | (out ? CURL_CSELECT_OUT : 0) |
                                (broken ? CURL_CSELECT_ERR : 0));
  }
  const MonotonicTime now = SystemClock().Now();
  if (self.timer && *self.timer <= now) self.Act(CURL_SOCKET_TIMEOUT, 0);
  self.TakeEnds();
  if (now >= self.next_tick) {
    self.next_tick = now + kTick;
    self.CheckTimeouts(now);
    self.CheckHeld();
  }
  return watched;
}

void Transfers::TellEnds() {
  if (state_->ended) state_->TakeEnds();
}

void Transfers::State::TakeEnds() {
  ended = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    End(*transfer, message->data.result);
  }
}

// A connection of HTTP/2 outlives a call that timed out in it, because others share it. Where it is
// dead, each new call would join the dead ones: so new ones keep away from it as long as a call is
// left that was there before. The last of those to time out closes it (CheckTimeouts).
bool Transfers::State::MayBeDead(uint64_t place) {
  const auto found = doubted.find(place);
  if (found == doubted.end()) return false;
  for (const auto& [id, transfer] : transfers) {
    if (transfer->place == place && transfer->started < found->second) return true;
  }
  doubted.erase(found);
  return false;
}

// A call that went out by a kept connection of HTTP/2 while the other side was saying that it takes
// no more there. For HTTP/1.1, and for a stream that was refused, libcurl does this itself. On a
// connection of its own the call failed at the other side's wish, and whoever asked decides.
bool Transfers::State::SentAgain(Transfer& transfer, CURLcode code) {
  if (code != CURLE_HTTP2 || transfer.sent_again || transfer.head_bytes > 0) return false;
  long connects = 0;
  curl_easy_getinfo(transfer.handle.easy, CURLINFO_NUM_CONNECTS, &connects);
  if (connects > 0) return false;
  transfer.sent_again = true;
  curl_multi_remove_handle(multi, transfer.handle.easy);
  curl_easy_setopt(transfer.handle.easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_multi_add_handle(multi, transfer.handle.easy);
  return true;
}

void Transfers::State::End(Transfer& transfer, CURLcode code) {
  if (SentAgain(transfer, code)) return;
  const auto info = [&](CURLINFO which) {
    double seconds = 0;
    curl_easy_getinfo(transfer.handle.easy, which, &seconds);
    return seconds * 1000;
  };
  long connects = 0;
  curl_easy_getinfo(transfer.handle.easy, CURLINFO_NUM_CONNECTS, &connects);
  const TransferEnd end{.answer_bytes = transfer.answer_bytes,
                        .reused = connects == 0,
                        .connect_ms = info(CURLINFO_PRETRANSFER_TIME),
                        .first_byte_ms = info(CURLINFO_STARTTRANSFER_TIME),
                        .total_ms = info(CURLINFO_TOTAL_TIME)};
  const bool sent = end.connect_ms > 0;
  const std::unique_ptr<Transfer> removed = Remove(transfer.id);
  if (removed->failure) return removed->sink->OnFailure(std::move(*removed->failure));
  if (removed->refused_address) {
    return removed->sink->OnFailure(
        Failed(Code::kUnavailable,
               "its name resolves to an address that it may not have (a public one needs the tier "
               "cloud or allow_public, and https)",
               "address_refused"));
  }
  if (code == CURLE_OK && removed->head_done) return removed->sink->OnEnd(end);
  const bool left = removed->none_looked_at && removed->head_bytes == 0;
  removed->sink->OnFailure(ErrorOf(code, {.sent = sent, .left = left}));
}

void Transfers::State::CheckTimeouts(MonotonicTime now) {
  std::vector<uint64_t> late;
  for (const auto& [id, transfer] : transfers) {
    if (transfer->TimedOut(now)) late.push_back(id);
  }
  for (const uint64_t id : late) {
    Transfer& transfer = *transfers.at(id);
    doubted[transfer.place] = now;
    curl_easy_setopt(transfer.handle.easy, CURLOPT_FORBID_REUSE, 1L);
    const std::unique_ptr<Transfer> removed = Remove(id);
    if (removed) removed->sink->OnFailure(*removed->TimedOut(now));
  }
}

void Transfers::State::CheckHeld() {
  for (;;) {
    uint64_t held = 0;
    const Transfer* largest = nullptr;
    uint64_t most = 0;
    for (const auto& [id, transfer] : transfers) {
      const uint64_t bytes = transfer->held();
      held += bytes;
      if (bytes > most) {
        most = bytes;
        largest = transfer.get();
      }
    }
    if (held <= held_bytes_max) return;
    const std::unique_ptr<Transfer> removed = Remove(largest->id);
    removed->sink->OnFailure(
        Failed(Code::kTooLarge,
               fmt::format("its client reads too slowly: answers that wait for their clients fill "
                           "the {} bytes that there are for that",
                           held_bytes_max),
               "reader_too_slow"));
  }
}

}  // namespace weir::http
