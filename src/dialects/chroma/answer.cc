#include "dialects/chroma/answer.h"

#include "json/writer.h"

namespace weir::chroma {
namespace {

std::string_view Word(const Error& error) {
  if (error.reason == "batch_too_large") return "BatchSizeExceededError";
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kTooLarge:
    case Code::kHeadersTooLarge:
    case Code::kUnprocessable:
      return "InvalidArgumentError";
    case Code::kUnauthenticated:
      return "AuthError";
    case Code::kForbidden:
      return "AuthorizationError";
    case Code::kNotFound:
      return "NotFoundError";
    case Code::kConflict:
      return "UniqueConstraintError";
    case Code::kRateLimited:
      return "RateLimitError";
    default:
      return "InternalError";
  }
}

}  // namespace

std::string RenderError(const Error& error) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("error", Word(error)).Field("message", error.message);
  // Beyond Chroma's own: for programs.
  writer.Field("code",
               error.reason.empty() ? CodeName(error.code) : std::string_view(error.reason));
  writer.Key("param");
  if (error.param.empty()) {
    writer.Null();
  } else {
    writer.String(error.param);
  }
  writer.EndObject();
  return out;
}

}  // namespace weir::chroma
