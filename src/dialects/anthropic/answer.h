// Canonical events to Anthropic's answers: as a stream of server-sent events, or as one message at
// the end. Pure state machines, fed by one thread.
//
// Append refuses events that break the canonical order (kBackendFailed); the caller then calls
// Fail. After End or Fail any further call is a bug. `weir` is the text of a JSON object with the
// decision, or empty: it goes into message_stop, and into the message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"

namespace weir::anthropic {

// What an answer says of itself.
struct AnswerHead {
  std::string id = {};     // "msg_..."
  std::string model = {};  // who answered
};

// One block after the other, as the dialect wants them, whatever order deltas come in: a tool call
// that begins before another is complete is held back until its turn.
class StreamEncoder {
 public:
  explicit StreamEncoder(AnswerHead head) : head_(std::move(head)) {}

  Result<void> Append(const chat::Event& event, std::string& out);
  // The last events; an error event instead when the answer has not ended.
  void End(std::string_view weir, std::string& out);
  void Fail(const Error& error, std::string& out);
  // How far a long prompt is: a ping, whose comment tells it.
  void Progress(const chat::Progress& progress, std::string& out);
  void Heartbeat(std::string& out);

 private:
  enum class Block : uint8_t { kNone, kThinking, kText, kCall };
  struct Call {
    std::string id = {};
    std::string name = {};
    std::string arguments = {};  // all of them while it is open, what waits while it is not
    bool shown = false;
  };

  void Start(std::string& out);
  void Open(Block block, const Call* call, std::string& out);
  void Close(std::string& out);
  void AppendText(Block block, std::string_view key, std::string_view text, std::string& out);
  void AppendThought(const chat::Thought& thought, std::string& out);
  Result<void> AppendCall(const chat::ToolCallDelta& delta, std::string& out);
  void Show(size_t index, std::string& out);
  Result<void> Accept(const chat::Delta& delta, std::string& out);

  const AnswerHead head_;
  chat::Usage usage_ = {};
  bool started_ = false;
  bool over_ = false;
  Block open_ = Block::kNone;
  int32_t index_ = 0;  // of the open block, or of the next
  std::vector<Call> calls_;
  size_t call_ = 0;  // the open one
  bool ended_ = false;
  chat::ChoiceDone choice_ = {};
  bool done_ = false;
};

class WholeAnswer {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;  // of all text together

  explicit WholeAnswer(AnswerHead head) : head_(std::move(head)) {}

  Result<void> Append(const chat::Event& event);
  // Once. kBackendFailed when the answer has not ended.
  Result<std::string> End(std::string_view weir);

 private:
  void TakeThought(chat::Thought thought);

  const AnswerHead head_;
  chat::Delta all_ = {};   // tool calls whole, thoughts as those of a message
  size_t told_bytes_ = 0;  // of all_.reasoning, in thoughts that were signed
  chat::ChoiceDone choice_ = {};
  chat::Usage usage_ = {};
  size_t bytes_ = 0;
  bool ended_ = false;
  bool done_ = false;
};

}  // namespace weir::anthropic
