#include "server/error_shape.h"

#include "dialects/anthropic/error.h"
#include "dialects/chroma/answer.h"
#include "dialects/llamacpp/error.h"
#include "dialects/ollama/error.h"
#include "dialects/openai/error.h"
#include "dialects/qdrant/answer.h"
#include "dialects/rerank/rerank.h"
#include "dialects/responses/error.h"

namespace weir::server {

ErrorShape ErrorShapeOf(const http::Request& request) {
  const std::string_view path = request.path;
  if (path.starts_with("/api/v2") || path.starts_with("/api/v1")) return ErrorShape::kChroma;
  if (path.starts_with("/api/")) return ErrorShape::kOllama;
  const bool models = path == "/v1/models" || path.starts_with("/v1/models/");
  if (path == "/v1/messages" || path.starts_with("/v1/messages/") ||
      (models && request.headers.Find("anthropic-version"))) {
    return ErrorShape::kAnthropic;
  }
  if (path == "/v1/responses" || path.starts_with("/v1/responses/")) return ErrorShape::kResponses;
  if (path == "/completion" || path == "/completions" || path == "/infill")
    return ErrorShape::kLlamaCpp;
  if (path.ends_with("/rerank")) return ErrorShape::kRerank;
  if (path == "/" || path == "/aliases" || path == "/collections" ||
      path.starts_with("/collections/")) {
    return ErrorShape::kQdrant;
  }
  return ErrorShape::kOpenAi;
}

namespace {

std::string RenderPlain(ErrorShape shape, const Error& error, std::string_view request_id) {
  switch (shape) {
    case ErrorShape::kOpenAi:
      break;
    case ErrorShape::kResponses:
      return responses::RenderError(error);
    case ErrorShape::kRerank:
      return rerank::RenderError(error);
    case ErrorShape::kAnthropic:
      return anthropic::RenderError(error, request_id);
    case ErrorShape::kOllama:
      return ollama::RenderError(error);
    case ErrorShape::kLlamaCpp:
      return llamacpp::RenderError(error);
    case ErrorShape::kQdrant:
      return qdrant::RenderError(error);
    case ErrorShape::kChroma:
      return chroma::RenderError(error);
  }
  return openai::RenderError(error);
}

}  // namespace

std::string RenderError(ErrorShape shape, const Error& error, std::string_view request_id,
                        std::string_view weir) {
  std::string body = RenderPlain(shape, error, request_id);
  if (weir.empty()) return body;
  body.pop_back();  // every dialect's error is an object
  return body.append(",\"weir\":").append(weir).append("}");
}

}  // namespace weir::server
