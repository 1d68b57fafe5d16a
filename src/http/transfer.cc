#include "http/transfer.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/trim.h"
#include "http/transfer_error.h"

namespace weir::http {

size_t Transfer::Stop(Error error) {
  failure = std::move(error);
  return CURL_WRITEFUNC_ERROR;
}

size_t Transfer::OnHeader(std::string_view line) {
  last = SystemClock().Now();
  head_bytes += line.size();
  if (head_bytes > head_bytes_max) {
    return Stop(Failed(Code::kTooLarge,
                       fmt::format("the head of its answer has over {} bytes", head_bytes_max),
                       "answer_too_large"));
  }
  if (line.starts_with("HTTP/")) head = {};  // the one before was a 1xx
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && !head_done) {
    head.Add(Trim(line.substr(0, colon)), Trim(line.substr(colon + 1)));
  }
  if (Trim(line).empty()) EndHead();
  return line.size();
}

void Transfer::EndHead() {
  long status = 0;
  curl_easy_getinfo(handle.easy, CURLINFO_RESPONSE_CODE, &status);
  if (head_done || status < 200) return;
  head_done = true;
  sink->OnHead(static_cast<int>(status), head);
}

size_t Transfer::OnBody(std::string_view bytes) {
  last = SystemClock().Now();
  if (answer_bytes + bytes.size() > answer_bytes_max) {
    return Stop(Failed(Code::kTooLarge,
                       fmt::format("its answer has over {} bytes", answer_bytes_max),
                       "answer_too_large"));
  }
  if (!sink->OnBody(bytes)) {
    paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  answer_bytes += bytes.size();
  return bytes.size();
}

curl_socket_t Transfer::OnOpen(const curl_sockaddr& address) {
  if (may_connect && !may_connect(address.addr)) {
    refused_address = true;
    return CURL_SOCKET_BAD;
  }
  curl_easy_setopt(handle.easy, CURLOPT_VERBOSE, 1L);  // see OnReport
  const int made = socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
  if (made >= 0) opened->insert(made);
  return made;
}

int Transfer::OnConnected(const char* ip) {
  const auto address = ParseAddress(ip == nullptr ? "" : ip);
  if (!may_connect || (address && may_connect(reinterpret_cast<const sockaddr&>(*address)))) {
    return CURL_PREREQFUNC_OK;
  }
  refused_address = true;
  return CURL_PREREQFUNC_ABORT;
}

uint64_t Transfer::held() const {
  if (!paused) return 0;
  curl_off_t arrived = 0;
  curl_easy_getinfo(handle.easy, CURLINFO_SIZE_DOWNLOAD_T, &arrived);
  return static_cast<uint64_t>(arrived) - std::min<uint64_t>(arrived, answer_bytes);
}

void Transfer::OnReport(std::string_view words) {
  if (words.find("GOAWAY") == std::string_view::npos) return;
  none_looked_at = Trim(words).ends_with("last_stream=0");
}

std::optional<Error> Transfer::TimedOut(MonotonicTime now) const {
  if (now >= total_until) {
    return Failed(Code::kDeadlineExceeded, "its whole answer took too long", "total_timeout");
  }
  if (!head_done && now >= head_until) {
    return Failed(Code::kDeadlineExceeded, "it did not begin to answer in time",
                  "first_byte_timeout");
  }
  if (head_done && !paused && now - last >= gap) {
    return Failed(Code::kDeadlineExceeded, "it fell silent in its answer", "gap_timeout");
  }
  return std::nullopt;
}

}  // namespace weir::http
