// What has been said so far in each choice of an answer: holds the order of events against what the
// canonical stream promises (chat/event.h), because a backend that breaks it must become an error
// and never a wrong answer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "chat/event.h"

namespace weir::openai {

inline constexpr int32_t kCallsMax = 128;  // tool calls in one choice

class Choices {
 public:
  explicit Choices(int32_t count) : choices_(static_cast<size_t>(count)) {}

  // kBackendFailed when the event does not fit: a choice out of range, text after its end, a call
  // out of order.
  Result<void> Accept(const chat::Event& event);
  // kBackendFailed when a choice, or the whole, has not ended.
  Result<void> CheckEnded() const;

 private:
  struct Choice {
    int32_t calls = 0;
    bool done = false;
  };
  Result<Choice*> Find(int32_t index);
  Result<void> Accept(const chat::Delta& delta);
  Result<void> Accept(const chat::ChoiceDone& done);

  std::vector<Choice> choices_;
  bool done_ = false;
};

}  // namespace weir::openai
