#include "server/call.h"

#include <utility>

#include "base/random.h"
#include "server/status.h"
#include "server/weir_object.h"

namespace weir::server {

std::string NewRequestId() { return NewId("req_"); }

http::Reply HeadOf(int status, std::string_view content_type, ErrorShape shape,
                   std::string_view request_id) {
  http::Reply reply{.status = status};
  reply.headers.Add("content-type", content_type);
  reply.headers.Add("x-request-id", request_id);
  if (shape == ErrorShape::kAnthropic) reply.headers.Add("request-id", request_id);
  return reply;
}

http::Reply Call::Head(int status_code, std::string_view content_type) {
  status = status_code;
  return HeadOf(status_code, content_type, shape, request_id);
}

http::Reply Call::HeadOfDownload() {
  http::Reply head = Head(200, "application/octet-stream");
  head.headers.Add("x-content-type-options", "nosniff");
  head.headers.Add("content-disposition", "attachment");
  return head;
}

Task<Result<void>> Call::SendJson(int status_code, std::string body) {
  http::Reply reply = Head(status_code, "application/json");
  reply.body = std::move(body);
  co_return co_await exchange.Send(std::move(reply));
}

Task<Result<void>> Call::SendError(const Error& error) {
  const int code = allowed.empty() ? HttpStatus(error.code) : 405;
  http::Reply reply = Head(code, "application/json");
  if (error.retry_after_s > 0) {
    reply.headers.Add("retry-after", std::to_string(error.retry_after_s));
  } else if (code == 503 || (code == 429 && error.reason != "budget_exhausted")) {
    reply.headers.Add("retry-after", "1");
  }
  if (code == 405) reply.headers.Add("allow", allowed);
  if (code == 401) reply.headers.Add("www-authenticate", "Bearer");
  std::string weir;
  if (unanswered) {
    const routing::Target* target = unanswered->target ? &*unanswered->target : nullptr;
    AddDecisionHeaders(reply, unanswered->decision_id, target, unanswered->decision.label);
    if (asked.explain) {
      weir = RenderWeirObject({.decision_id = unanswered->decision_id,
                               .target = target,
                               .decision = unanswered->decision,
                               .explain = true});
    }
  }
  if (field_of && !error.param.empty()) {
    Error named = error;
    named.param = field_of(error.param);
    reply.body = RenderError(shape, named, request_id, weir);
  } else {
    reply.body = RenderError(shape, error, request_id, weir);
  }
  co_return co_await exchange.Send(std::move(reply));
}

void AddDecisionHeaders(http::Reply& reply, std::string_view decision_id,
                        const routing::Target* target, chat::Label label) {
  reply.headers.Add("x-weir-decision", decision_id);
  if (target != nullptr) {
    reply.headers.Add("x-weir-target", target->name);
    reply.headers.Add("x-weir-tier", routing::TierName(target->tier));
  }
  reply.headers.Add("x-weir-label", chat::LabelName(label));
}

}  // namespace weir::server
