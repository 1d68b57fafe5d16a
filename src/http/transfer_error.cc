#include "http/transfer_error.h"

#include <fmt/core.h>

#include <utility>

namespace weir::http {

Error Failed(Code code, std::string message, std::string_view reason) {
  return {code, std::move(message), "", std::string(reason)};
}

namespace {

Error Unnamed(CURLcode code, const CallFate& fate) {
  return Failed(fate.sent ? Code::kBackendFailed : Code::kUnavailable,
                fmt::format("the call failed: {}", curl_easy_strerror(code)), "answer_broken");
}

}  // namespace

Error ErrorOf(CURLcode code, const CallFate& fate) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Failed(Code::kUnavailable, "its name cannot be resolved", "connect_failed");
    case CURLE_COULDNT_CONNECT:
      return Failed(Code::kUnavailable, "nobody answers there", "connect_failed");
    case CURLE_OPERATION_TIMEDOUT:
      return Failed(Code::kDeadlineExceeded, "it did not take the connection in time",
                    "connect_timeout");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Failed(Code::kBackendFailed,
                    fmt::format("no trusted TLS connection: {}", curl_easy_strerror(code)),
                    "certificate_refused");
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2_STREAM:
      return Failed(Code::kBackendFailed, "it broke the connection", "answer_cut");
    case CURLE_HTTP2:
      if (!fate.left) return Unnamed(code, fate);
      return Failed(Code::kUnavailable,
                    "it takes no more calls by this connection, and left this one",
                    "call_not_taken");
    default:
      return Unnamed(code, fate);
  }
}

}  // namespace weir::http
