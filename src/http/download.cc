#include "http/download.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/trim.h"

namespace weir::http {
namespace {

constexpr size_t kHeaderBytesMax = 64 * 1024;
constexpr size_t kUrlBytesMax = 8 * 1024;
constexpr long kBufferBytes = 512 * 1024;

uint64_t NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

// An address in its parts, as libcurl understands it: what it connects to is what was checked.
struct Place {
  std::string url;
  std::string scheme;
  std::string host;
  std::string port;

  bool https() const { return scheme == "https"; }
  bool SameOrigin(const Place& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string PartOf(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string out(text);
  curl_free(text);
  return out;
}

bool IsThisMachine(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 &&
         (ntohl(address.s_addr) >> 24) == 127;
}

// `next` as seen from `base` (empty: on its own). Nothing when it may not be fetched.
std::optional<Place> PlaceOf(const std::string& base, std::string_view next) {
  if (next.size() > kUrlBytesMax || next.empty()) return std::nullopt;
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  CHECK(url != nullptr, "libcurl makes an address");
  if (!base.empty() && curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  const unsigned flags = CURLU_DISALLOW_USER | CURLU_URLENCODE;
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(next).c_str(), flags) != CURLUE_OK)
    return std::nullopt;
  Place place{.url = PartOf(url.get(), CURLUPART_URL, 0),
              .scheme = PartOf(url.get(), CURLUPART_SCHEME, 0),
              .host = PartOf(url.get(), CURLUPART_HOST, 0),
              .port = PartOf(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if (place.https() || (place.scheme == "http" && IsThisMachine(place.host))) return place;
  return std::nullopt;
}

long Ms(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

bool IsRedirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Error ErrorOf(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {.code = Code::kUnavailable,
              .message = "the server cannot be reached; check the network"};
    case CURLE_OPERATION_TIMEDOUT:
      return {.code = Code::kDeadlineExceeded,
              .message = "the server stopped sending; run the same command again to go on"};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
      return {.code = Code::kUnavailable,
              .message =
                  "the server's certificate is not trusted; check the clock and the trust "
                  "roots of this machine",
              .reason = "tls_untrusted"};
    default:
      return {.code = Code::kBackendFailed,
              .message =
                  fmt::format("the connection broke off ({}); run the same command again to go on",
                              curl_easy_strerror(code))};
  }
}

// "bytes 0-99/1000"
void ReadContentRange(std::string_view text, DownloadHead& head) {
  if (!text.starts_with("bytes ")) return;
  text.remove_prefix(6);
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return;
  head.first = NumberOf(text.substr(0, dash));
  head.total = NumberOf(text.substr(slash + 1));
}

}  // namespace

bool MayFetch(std::string_view url) { return PlaceOf("", url).has_value(); }

std::string_view DownloadHead::Header(std::string_view name) const {
  return headers.Find(name).value_or("");
}

struct Downloads::Transfer {
  Transfer(uint64_t number, Wanted what, Sink where, const Place& from)
      : id(number), wanted(std::move(what)), sink(std::move(where)), first(from), place(from) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  uint64_t id;
  Wanted wanted;
  Sink sink;
  Place first;  // the only place that sees the token
  Place place;
  CURL* easy = curl_easy_init();
  curl_slist* fields = nullptr;
  DownloadHead head = {};
  size_t header_bytes = 0;
  int redirects = 0;
  bool begun = false;                 // on_head was called
  std::optional<Error> failure = {};  // why a callback stopped it

  ~Transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(fields);
  }

  size_t Stop(Code code, std::string message) {
    if (!failure) failure = Error{.code = code, .message = std::move(message)};
    return 0;  // libcurl takes a short count as an order to stop
  }
  long Status() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  size_t OnHeader(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > kHeaderBytesMax)
      return Stop(Code::kTooLarge, "the head of the answer is larger than 64 KiB");
    if (line.starts_with("HTTP/")) head.headers = {};
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos)
      head.headers.Add(line.substr(0, colon), Trim(line.substr(colon + 1)));
    return line.size();
  }
  // Once, when the head is whole and is no redirect.
  bool Begin() {
    if (std::exchange(begun, true)) return true;
    head.status = static_cast<int>(Status());
    head.url = place.url;
    head.redirected = redirects > 0;
    if (head.status == 206) {
      ReadContentRange(head.Header("content-range"), head);
    } else {
      head.total = NumberOf(head.Header("content-length"));
    }
    const uint64_t wait = NumberOf(head.Header("retry-after"));
    head.retry_after_s = static_cast<int>(std::min<uint64_t>(wait, 24 * 3600));
    return sink.on_head(head) || Stop(Code::kCancelled, "not wanted any more") != 0;
  }
  size_t OnBody(std::string_view bytes) {
    if (IsRedirect(Status())) return bytes.size();  // its words are for nobody
    if (!Begin()) return 0;
    return sink.on_bytes(bytes) ? bytes.size() : Stop(Code::kCancelled, "not wanted any more");
  }
};

namespace {

template <class Transfer>
size_t HeaderCallback(char* data, size_t, size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->OnHeader({data, size});
}
template <class Transfer>
size_t BodyCallback(char* data, size_t, size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->OnBody({data, size});
}

}  // namespace

struct Downloads::State {
  DownloadOptions options;
  CURLM* multi = nullptr;
  uint64_t next_id = 1;
  std::vector<std::unique_ptr<Transfer>> running = {};
  std::vector<Ended> refused = {};  // that never began

  void SetUp(Transfer& transfer) {
    CURL* easy = transfer.easy;
    curl_easy_reset(easy);
    const Place& place = transfer.place;
    curl_easy_setopt(easy, CURLOPT_URL, place.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
    // One connection for each transfer: several streams of one would share its window.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Ms(options.connect));
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, Ms(options.stall) / 1000));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    if (IsThisMachine(place.host)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, HeaderCallback<Transfer>);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, BodyCallback<Transfer>);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    if (!transfer.wanted.whole) {
      const std::string range = fmt::format("{}-{}", transfer.wanted.first, transfer.wanted.last);
      curl_easy_setopt(easy, CURLOPT_RANGE, range.c_str());
    }
    curl_slist_free_all(transfer.fields);
    transfer.fields = nullptr;
    AddFields(transfer);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.fields);
  }

  static void AddFields(Transfer& transfer) {
    const Wanted& wanted = transfer.wanted;
    const auto add = [&](std::string_view name, const std::string& value) {
      if (value.empty() || !IsFieldValue(value)) return;
      const std::string field = fmt::format("{}: {}", name, value);
      transfer.fields = curl_slist_append(transfer.fields, field.c_str());
    };
    add("Accept", wanted.accept);
    if (!wanted.whole) add("If-Range", wanted.if_range);
    if (!wanted.token.empty() && transfer.place.SameOrigin(transfer.first))
      add("Authorization", "Bearer " + wanted.token);
  }

  // True when another hop began. A redirect that may not be followed is a failure.
  bool Redirect(Transfer& transfer) {
    if (!IsRedirect(transfer.Status()) || transfer.failure) return false;
    const auto next = PlaceOf(transfer.place.url, transfer.head.Header("location"));
    if (++transfer.redirects > kRedirectsMax) {
      transfer.Stop(Code::kInvalidArgument,
                    fmt::format("the server redirects more than {} times", kRedirectsMax));
      return false;
    }
    if (!next || (transfer.place.https() && !next->https())) {
      transfer.Stop(Code::kInvalidArgument,
                    "the server redirects to an address that is not https; it is not followed");
      transfer.failure->reason = "redirect_refused";
      return false;
    }
    curl_multi_remove_handle(multi, transfer.easy);
    transfer.place = *next;
    transfer.head = {};
    transfer.header_bytes = 0;
    SetUp(transfer);
    curl_multi_add_handle(multi, transfer.easy);
    return true;
  }

  Result<void> OutcomeOf(Transfer& transfer, CURLcode code) {
    // A body of no bytes never called OnBody.
    if (code == CURLE_OK && !transfer.failure) transfer.Begin();
    if (transfer.failure) return Fail(*transfer.failure);
    if (code != CURLE_OK) return Fail(ErrorOf(code));
    return {};
  }
};

Downloads::Downloads(DownloadOptions options) : state_(std::make_unique<State>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->options = std::move(options);
  state_->multi = curl_multi_init();
  CHECK(state_->multi != nullptr, "libcurl starts");
}

Downloads::~Downloads() {
  for (const auto& transfer : state_->running)
    curl_multi_remove_handle(state_->multi, transfer->easy);
  state_->running.clear();
  curl_multi_cleanup(state_->multi);
}

size_t Downloads::running() const { return state_->running.size() + state_->refused.size(); }

uint64_t Downloads::Start(Wanted wanted, Sink sink) {
  CHECK(running() < kDownloadsMax, "too many downloads at once");
  const uint64_t id = state_->next_id++;
  const auto place = PlaceOf("", wanted.url);
  if (!place) {
    state_->refused.push_back({id, Fail(Code::kInvalidArgument,
                                        "this address may not be fetched from; use one that starts "
                                        "with https:// (http:// is for "
                                        "this machine alone)",
                                        "url", "address_refused")});
    return id;
  }
  auto transfer = std::make_unique<Transfer>(id, std::move(wanted), std::move(sink), *place);
  CHECK(transfer->easy != nullptr, "libcurl makes a transfer");
  state_->SetUp(*transfer);
  curl_multi_add_handle(state_->multi, transfer->easy);
  state_->running.push_back(std::move(transfer));
  return id;
}

void Downloads::Drop(uint64_t id) {
  std::erase_if(state_->running, [&](const auto& transfer) {
    if (transfer->id != id) return false;
    curl_multi_remove_handle(state_->multi, transfer->easy);
    return true;
  });
}

std::vector<Ended> Downloads::Step(Duration patience) {
  std::vector<Ended> ended = std::exchange(state_->refused, {});
  int active = 0;
  curl_multi_perform(state_->multi, &active);
  int left = 0;
  if (ended.empty() && active == static_cast<int>(state_->running.size()) && active > 0) {
    curl_multi_poll(state_->multi, nullptr, 0, static_cast<int>(Ms(patience)), nullptr);
    curl_multi_perform(state_->multi, &active);
  }
  while (const CURLMsg* message = curl_multi_info_read(state_->multi, &left)) {
    const auto found = std::ranges::find_if(
        state_->running, [&](const auto& each) { return each->easy == message->easy_handle; });
    CHECK(found != state_->running.end(), "libcurl ends what was begun");
    const CURLcode code = message->data.result;
    if (code == CURLE_OK && state_->Redirect(**found)) continue;
    ended.push_back({(*found)->id, state_->OutcomeOf(**found, code)});
    Drop((*found)->id);
  }
  return ended;
}

Result<Document> Downloads::Get(const Wanted& wanted, size_t bytes_max) {
  Document document;
  bool too_large = false;
  const uint64_t id = Start(wanted, {.on_head =
                                         [&](const DownloadHead& head) {
                                           document.head = head;
                                           return true;
                                         },
                                     .on_bytes =
                                         [&](std::string_view bytes) {
                                           too_large =
                                               document.body.size() + bytes.size() > bytes_max;
                                           if (!too_large) document.body.append(bytes);
                                           return !too_large;
                                         }});
  for (;;) {
    for (const Ended& ended : Step(std::chrono::milliseconds(200))) {
      if (ended.id != id) continue;
      if (too_large) {
        return Fail(Code::kTooLarge, fmt::format("the answer is larger than {} bytes", bytes_max));
      }
      if (!ended.outcome) return Fail(ended.outcome.error());
      return document;
    }
  }
}

Result<DownloadHead> Downloads::Peek(const std::string& url, const std::string& token) {
  std::optional<DownloadHead> seen;
  const uint64_t id = Start({.url = url, .token = token, .whole = false, .first = 0, .last = 0},
                            {.on_head =
                                 [&](const DownloadHead& head) {
                                   seen = head;
                                   return false;
                                 },
                             .on_bytes = [](std::string_view) { return false; }});
  for (;;) {
    for (const Ended& ended : Step(std::chrono::milliseconds(200))) {
      if (ended.id != id) continue;
      if (seen) return std::move(*seen);
      if (!ended.outcome) return Fail(ended.outcome.error());
      return Fail(Code::kBackendFailed, "the server said nothing");
    }
  }
}

Error StatusError(std::string_view who, const DownloadHead& head) {
  switch (head.status) {
    case 401:
    case 403:
      return {Code::kUnauthenticated,
              fmt::format("{} asks for a token (status {}); accept the model's terms there, and "
                          "set HF_TOKEN",
                          who, head.status),
              {},
              "token_needed"};
    case 404:
    case 410:
      return {Code::kNotFound, fmt::format("{} has no such model or file; check the name", who),
              "model", "model_not_found"};
    case 429: {
      const int wait = head.retry_after_s;
      return {Code::kRateLimited,
              wait > 0 ? fmt::format("{} has had too many requests; try again in {} s", who, wait)
                       : fmt::format("{} has had too many requests; try again later", who),
              {},
              "hub_rate_limited",
              wait};
    }
    default:
      return {head.status >= 500 ? Code::kUnavailable : Code::kBackendFailed,
              fmt::format("{} answered with status {}; try again later", who, head.status),
              {},
              "hub_failed"};
  }
}

}  // namespace weir::http
