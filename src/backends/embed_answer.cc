#include "backends/embed_answer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace weir::backends {

EmbedAnswer::EmbedAnswer(const chat::ProviderDialect& dialect, chat::EmbedRequest request,
                         std::shared_ptr<std::optional<chat::Embeddings>> into)
    : dialect_(dialect), request_(std::move(request)), into_(std::move(into)) {}

Result<void> EmbedAnswer::Head(int status, const chat::ProviderHeaders& headers) {
  status_ = status;
  retry_after_s_ = chat::RetryAfterSeconds(headers);
  return {};
}

// A good answer is whole or too large; of an error the beginning will do.
Result<void> EmbedAnswer::Feed(std::string_view bytes, std::vector<chat::Event>&) {
  const size_t most = IsGood() ? chat::kProviderAnswerBytesMax : chat::kProviderErrorBytesMax;
  const size_t room = most - std::min(most, body_.size());
  if (IsGood() && bytes.size() > room) {
    return Fail(Code::kTooLarge, fmt::format("the answer has over {} bytes", most));
  }
  body_ += bytes.substr(0, room);
  return {};
}

Result<void> EmbedAnswer::End(std::vector<chat::Event>& out) {
  if (!IsGood()) {
    const std::string word = dialect_.error_word ? dialect_.error_word(body_) : "";
    return Fail(chat::ProviderStatusError(status_, retry_after_s_, word));
  }
  auto vectors = dialect_.read_embed(request_, body_);
  if (!vectors) return std::unexpected(std::move(vectors.error()));
  *into_ = std::move(*vectors);
  out.emplace_back(chat::Done{});
  return {};
}

chat::Usage EmbedAnswer::Reported() const { return *into_ ? (*into_)->usage : chat::Usage(); }

}  // namespace weir::backends
