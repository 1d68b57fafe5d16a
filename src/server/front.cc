#include "server/front.h"

#include <fmt/core.h>

#include <charconv>
#include <exception>
#include <typeinfo>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "keys/scopes.h"
#include "server/idempotency.h"
#include "server/route_table.h"
#include "server/status.h"

namespace weir::server {
namespace {

constexpr size_t kNameBytesMax = 256;                 // x-weir-project, x-weir-user
constexpr int64_t kDeadlineMsMax = 24 * 3600 * 1000;  // x-weir-deadline-ms

// What a header says that may come once. Twice with two values it would say what the last proxy on
// the way, or the client behind it, did not mean.
Result<std::optional<std::string_view>> OneValue(const http::Request& request,
                                                 std::string_view name) {
  const auto first = request.headers.Find(name);
  for (size_t i = 0; i < request.headers.size(); ++i) {
    if (!http::EqualsIgnoreCase(request.headers.name(i), name)) continue;
    if (request.headers.value(i) == *first) continue;
    return Fail(Code::kInvalidArgument,
                fmt::format("{} came more than once, with different values", name),
                std::string(name));
  }
  return first;
}

// The highest of those that were sent: who puts one more on the way may raise it, and not lower it.
Result<std::optional<chat::Label>> LabelHeader(const http::Request& request) {
  constexpr std::string_view kName = "x-weir-label";
  std::optional<chat::Label> joined;
  for (size_t i = 0; i < request.headers.size(); ++i) {
    if (!http::EqualsIgnoreCase(request.headers.name(i), kName)) continue;
    const auto label = chat::LabelFromName(request.headers.value(i));
    if (!label) {
      return Fail(Code::kInvalidArgument, "x-weir-label takes public, internal, personal or secret",
                  std::string(kName));
    }
    joined = joined ? chat::Join(*joined, *label) : *label;
  }
  return joined;
}

Result<std::string> NameHeader(const http::Request& request, std::string_view name) {
  const auto one = OneValue(request, name);
  if (!one) return std::unexpected(one.error());
  const std::string_view value = one->value_or("");
  if (value.size() > kNameBytesMax || !IsValidUtf8(value)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} takes at most {} bytes of UTF-8", name, kNameBytesMax),
                std::string(name));
  }
  return std::string(value);
}

Result<std::optional<Duration>> DeadlineHeader(const http::Request& request) {
  const auto one = OneValue(request, "x-weir-deadline-ms");
  if (!one) return std::unexpected(one.error());
  const std::optional<std::string_view> value = *one;
  if (!value) return std::nullopt;
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), ms);
  if (error != std::errc() || end != value->data() + value->size() || ms < 1 ||
      ms > kDeadlineMsMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("x-weir-deadline-ms takes milliseconds from 1 to {}", kDeadlineMsMax),
                "x-weir-deadline-ms");
  }
  return std::chrono::milliseconds(ms);
}

Result<std::optional<chat::Priority>> PriorityHeader(const http::Request& request) {
  const auto value = OneValue(request, "x-weir-priority");
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  if (**value == "interactive") return chat::Priority::kInteractive;
  if (**value == "batch") return chat::Priority::kBatch;
  if (**value == "background") return chat::Priority::kBackground;
  return Fail(Code::kInvalidArgument, "x-weir-priority takes interactive, batch or background",
              "x-weir-priority");
}

Result<routing::Tier> TierHeader(const http::Request& request) {
  const auto value = OneValue(request, "x-weir-route");
  if (!value) return std::unexpected(value.error());
  if (!*value) return routing::Tier::kCloud;
  if (const auto tier = routing::TierFromName(**value)) return *tier;
  return Fail(Code::kInvalidArgument, "x-weir-route takes device, edge or cloud", "x-weir-route");
}

Result<bool> SwitchHeader(const http::Request& request, std::string_view name) {
  const auto one = OneValue(request, name);
  if (!one) return std::unexpected(one.error());
  const std::string_view value = one->value_or("0");
  if (value == "0" || value == "1") return value == "1";
  return Fail(Code::kInvalidArgument, fmt::format("{} takes 1, or 0", name), std::string(name));
}

// Takes the request's place within its key's limits, and gives it back whatever happens.
class MeterSeat {
 public:
  MeterSeat(Site& site, const keys::Caller& caller, const Call& call)
      : site_(site), caller_(caller), call_(call) {}
  ~MeterSeat() {
    if (!seated_) return;
    site_.meter.Done(caller_.principal.key_id, caller_.limits, call_.tokens, site_.clock.Now());
  }
  MeterSeat(const MeterSeat&) = delete;
  MeterSeat& operator=(const MeterSeat&) = delete;

  Result<void> Take() {
    if (caller_.principal.key_id.empty()) return {};
    auto admitted = site_.meter.Admit(caller_.principal.key_id, caller_.limits, site_.clock.Now());
    seated_ = admitted.has_value();
    return admitted;
  }

 private:
  Site& site_;
  const keys::Caller& caller_;
  const Call& call_;
  bool seated_ = false;
};

// The time depends on the lengths alone. An empty secret fits nothing.
bool SameInConstantTime(std::string_view presented, std::string_view secret) {
  if (secret.empty() || presented.size() != secret.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < secret.size(); ++i) {
    difference |= static_cast<unsigned char>(presented[i] ^ secret[i]);
  }
  return difference == 0;
}

Result<keys::Caller> Identify(Site& site, const http::Request& request) {
  // Without keys everybody on this machine is its operator.
  if (!site.keys.HasKeys()) return keys::Caller{.principal = {.may_assert_label = true}};
  const Result<std::string> credential = Credential(request);
  if (!credential) return std::unexpected(credential.error());
  if (SameInConstantTime(*credential, site.operator_token)) return keys::Caller{};
  return site.keys.Identify(*credential, site.clock.WallNow());
}

Error NoRoute(const Match& match, const http::Request& request) {
  if (!match.allowed.empty()) {
    return {Code::kInvalidArgument,
            fmt::format("this path takes {}", match.allowed),
            {},
            "method_not_allowed"};
  }
  const bool short_enough = request.path.size() <= kNameBytesMax && IsValidUtf8(request.path);
  return {Code::kNotFound,
          short_enough ? fmt::format("there is nothing at {} {}", request.method, request.path)
                       : "there is nothing at this path",
          {},
          "unknown_route"};
}

// Everything between the socket and a handler; an Error here is the answer.
Task<Result<void>> Enter(Site& site, Call& call, const Match& match, RecordedExchange* recorded) {
  const http::Request& request = call.request();
  if (match.route != nullptr && match.route->open) {
    co_await match.route->handler(site, call);
    co_return Result<void>();
  }
  const Result<keys::Caller> caller = Identify(site, request);
  if (!caller) co_return std::unexpected(caller.error());
  if (match.route == nullptr) {
    call.allowed = match.allowed;
    co_return Fail(NoRoute(match, request));
  }
  if (auto may = keys::RequireScope(caller->principal, match.route->scope); !may) co_return may;
  Result<gateway::Asked> asked = AskedOf(request, caller->principal);
  if (!asked) co_return std::unexpected(asked.error());
  call.asked = std::move(*asked);
  call.tail = match.tail;
  MeterSeat seat(site, *caller, call);
  if (match.route->scope == chat::Scope::kInference) {
    if (auto taken = seat.Take(); !taken) co_return taken;
  }
  if (recorded != nullptr) {
    const auto key = OneValue(request, kIdempotencyKey);
    if (!key) co_return std::unexpected(key.error());
    co_return co_await AnswerOnce(site, call, std::string(key->value_or("")), *recorded,
                                  *match.route);
  }
  co_await match.route->handler(site, call);
  co_return Result<void>();
}

// Nothing of ours throws, but memory ends and libraries have bugs: the caller gets an answer, and
// the words of the exception, which may hold what the client sent, go nowhere.
Task<Result<void>> EnterAndCatch(Site& site, Call& call, const Match& match,
                                 RecordedExchange* recorded) {
  try {
    co_return co_await Enter(site, call, match, recorded);
  } catch (const std::exception& error) {
    LogError("{}: a handler threw {}", call.request_id, typeid(error).name());
  }
  co_return Fail(Code::kInternal, "the server failed to answer this request");
}

}  // namespace

Result<std::string> Credential(const http::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  std::optional<std::string_view> key;
  for (const char* name : {"authorization", "x-api-key", "api-key", "x-chroma-token"}) {
    if (request.headers.Count(name) > 1) {
      return Fail(Code::kUnauthenticated, "a request names one key, once", {}, "key_ambiguous");
    }
    auto value = request.headers.Find(name);
    if (!value) continue;
    if (std::string_view(name) == "authorization") {
      if (value->size() <= kScheme.size() ||
          !http::EqualsIgnoreCase(value->substr(0, kScheme.size()), kScheme)) {
        return Fail(Code::kUnauthenticated, "the Authorization header takes 'Bearer <key>'", {},
                    "key_malformed");
      }
      value = value->substr(kScheme.size());
    }
    if (key && *key != *value) {
      return Fail(Code::kUnauthenticated,
                  "the headers with a key (Authorization, x-api-key, api-key, x-chroma-token) name "
                  "different ones; send one",
                  {}, "key_ambiguous");
    }
    key = value;
  }
  return std::string(key.value_or(""));
}

Result<gateway::Asked> AskedOf(const http::Request& request, chat::Principal principal) {
  gateway::Asked asked{.principal = std::move(principal)};
  const auto label = LabelHeader(request);
  if (!label) return std::unexpected(label.error());
  asked.label = *label;
  const auto tier = TierHeader(request);
  if (!tier) return std::unexpected(tier.error());
  asked.tier_max = *tier;
  auto project = NameHeader(request, "x-weir-project");
  if (!project) return std::unexpected(project.error());
  // A key that belongs to a project speaks for that one alone.
  if (asked.principal.project.empty()) asked.principal.project = std::move(*project);
  auto user = NameHeader(request, "x-weir-user");
  if (!user) return std::unexpected(user.error());
  asked.principal.user = std::move(*user);
  asked.principal.peer = request.peer;
  auto deadline = DeadlineHeader(request);
  if (!deadline) return std::unexpected(deadline.error());
  asked.deadline = *deadline;
  const auto priority = PriorityHeader(request);
  if (!priority) return std::unexpected(priority.error());
  asked.priority = *priority;
  auto explain = SwitchHeader(request, "x-weir-explain");
  if (!explain) return std::unexpected(explain.error());
  asked.explain = *explain;
  auto progress = SwitchHeader(request, "x-weir-progress");
  if (!progress) return std::unexpected(progress.error());
  asked.progress = *progress;
  return asked;
}

Task<void> Serve(Site& site, http::Exchange& exchange) {
  const MonotonicTime start = site.clock.Now();
  const http::Request& request = exchange.request();
  const Match match = FindRoute(Routes(), request.method, request.path);
  std::optional<RecordedExchange> recorded;
  if (HasIdempotencyKey(site, match, request)) recorded.emplace(exchange);
  Call call{.exchange = recorded ? *recorded : exchange,
            .request_id = NewRequestId(),
            .shape = ErrorShapeOf(request)};
  const std::string_view route = match.route == nullptr ? "none" : match.route->path;
  const Result<void> entered =
      co_await EnterAndCatch(site, call, match, recorded ? &*recorded : nullptr);
  if (!entered && !exchange.replied() && !exchange.ClientGone()) {
    co_await call.SendError(entered.error());
  }
  if (exchange.ClientGone()) site.metrics.CountClientGone();
  if (call.failed_in_stream) site.metrics.CountBrokenStream();
  const int status = exchange.ClientGone() && call.status == 0 ? 499 : call.status;
  const Duration took = site.clock.Now() - start;
  site.metrics.CountRequest(route, status, took);
  LogDebug("{} {} {} {:.1f} ms", call.request_id, route, status, Milliseconds(took));
}

http::Reply RenderRefusal(const http::Refusal& refusal, const http::Request* request) {
  Code code = Code::kInvalidArgument;
  switch (refusal.status) {
    case 403:
      code = Code::kForbidden;
      break;
    case 408:
      code = Code::kTimeout;
      break;
    case 413:
      code = Code::kTooLarge;
      break;
    case 431:
      code = Code::kHeadersTooLarge;
      break;
    case 503:
      code = Code::kUnavailable;
      break;
    default:
      break;
  }
  const ErrorShape shape = request == nullptr ? ErrorShape::kOpenAi : ErrorShapeOf(*request);
  const std::string request_id = NewRequestId();
  http::Reply reply = HeadOf(refusal.status, "application/json", shape, request_id);
  if (refusal.status == 503) reply.headers.Add("retry-after", "5");
  reply.body =
      RenderError(shape, {code, refusal.message, {}, std::string(refusal.reason)}, request_id);
  return reply;
}

}  // namespace weir::server
