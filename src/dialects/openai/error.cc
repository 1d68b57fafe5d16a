#include "dialects/openai/error.h"

#include "base/check.h"
#include "json/writer.h"

namespace weir::openai {

std::string_view ErrorType(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kTimeout:
    case Code::kConflict:
    case Code::kTooLarge:
    case Code::kHeadersTooLarge:
    case Code::kUnprocessable:
      return "invalid_request_error";
    case Code::kUnauthenticated:
      return "authentication_error";
    case Code::kForbidden:
      return "permission_error";
    case Code::kNotFound:
      return "not_found_error";
    case Code::kRateLimited:
      return "rate_limit_error";
    case Code::kUnavailable:
      return "unavailable_error";
    case Code::kBackendFailed:
    case Code::kDeadlineExceeded:
    case Code::kInternal:
    case Code::kCancelled:
      return "server_error";
  }
  CHECK(false, "code out of range");
}

namespace {

// A field that is wrong has one code, whoever found it: the dialect or, later, the engine.
std::string_view Reason(const Error& error) {
  if (!error.reason.empty()) return error.reason;
  const bool of_field = error.code == Code::kInvalidArgument && !error.param.empty();
  return of_field ? "invalid_value" : CodeName(error.code);
}

}  // namespace

std::string RenderError(const Error& error) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("error").BeginObject();
  writer.Field("message", error.message).Field("type", ErrorType(error.code)).Key("param");
  if (error.param.empty()) {
    writer.Null();
  } else {
    writer.String(error.param);
  }
  writer.Field("code", Reason(error));
  writer.EndObject().EndObject();
  return out;
}

}  // namespace weir::openai
