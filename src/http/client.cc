#include "http/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/trim.h"

namespace weir::http {
namespace {

constexpr size_t kHeaderBytesMax = 64 * 1024;
constexpr int kPollMs = 100;  // how soon `cancel` is noticed

// One exchange, as libcurl's callbacks see it.
struct Transfer {
  const ClientRequest& request;
  CURL* easy;
  ClientReply reply;
  size_t header_bytes = 0;
  bool decided = false;
  bool streams = false;
  std::optional<Error> failure;  // why a callback stopped it

  size_t Stop(Code code, std::string message) {
    failure = Error{.code = code, .message = std::move(message)};
    return 0;  // libcurl takes a short count as an order to stop
  }
  size_t OnHeader(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kHeaderBytesMax) {
      return Stop(Code::kTooLarge, "the head of the answer is larger than 64 KiB");
    }
    if (line.starts_with("HTTP/")) reply.headers = {};  // after a 100 Continue
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      reply.headers.Add(line.substr(0, colon), Trim(line.substr(colon + 1)));
    }
    return line.size();
  }
  size_t OnBody(std::string_view bytes) {
    if (!std::exchange(decided, true)) {
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      streams = request.on_body &&
                (!request.wants_stream || request.wants_stream(static_cast<int>(status)));
    }
    if (streams) {
      return request.on_body(bytes) ? bytes.size()
                                    : Stop(Code::kCancelled, "the answer was not wanted any more");
    }
    if (reply.body.size() + bytes.size() > request.body_bytes_max) {
      return Stop(Code::kTooLarge,
                  "the answer is larger than " + std::to_string(request.body_bytes_max) + " bytes");
    }
    reply.body.append(bytes);
    return bytes.size();
  }
};

size_t HeaderCallback(char* data, size_t, size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->OnHeader({data, size});
}
size_t BodyCallback(char* data, size_t, size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->OnBody({data, size});
}

long Ms(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

Error ErrorOf(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return {.code = Code::kUnavailable, .message = "no server answers there"};
    case CURLE_OPERATION_TIMEDOUT:
      return {.code = Code::kDeadlineExceeded, .message = "the server did not answer in time"};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return {.code = Code::kInvalidArgument,
              .message = "the address is not an http:// address",
              .param = "url"};
    default:
      return {.code = Code::kBackendFailed,
              .message =
                  std::string("the answer of the server broke off: ") + curl_easy_strerror(code)};
  }
}

}  // namespace

struct Client::State {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;

  curl_slist* SetUp(const ClientRequest& request, Transfer& transfer);
  void SetUpBody(const ClientRequest& request);
  Result<CURLcode> Drive(const ClientRequest& request);
};

Client::Client() : state_(std::make_unique<State>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->multi = curl_multi_init();
  state_->easy = curl_easy_init();
  CHECK(state_->multi && state_->easy, "libcurl starts");
}

Client::~Client() {
  curl_easy_cleanup(state_->easy);
  curl_multi_cleanup(state_->multi);
}

// Returns the header list, which must live as long as the transfer.
curl_slist* Client::State::SetUp(const ClientRequest& request, Transfer& transfer) {
  curl_easy_reset(easy);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // also not from the environment
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Ms(request.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Ms(request.total_timeout));
  if (request.silence_timeout > Duration(0)) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     std::max(1L, Ms(request.silence_timeout) / 1000));
  }
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, HeaderCallback);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, BodyCallback);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_slist* fields = curl_slist_append(nullptr, "Expect:");  // no waiting for a 100 Continue
  for (size_t i = 0; i < request.headers.size(); ++i) {
    const std::string field =
        std::string(request.headers.name(i)) + ": " + std::string(request.headers.value(i));
    fields = curl_slist_append(fields, field.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
  SetUpBody(request);
  return fields;
}

void Client::State::SetUpBody(const ClientRequest& request) {
  const bool has_body = !request.body.empty() || request.method == "POST" ||
                        request.method == "PUT" || request.method == "PATCH";
  if (has_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

// Runs the transfer to its end, looking at `cancel` between steps.
Result<CURLcode> Client::State::Drive(const ClientRequest& request) {
  int running = 1;
  while (running > 0) {
    if (request.cancel && request.cancel->load()) return Fail(Code::kCancelled, "cancelled");
    if (curl_multi_perform(multi, &running) != CURLM_OK)
      return Fail(Code::kInternal, "libcurl failed");
    if (running > 0) curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &left);
  CHECK(message && message->msg == CURLMSG_DONE, "a transfer that ended says how");
  return message->data.result;
}

Result<ClientReply> Client::Do(const ClientRequest& request) {
  for (size_t i = 0; i < request.headers.size(); ++i) {
    if (!IsToken(request.headers.name(i)) || !IsFieldValue(request.headers.value(i))) {
      return Fail(Code::kInvalidArgument, "a header field of the request holds a control character",
                  "headers");
    }
  }
  if (!IsToken(request.method))
    return Fail(Code::kInvalidArgument, "the method is not a token", "method");
  Transfer transfer{.request = request, .easy = state_->easy};
  curl_slist* fields = state_->SetUp(request, transfer);
  curl_multi_add_handle(state_->multi, state_->easy);
  const Result<CURLcode> ended = state_->Drive(request);
  long status = 0;
  curl_easy_getinfo(state_->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(state_->multi, state_->easy);
  curl_easy_reset(state_->easy);
  curl_slist_free_all(fields);
  if (!ended) return Fail(ended.error());
  if (transfer.failure) return Fail(*transfer.failure);
  if (*ended != CURLE_OK) return Fail(ErrorOf(*ended));
  transfer.reply.status = static_cast<int>(status);
  return std::move(transfer.reply);
}

}  // namespace weir::http
