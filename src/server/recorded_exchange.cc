#include "server/recorded_exchange.h"

namespace weir::server {
namespace {

bool IsGood(int status) { return status >= 200 && status < 300; }

}  // namespace

std::optional<KeptAnswer> RecordedExchange::TakeAnswer() {
  return whole_ ? std::exchange(answer_, {}) : std::nullopt;
}

Task<Result<void>> RecordedExchange::Send(http::Reply reply) {
  if (IsGood(reply.status) && reply.body.size() <= KeptAnswers::kAnswerBytesMax) {
    answer_ = KeptAnswer{.reply = reply};
    whole_ = true;
  }
  return exchange_.Send(std::move(reply));
}

void RecordedExchange::Start(http::Reply head) {
  if (IsGood(head.status)) {
    answer_ = KeptAnswer{.reply = {head.status, head.headers}, .streamed = true};
  }
  exchange_.Start(std::move(head));
}

Task<Result<void>> RecordedExchange::Write(std::string_view bytes) {
  if (answer_) {
    answer_->reply.body += bytes;
    if (answer_->reply.body.size() > KeptAnswers::kAnswerBytesMax) answer_.reset();
  }
  return exchange_.Write(bytes);
}

Task<Result<void>> RecordedExchange::End() {
  whole_ = true;
  return exchange_.End();
}

void RecordedExchange::Abort() {
  answer_.reset();
  exchange_.Abort();
}

}  // namespace weir::server
