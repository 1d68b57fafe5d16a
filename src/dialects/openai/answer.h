// Canonical events to OpenAI's answers: as a stream of server-sent events, piece by piece, or as
// one object at the end. Pure state machines, fed by one thread; nothing here waits or writes
// anywhere.
//
//   stream                                       whole
//   StreamEncoder encoder(head, form);           WholeAnswer answer(head, form);
//   encoder.Append(event, out) for each          answer.Append(event) for each
//   encoder.End(weir, out)                       body = answer.End(weir)
//   encoder.Fail(error, out)                     (the error is the body: RenderError)
//
// Append refuses events that break the canonical order (kBackendFailed); the caller then calls
// Fail. After End or Fail any further call is a bug. `weir` is the text of a JSON object with the
// decision, or empty: it goes into the last event, and into the object. The finish chunk of the
// last choice is held until End for that reason.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "dialects/openai/choices.h"
#include "dialects/openai/request.h"

namespace weir::openai {

// What an answer says of itself.
struct AnswerHead {
  std::string id = {};  // "chatcmpl-...", "cmpl-..."
  int64_t created_s = 0;
  std::string model = {};               // who answered
  std::string system_fingerprint = {};  // left out when empty
};

struct AnswerForm {
  enum class Kind : uint8_t { kChat, kCompletion };
  Kind kind = Kind::kChat;
  int32_t choices = 1;
  bool logprobs = false;
  bool include_usage = false;
  bool legacy_functions = false;
};
AnswerForm FormOf(const GenerateCall& call);

class StreamEncoder {
 public:
  StreamEncoder(AnswerHead head, const AnswerForm& form);

  Result<void> Append(const chat::Event& event, std::string& out);
  // The last events and [DONE]; an error event instead when a choice has not ended.
  void End(std::string_view weir, std::string& out);
  // The error as the last event; no [DONE] follows.
  void Fail(const Error& error, std::string& out);
  // A comment, which keeps the connection open and which clients skip.
  static void Heartbeat(std::string& out) { out += ": waiting\n\n"; }
  static void Progress(const chat::Progress& progress, std::string& out);

 private:
  void AppendDelta(const chat::Delta& delta, std::string& out);
  void AppendChatDelta(const chat::Delta& delta, std::string& out);
  void AppendCompletionDelta(const chat::Delta& delta, std::string& out);
  void AppendRole(int32_t choice, std::string& out);
  void AppendDone(const chat::ChoiceDone& done, std::string& out);
  void FlushHeld(std::string& out);
  void Wrap(std::string_view choice, std::string& out);

  const AnswerForm form_;
  std::string prefix_;  // of every event, up to the choices
  Choices choices_;
  std::vector<bool> role_sent_;
  std::vector<int64_t> text_offset_;  // of each choice, in code points
  std::string scratch_;               // one choice, as JSON
  std::string held_;                  // the finish of the choice that ended last
  chat::Usage usage_;
  bool over_ = false;
};

class WholeAnswer {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;  // of all text together

  WholeAnswer(AnswerHead head, const AnswerForm& form);

  Result<void> Append(const chat::Event& event);
  // kBackendFailed when a choice has not ended.
  Result<std::string> End(std::string_view weir) const;

 private:
  struct Choice {
    chat::Delta all = {};  // everything so far; tool calls whole
    chat::FinishReason reason = chat::FinishReason::kStop;
  };
  Result<void> Add(const chat::Delta& delta);

  const AnswerHead head_;
  const AnswerForm form_;
  Choices choices_;
  std::vector<Choice> said_;
  size_t bytes_ = 0;
  chat::Usage usage_;
};

}  // namespace weir::openai
