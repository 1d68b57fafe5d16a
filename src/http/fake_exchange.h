// An Exchange on strings, for tests of handlers: give it a request, run the handler, look at what
// it answered. The client can leave, and can take nothing more after a number of writes.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "http/exchange.h"

namespace weir::http {

class FakeExchange final : public Exchange {
 public:
  explicit FakeExchange(Request request) : request_(std::move(request)) {}

  // What happened.
  int status() const { return reply_.status; }
  const Headers& headers() const { return reply_.headers; }
  const std::string& body() const { return reply_.body; }  // of a stream: everything written
  bool streamed() const { return streamed_; }
  bool finished() const { return finished_; }  // Send or End
  bool aborted() const { return aborted_; }

  // Every later write fails.
  void Leave() { gone_ = true; }
  void LeaveAfterWrites(int count) { writes_left_ = count; }

  Request& request() override { return request_; }
  Task<Result<std::string>> ReadBody() override { co_return std::exchange(request_.body, {}); }
  bool ClientGone() const override { return gone_; }
  bool replied() const override { return replied_; }

  Task<Result<void>> Send(Reply reply) override {
    CHECK(!std::exchange(replied_, true), "a request is answered once");
    if (gone_) co_return Gone();
    reply_ = std::move(reply);
    finished_ = true;
    co_return Result<void>();
  }
  void Start(Reply head) override {
    CHECK(!std::exchange(replied_, true), "a request is answered once");
    streamed_ = true;
    reply_ = std::move(head);
    reply_.body.clear();
  }
  Task<Result<void>> Write(std::string_view bytes) override {
    CHECK(streamed_ && !finished_, "Write belongs between Start and End");
    if (writes_left_ == 0) gone_ = true;
    if (gone_ || aborted_) co_return Gone();
    if (writes_left_ > 0) --writes_left_;
    reply_.body += bytes;
    co_return Result<void>();
  }
  Task<Result<void>> End() override {
    CHECK(streamed_ && !finished_, "End belongs after Start, once");
    if (gone_ || aborted_) co_return Gone();
    finished_ = true;
    co_return Result<void>();
  }
  void Abort() override { aborted_ = true; }

 private:
  static std::unexpected<Error> Gone() { return Fail(Code::kCancelled, "the client went away"); }

  Request request_;
  Reply reply_;
  int writes_left_ = -1;
  bool replied_ = false;
  bool streamed_ = false;
  bool finished_ = false;
  bool aborted_ = false;
  bool gone_ = false;
};

}  // namespace weir::http
