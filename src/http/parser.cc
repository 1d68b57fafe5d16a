#include "http/parser.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::http {
namespace {

// A length is believed up to here before the bytes have come.
constexpr uint64_t kReserveMax = 1024 * 1024;

}  // namespace

size_t RequestParser::Feed(std::string_view bytes) {
  size_t taken = 0;
  if (state_ == State::kHead) taken = FeedHead(bytes);
  if (state_ == State::kBody) taken += FeedBody(bytes.substr(taken));
  return taken;
}

size_t RequestParser::FeedHead(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::kHead) {
    started_ = true;
    const std::string_view rest = bytes.substr(taken);
    const size_t end = rest.find('\n');
    const std::string_view piece = rest.substr(0, end);
    const size_t n = end == std::string_view::npos ? piece.size() : end + 1;
    // Which bound comes first must not depend on how the bytes are cut.
    const size_t line_room = limits_.line_bytes + 1 - line_.size();  // the CR counts
    const size_t head_room = limits_.head_bytes - head_bytes_;
    taken += n;
    head_bytes_ += n;
    if (piece.size() > line_room && line_room <= head_room) {
      Fail({have_request_line_ ? 431 : 414,
            have_request_line_ ? "header_line_too_long" : "uri_too_long",
            "a line of the head is longer than " + std::to_string(limits_.line_bytes) + " bytes"});
    } else if (n > head_room) {
      Fail({431, "head_too_large",
            "the head is larger than " + std::to_string(limits_.head_bytes) + " bytes"});
    } else if (end == std::string_view::npos) {
      line_.append(piece);
    } else if (line_.empty()) {
      TakeLine(piece);
    } else {
      line_.append(piece);
      const std::string line = std::exchange(line_, {});
      TakeLine(line);
    }
  }
  return taken;
}

bool RequestParser::TakeLine(std::string_view line) {
  if (!line.ends_with('\r')) return Fail({400, "bare_lf", "a line of the head ends without CR"});
  line.remove_suffix(1);
  if (!have_request_line_) {
    if (line.empty() && !std::exchange(skipped_blank_, true)) return true;  // RFC 9112 2.2
    have_request_line_ = true;
    const Verdict verdict = ParseRequestLine(line, request_, authority_);
    return verdict || Fail(verdict.error());
  }
  if (line.empty()) return FinishHead();
  if (request_.headers.size() >= limits_.header_count) {
    return Fail({431, "too_many_headers",
                 "the head has more than " + std::to_string(limits_.header_count) + " fields"});
  }
  const Verdict verdict = ParseField(line, request_.headers);
  return verdict || Fail(verdict.error());
}

bool RequestParser::FinishHead() {
  const auto posts_below = [&](const std::string& prefix) {
    return !prefix.empty() && request_.method == "POST" && request_.path.starts_with(prefix);
  };
  streams_ = posts_below(limits_.streamed_prefix);
  const uint64_t body_max = streams_                             ? limits_.streamed_body_bytes
                            : posts_below(limits_.larger_prefix) ? limits_.larger_body_bytes
                                                                 : limits_.body_bytes;
  std::expected<Framing, Refusal> framing = CheckHead(request_, authority_, body_max);
  if (!framing) return Fail(std::move(framing.error()));
  framing_ = *framing;
  if (framing_.chunked) {
    chunks_.Reset(body_max);
  } else if (framing_.content_length == 0) {
    state_ = State::kComplete;
    return true;
  }
  request_.body.reserve(static_cast<size_t>(std::min(framing_.content_length, kReserveMax)));
  state_ = State::kBody;
  return true;
}

size_t RequestParser::FeedBody(std::string_view bytes) {
  if (framing_.chunked) {
    const std::expected<size_t, Refusal> taken =
        chunks_.Feed(bytes, request_.body, taken_body_bytes_);
    if (!taken) {
      Fail(taken.error());
      return 0;
    }
    if (chunks_.done()) state_ = State::kComplete;
    return *taken;
  }
  const uint64_t left = framing_.content_length - body_bytes();
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(left, bytes.size()));
  request_.body.append(bytes.substr(0, taken));
  if (taken == left) state_ = State::kComplete;
  return taken;
}

bool RequestParser::Fail(Refusal refusal) {
  refusal_ = std::move(refusal);
  state_ = State::kRefused;
  return false;
}

Request RequestParser::TakeRequest() {
  CHECK(state_ == State::kComplete, "TakeRequest before the request is complete");
  Request request = std::exchange(request_, {});
  state_ = State::kHead;
  started_ = have_request_line_ = skipped_blank_ = false;
  head_bytes_ = 0;
  std::string().swap(line_);  // assigning {} would keep the buffer
  authority_.clear();
  framing_ = {};
  streams_ = false;
  taken_body_bytes_ = 0;
  return request;
}

Request RequestParser::TakeHead() {
  CHECK(state_ == State::kBody && streams_, "TakeHead belongs to a request that streams");
  std::string body = std::exchange(request_.body, {});
  Request head = std::exchange(request_, {});
  request_.body = std::move(body);
  return head;
}

std::string RequestParser::TakeBody() {
  taken_body_bytes_ += request_.body.size();
  return std::exchange(request_.body, {});
}

}  // namespace weir::http
