// Errors in the words of the dialect that a client speaks, known from the route before anything
// else is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace weir::server {

enum class ErrorShape : uint8_t {
  kOpenAi,
  kResponses,
  kRerank,
  kAnthropic,
  kOllama,
  kLlamaCpp,
  kQdrant,
  kChroma
};

// By the path; and /v1/models, which two dialects have, by the anthropic-version header.
ErrorShape ErrorShapeOf(const http::Request& request);

// `weir`, if there is some, is the text of a JSON object, which becomes a member beside the error.
std::string RenderError(ErrorShape shape, const Error& error, std::string_view request_id,
                        std::string_view weir = "");

}  // namespace weir::server
