#include "dialects/anthropic/error.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

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

std::string FieldOf(std::string_view param) {
  constexpr std::string_view kFunction = "].function";
  if (const size_t at = param.find(kFunction); param.starts_with("tools[") && at != param.npos) {
    std::string_view inside = param.substr(at + kFunction.size());
    std::string out(param.substr(0, at + 1));
    constexpr std::string_view kParameters = ".parameters";
    if (!inside.starts_with(kParameters)) return out += inside;
    return (out += ".input_schema") += inside.substr(kParameters.size());
  }
  if (param == "stop") return "stop_sequences";
  for (const auto& [theirs, ours] : {std::pair<std::string_view, std::string_view>{
                                         "response_format.json_schema", "output_config.format"},
                                     {"response_format", "output_config.format"},
                                     {"reasoning_effort", "output_config.effort"},
                                     {"reasoning_budget", "thinking.budget_tokens"}}) {
    if (param.starts_with(theirs)) return std::string(ours) += param.substr(theirs.size());
  }
  return std::string(param);
}

std::string FieldIn(std::span<const Origin> origins, std::string_view param) {
  constexpr std::string_view kMessages = "messages[";
  size_t at = 0;
  if (!param.starts_with(kMessages)) return std::string(param);
  const std::string_view behind = param.substr(kMessages.size());
  const auto number = std::from_chars(behind.data(), behind.data() + behind.size(), at);
  if (number.ec != std::errc() || at >= origins.size()) return std::string(param);
  const Origin& origin = origins[at];
  if (origin.message < 0) return "system";
  const std::string_view rest = behind.substr(static_cast<size_t>(number.ptr - behind.data()) + 1);
  return fmt::format("messages[{}]{}", origin.message,
                     origin.same_parts ? rest : std::string_view());
}

std::string RenderError(const Error& error, std::string_view request_id) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("type", "error").Key("error").BeginObject();
  writer.Field("type", ErrorType(error.code)).Field("message", error.message);
  writer.Field("code",
               error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason));
  if (!error.param.empty()) writer.Field("param", FieldOf(error.param));
  writer.EndObject();
  if (!request_id.empty()) writer.Field("request_id", request_id);
  writer.EndObject();
  return out;
}

}  // namespace weir::anthropic
