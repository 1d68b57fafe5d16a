// An exchange whose answer is kept as it is given (kept_answers.h). Everything else is the
// exchange's that it stands before, which must outlive it.
//
// As http::Exchange: one Loop's thread.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "http/exchange.h"
#include "server/kept_answers.h"

namespace weir::server {

class RecordedExchange final : public http::Exchange {
 public:
  explicit RecordedExchange(http::Exchange& exchange) : exchange_(exchange) {}

  // The good answer, when it is whole, whoever took it: it may have been lost on the way. Nothing
  // for an error, and for what is too long to keep.
  std::optional<KeptAnswer> TakeAnswer();

  http::Request& request() override { return exchange_.request(); }
  Task<Result<std::string>> ReadBody() override { return exchange_.ReadBody(); }
  bool ClientGone() const override { return exchange_.ClientGone(); }
  bool replied() const override { return exchange_.replied(); }
  Task<Result<void>> Send(http::Reply reply) override;
  void Start(http::Reply head) override;
  Task<Result<void>> Write(std::string_view bytes) override;
  Task<Result<void>> End() override;
  void Abort() override;

 private:
  http::Exchange& exchange_;
  std::optional<KeptAnswer> answer_ = {};
  bool whole_ = false;
};

}  // namespace weir::server
