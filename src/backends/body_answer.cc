#include "backends/body_answer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace weir::backends {

BodyAnswer::BodyAnswer(const chat::ProviderDialect& dialect, ReadBody read)
    : dialect_(dialect), read_(std::move(read)) {}

Result<void> BodyAnswer::Head(int status, const chat::ProviderHeaders& headers) {
  status_ = status;
  retry_after_s_ = chat::RetryAfterSeconds(headers);
  return {};
}

// A good answer is whole or too large; of an error the beginning will do.
Result<void> BodyAnswer::Feed(std::string_view bytes, std::vector<chat::Event>&) {
  const size_t most = IsGood() ? chat::kProviderAnswerBytesMax : chat::kProviderErrorBytesMax;
  const size_t room = most - std::min(most, body_.size());
  if (IsGood() && bytes.size() > room) {
    return Fail(Code::kTooLarge, fmt::format("the answer has over {} bytes", most));
  }
  body_ += bytes.substr(0, room);
  return {};
}

Result<void> BodyAnswer::End(std::vector<chat::Event>& out) {
  if (!IsGood()) {
    const std::string word = dialect_.error_word ? dialect_.error_word(body_) : "";
    return Fail(chat::ProviderStatusError(status_, retry_after_s_, word));
  }
  auto usage = read_(body_);
  if (!usage) return Fail(std::move(usage.error()));
  usage_ = *usage;
  finished_ = true;
  out.emplace_back(chat::Done{.usage = usage_});
  return {};
}

}  // namespace weir::backends
