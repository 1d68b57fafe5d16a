// The canonical events of one answer, in the order that chat/event.h promises, whatever order a
// provider's pieces come in: tool calls numbered without gaps, arguments never empty at the end,
// nothing after a choice's end, and Done only when every choice has ended. Pure; one answer each.
//
// All calls append to `out`. Errors are the provider's: kBackendFailed, "provider_malformed".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"

namespace weir::provider {

class AnswerEvents {
 public:
  static constexpr int32_t kCallsMax = 128;  // in one choice

  using Out = std::vector<chat::Event>;

  explicit AnswerEvents(int32_t choices) : choices_(static_cast<size_t>(choices)) {}

  // Started, once; every other call implies it.
  void Start(Out& out);

  // Text, reasoning, log-probabilities; the delta's tool calls must be empty (CHECK). Empty deltas
  // give no event.
  Result<void> Say(chat::Delta delta, Out& out);

  // A new tool call. `key` is what the provider numbers it by; `arguments` may be a first piece.
  Result<void> OpenCall(int32_t choice, int64_t key, std::string id, std::string name,
                        std::string arguments, Out& out);
  // More arguments of the call that was last opened with that key.
  Result<void> Arguments(int32_t choice, int64_t key, std::string piece, Out& out);
  // The id of the call that was last opened with that key; null when none was.
  const std::string* OpenedId(int32_t choice, int64_t key) const;
  int32_t calls(int32_t choice) const;

  // The choice's end. kStop becomes kToolCalls when tools were called. A second end is ignored.
  Result<void> Finish(int32_t choice, chat::FinishReason reason, std::string stop_sequence,
                      Out& out);
  bool finished(int32_t choice) const;
  bool all_finished() const;

  // Done with the usage reported; "stream_cut" when a choice has not ended.
  Result<void> End(Out& out);
  bool ended() const { return ended_; }

  // Later reports replace earlier ones, count by count: providers send running totals.
  void Report(const chat::Usage& usage);
  const chat::Usage& usage() const { return usage_; }

 private:
  struct Call {
    int64_t key = 0;
    std::string id = {};
    bool has_arguments = false;
  };
  struct Choice {
    std::vector<Call> calls = {};
    bool finished = false;
  };
  Result<Choice*> Find(int32_t index);
  const Choice* Peek(int32_t index) const;

  std::vector<Choice> choices_;
  chat::Usage usage_ = {};
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace weir::provider
