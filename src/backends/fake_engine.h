// An engine for tests: the other end of a socket pair, speaking wire frames on the same Loop. By
// itself it behaves: it loads, counts to five for every generation, embeds, scores, and ends a
// request that is cancelled. A test replaces on_frame to misbehave, and looks at what it was told.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/descriptor.h"
#include "async/event.h"
#include "async/spawn.h"
#include "process/socket_pair.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::backends {

class FakeEngine : public std::enable_shared_from_this<FakeEngine> {
 public:
  using Kind = wire::EngineFrame;

  FakeEngine(const Executor& executor, Fd socket)
      : socket_(executor, socket.Release()), to_write_(executor) {}

  static std::shared_ptr<FakeEngine> Start(const Executor& executor, Fd socket) {
    auto engine = std::make_shared<FakeEngine>(executor, std::move(socket));
    Spawn(executor, "fake engine reads", Read(engine));
    Spawn(executor, "fake engine writes", Write(engine));
    return engine;
  }

  // What it does with a frame; Behave unless a test says otherwise.
  std::function<void(FakeEngine&, const wire::Frame&)> on_frame =
      [](FakeEngine& engine, const wire::Frame& frame) { engine.Behave(frame); };

  // What it was sent.
  std::vector<wire::Frame> frames = {};
  std::function<void()> on_end = {};  // its process has ended
  bool closed = false;                // the gateway ended the conversation, or Die was called

  size_t Count(Kind kind) const {
    size_t count = 0;
    for (const auto& frame : frames) count += Is(frame, kind);
    return count;
  }
  const wire::Frame* Last(Kind kind) const {
    const wire::Frame* last = nullptr;
    for (const auto& frame : frames) {
      if (Is(frame, kind)) last = &frame;
    }
    return last;
  }
  static bool Is(const wire::Frame& frame, Kind kind) {
    return frame.kind == static_cast<uint16_t>(kind);
  }

  void SayBytes(std::string_view bytes) {
    outgoing_ += bytes;
    to_write_.Set();
  }
  void Say(Kind kind, uint64_t id, std::string_view body = {}) {
    SayBytes(wire::EncodeFrame(static_cast<uint16_t>(kind), id, body));
  }
  void SayEvent(uint64_t id, const chat::Event& event) {
    Say(Kind::kEvent, id, wire::Encode(event));
  }
  void SayFailure(uint64_t id, const Error& error) {
    Say(Kind::kFailure, id, wire::Encode(wire::FailureOf(error)));
  }
  void SayReady(wire::EngineInfo info = {.architecture = "fake", .generates = true}) {
    Say(Kind::kReady, 0, wire::Encode(info));
  }
  void SayText(uint64_t id, std::string text) {
    SayEvent(id, chat::Delta{.text = std::move(text)});
  }
  void SayEnd(uint64_t id, chat::Usage usage = {.prompt_tokens = 3, .completion_tokens = 5}) {
    SayEvent(id, chat::ChoiceDone{});
    SayEvent(id, chat::Done{.usage = usage});
  }
  // Its process ends: what it said before still arrives.
  void Die() {
    dying_ = true;
    to_write_.Set();
  }

  void Behave(const wire::Frame& frame) {
    switch (static_cast<Kind>(frame.kind)) {
      case Kind::kLoad:
        return SayReady();
      case Kind::kGenerate:
        SayEvent(frame.request, chat::Started{.prompt_tokens = 3});
        for (int i = 1; i <= 5; ++i) SayText(frame.request, std::to_string(i));
        return SayEnd(frame.request);
      case Kind::kEmbed: {
        const auto asked = wire::Decode<wire::Embed>(frame.body);
        chat::Embeddings answer{.usage = {.prompt_tokens = 3}};
        for (size_t i = 0; asked && i < asked->request.inputs.size(); ++i) {
          answer.vectors.push_back({1.0f, static_cast<float>(i)});
        }
        return Say(Kind::kEmbeddings, frame.request, wire::Encode(answer));
      }
      case Kind::kScore: {
        const auto asked = wire::Decode<wire::Score>(frame.body);
        chat::Scores answer{.usage = {.prompt_tokens = 3}};
        for (size_t i = 0; asked && i < asked->request.continuations.size(); ++i) {
          answer.continuations.push_back({-1.0 - static_cast<double>(i), 1});
        }
        return Say(Kind::kScores, frame.request, wire::Encode(answer));
      }
      case Kind::kTokenize:
        return Say(Kind::kTokens, frame.request, wire::Encode(wire::Tokens{{1, 2, 3}, ""}));
      case Kind::kDetokenize:
        return Say(Kind::kText, frame.request, wire::Encode(wire::Text{"one two three"}));
      case Kind::kQueryStats:
        return Say(Kind::kStats, frame.request, wire::Encode(wire::EngineStats{.running = 7}));
      case Kind::kCancel:
        return SayFailure(frame.request, {Code::kCancelled, "cancelled"});
      default:
        return;
    }
  }

 private:
  static Task<void> Read(std::shared_ptr<FakeEngine> self) {
    wire::FrameReader reader;
    std::vector<char> buffer(64 * 1024);
    while (co_await self->socket_.WaitReadable()) {
      const ssize_t got = recv(self->socket_.fd(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) break;
      reader.Append({buffer.data(), static_cast<size_t>(got)});
      for (auto next = reader.Next(); next && *next; next = reader.Next()) {
        self->frames.push_back(**next);
        self->on_frame(*self, self->frames.back());
      }
    }
    self->closed = true;
    self->Die();
  }

  static Task<void> Write(std::shared_ptr<FakeEngine> self) {
    for (;;) {
      self->to_write_.Reset();
      size_t sent = 0;
      while (sent < self->outgoing_.size() && !self->closed) {
        const ssize_t n = send(self->socket_.fd(), self->outgoing_.data() + sent,
                               self->outgoing_.size() - sent, MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<size_t>(n);
        if (n < 0 && errno != EAGAIN) self->dying_ = true;
        if (n < 0 && (errno != EAGAIN || !co_await self->socket_.WaitWritable())) break;
      }
      self->outgoing_.erase(0, sent);
      if (self->dying_) break;
      if (self->outgoing_.empty() && !co_await self->to_write_.Wait()) co_return;
    }
    self->closed = true;
    self->socket_.Close();
    if (self->on_end) self->on_end();
  }

  Descriptor socket_;
  Event to_write_;
  std::string outgoing_ = {};
  bool dying_ = false;
};

}  // namespace weir::backends
