// The gateway's end of a conversation with an engine that runs on a thread of this process: sends
// frames, and sorts what comes back by request. For tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "engine/reader.h"
#include "llama/test_models.h"
#include "wire/engine.h"
#include "wire/frame.h"

namespace weir::engine::testing {

using wire::EngineFrame;

inline const std::string kOnce = "Once upon a time";

// For prefixes that leave the KV cache.
inline constexpr uint64_t kHostBytes = uint64_t{64} << 20;

// Small steps and one thread, so that a busy machine runs many of these at once.
inline wire::EngineSettings SmallSettings(std::string path) {
  return {.model_name = "test",
          .model_path = std::move(path),
          .context_tokens = 2048,
          .sequences = 16,
          .batch_tokens = 64,
          .threads = 1};
}

// All that came for one Generate.
struct Story {
  std::vector<chat::Event> events = {};
  std::map<int32_t, std::string> texts = {};  // by choice
  std::map<int32_t, chat::ChoiceDone> ends = {};
  std::vector<chat::TokenLogprob> logprobs = {};
  std::map<int32_t, std::vector<chat::TokenLogprob>> tokens = {};  // the same, by choice
  std::optional<chat::Started> started = {};
  std::optional<chat::Done> done = {};
  std::optional<wire::Failure> failure = {};

  std::string text(int32_t choice = 0) const {
    const auto found = texts.find(choice);
    return found == texts.end() ? "" : found->second;
  }
  std::vector<int32_t> answer_tokens() const {
    std::vector<int32_t> ids;
    for (const chat::Event& event : events) {
      const auto* delta = std::get_if<chat::Delta>(&event);
      if (delta != nullptr) ids.insert(ids.end(), delta->tokens.begin(), delta->tokens.end());
    }
    return ids;
  }
  int64_t prompt_tokens() const { return done ? done->usage.prompt_tokens.value_or(-1) : -1; }
  int64_t cached_tokens() const { return done ? done->usage.cached_tokens.value_or(-1) : -1; }
  int64_t completion_tokens() const {
    return done ? done->usage.completion_tokens.value_or(-1) : -1;
  }
};

class Conversation {
 public:
  explicit Conversation(const wire::EngineSettings& settings) : Conversation() {
    Send(EngineFrame::kLoad, 0, wire::Encode(wire::LoadRequest{.settings = settings}));
    for (;;) {
      const std::optional<wire::Frame> frame = Next(0);
      if (!frame || Is(*frame, EngineFrame::kLoading)) {
        if (!frame) return;
        continue;
      }
      if (Is(*frame, EngineFrame::kReady)) info_ = wire::Decode<wire::EngineInfo>(frame->body);
      if (Is(*frame, EngineFrame::kFailure)) failure_ = wire::Decode<wire::Failure>(frame->body);
      return;
    }
  }
  // Nothing is loaded yet.
  Conversation() {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    socket_ = ends[0];
    engine_socket_ = ends[1];
    const timeval patience{.tv_sec = 20, .tv_usec = 0};  // a hang becomes a failure
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    engine_ =
        std::thread([this] { ended_ = ServeConnection(engine_socket_, {"test"}, kHostBytes); });
  }
  ~Conversation() { Close(); }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // What Ready said; empty when the model did not load.
  const std::optional<wire::EngineInfo>& info() const { return info_; }
  const std::optional<wire::Failure>& load_failure() const { return failure_; }

  // The gateway goes away; how the engine ended.
  Result<void> Close() {
    if (!engine_.joinable()) return ended_;
    close(socket_);
    engine_.join();
    close(engine_socket_);
    return ended_;
  }
  // How it ended by itself.
  Result<void> WaitForEnd() {
    while (Receive()) {
    }
    return Close();
  }

  void SendBytes(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void Send(EngineFrame kind, uint64_t id, std::string_view body = {}) {
    SendBytes(wire::EncodeFrame(static_cast<uint16_t>(kind), id, body));
  }
  template <class T>
  uint64_t Ask(EngineFrame kind, const T& body) {
    Send(kind, ++newest_id_, wire::Encode(body));
    return newest_id_;
  }
  uint64_t Generate(const chat::GenerateRequest& request, wire::Caller caller = {}) {
    return Ask(EngineFrame::kGenerate, wire::Generate{caller, request});
  }

  // The next frame for `id`; nothing when the engine ended, or after twenty seconds.
  std::optional<wire::Frame> Next(uint64_t id) {
    std::deque<wire::Frame>& waiting = arrived_[id];
    while (waiting.empty()) {
      if (!Receive()) return std::nullopt;
    }
    wire::Frame frame = std::move(waiting.front());
    waiting.pop_front();
    return frame;
  }
  // How many frames for `id` have arrived and were not taken.
  size_t waiting(uint64_t id) { return arrived_[id].size(); }

  // Everything of a request, to its Done or Failure.
  Story Finish(uint64_t id) {
    Story story;
    while (!story.done && !story.failure) {
      const std::optional<wire::Frame> frame = Next(id);
      if (!frame) {
        ADD_FAILURE() << "the engine ended, or says nothing, inside of an answer";
        return story;
      }
      Add(*frame, story);
    }
    return story;
  }
  Story Run(const chat::GenerateRequest& request, wire::Caller caller = {}) {
    return Finish(Generate(request, caller));
  }
  template <class Reply, class Asked>
  std::optional<Reply> AskFor(EngineFrame kind, const Asked& body, EngineFrame reply_kind) {
    const std::optional<wire::Frame> frame = Next(Ask(kind, body));
    if (!frame || !Is(*frame, reply_kind)) return std::nullopt;
    return wire::Decode<Reply>(frame->body);
  }
  wire::Failure FailureOf(uint64_t id) {
    const std::optional<wire::Frame> frame = Next(id);
    if (!frame || !Is(*frame, EngineFrame::kFailure)) {
      ADD_FAILURE() << "no failure came";
      return {};
    }
    return wire::Decode<wire::Failure>(frame->body).value_or(wire::Failure{});
  }
  // All frames that the engine sent before it read this have arrived afterwards.
  wire::EngineStats Stats() {
    Send(EngineFrame::kQueryStats, ++newest_id_);
    const std::optional<wire::Frame> frame = Next(newest_id_);
    if (!frame || !Is(*frame, EngineFrame::kStats)) {
      ADD_FAILURE() << "no stats came";
      return {};
    }
    return wire::Decode<wire::EngineStats>(frame->body).value_or(wire::EngineStats{});
  }

  static bool Is(const wire::Frame& frame, EngineFrame kind) {
    return frame.kind == static_cast<uint16_t>(kind);
  }
  static void Add(const wire::Frame& frame, Story& story) {
    if (Is(frame, EngineFrame::kFailure)) {
      story.failure = wire::Decode<wire::Failure>(frame.body);
      ASSERT_TRUE(story.failure);
      return;
    }
    ASSERT_TRUE(Is(frame, EngineFrame::kEvent));
    auto event = wire::Decode<chat::Event>(frame.body);
    ASSERT_TRUE(event);
    if (const auto* delta = std::get_if<chat::Delta>(&*event)) {
      story.texts[delta->choice] += delta->text;
      story.logprobs.insert(story.logprobs.end(), delta->logprobs.begin(), delta->logprobs.end());
      auto& tokens = story.tokens[delta->choice];
      tokens.insert(tokens.end(), delta->logprobs.begin(), delta->logprobs.end());
    } else if (const auto* end = std::get_if<chat::ChoiceDone>(&*event)) {
      story.ends[end->choice] = *end;
    } else if (const auto* started = std::get_if<chat::Started>(&*event)) {
      story.started = *started;
    } else if (const auto* done = std::get_if<chat::Done>(&*event)) {
      story.done = *done;
    }
    story.events.push_back(std::move(*event));
  }

 private:
  bool Receive() {
    Result<wire::Frame> frame = ReadFrame(socket_, frames_);
    if (!frame) return false;
    const uint64_t id = frame->request;
    arrived_[id].push_back(std::move(*frame));
    return true;
  }

  int socket_ = -1;
  int engine_socket_ = -1;
  std::thread engine_ = {};
  Result<void> ended_ = {};
  wire::FrameReader frames_ = wire::FrameReader();
  std::map<uint64_t, std::deque<wire::Frame>> arrived_ = {};
  uint64_t newest_id_ = 0;
  std::optional<wire::EngineInfo> info_ = {};
  std::optional<wire::Failure> failure_ = {};
};

inline chat::GenerateRequest Completion(std::string prompt, int32_t max_tokens) {
  chat::GenerateRequest request;
  request.prompts.push_back({.text = std::move(prompt)});
  request.max_tokens = max_tokens;
  request.sampling.temperature = 0.0f;
  return request;
}
// As many tokens as were asked for: the model does not end it.
inline chat::GenerateRequest Endless(std::string prompt, int32_t max_tokens) {
  chat::GenerateRequest request = Completion(std::move(prompt), max_tokens);
  request.sampling.ignore_eos = true;
  return request;
}

}  // namespace weir::engine::testing

// Declares `engine`, a Conversation whose model is loaded, or skips the test.
#define WEIR_ENGINE_OR_SKIP(engine, settings)                                        \
  const ::weir::wire::EngineSettings engine##_settings = settings;                   \
  if (!std::filesystem::exists(engine##_settings.model_path)) {                      \
    GTEST_SKIP() << "no model file for this test: " << engine##_settings.model_path; \
  }                                                                                  \
  ::weir::engine::testing::Conversation engine(engine##_settings);                   \
  ASSERT_TRUE((engine).info()) << "the model did not load"
