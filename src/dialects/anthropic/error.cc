#include "dialects/anthropic/error.h"

#include "base/check.h"
#include "json/writer.h"

namespace weir::anthropic {

std::string_view ErrorType(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kConflict:
    case Code::kUnprocessable:
    case Code::kHeadersTooLarge:
      return "invalid_request_error";
    case Code::kUnauthenticated:
      return "authentication_error";
    case Code::kForbidden:
      return "permission_error";
    case Code::kNotFound:
      return "not_found_error";
    case Code::kTooLarge:
      return "request_too_large";
    case Code::kRateLimited:
      return "rate_limit_error";
    case Code::kUnavailable:
      return "overloaded_error";
    case Code::kTimeout:
    case Code::kDeadlineExceeded:
      return "timeout_error";
    case Code::kBackendFailed:
    case Code::kInternal:
    case Code::kCancelled:
      return "api_error";
  }
  CHECK(false, "code out of range");
}

std::string RenderError(const Error& error, std::string_view request_id) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("type", "error").Key("error").BeginObject();
  writer.Field("type", ErrorType(error.code)).Field("message", error.message);
  writer.Field("code",
               error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason));
  if (!error.param.empty()) writer.Field("param", error.param);
  writer.EndObject();
  if (!request_id.empty()) writer.Field("request_id", request_id);
  writer.EndObject();
  return out;
}

}  // namespace weir::anthropic
