#include "dialects/provider/malformed.h"

#include <fmt/format.h>

#include "chat/provider.h"
#include "json/parse.h"

namespace weir::provider {

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kBackendFailed, fmt::format("the provider's answer {}", what), {},
              "provider_malformed");
}

std::unexpected<Error> Malformed(const json::Problem& problem) {
  return Malformed(fmt::format("is not in its dialect: {}", problem.error().message));
}

std::unexpected<Error> Cut() {
  return Fail(Code::kBackendFailed, "the provider's answer broke off before its end", {},
              "stream_cut");
}

std::unexpected<Error> FailedMidway(int status, std::string_view word) {
  return Fail(chat::ProviderStatusError(status, 0, word));
}

std::unexpected<Error> NotSupported(std::string param, std::string_view what) {
  return Fail(Code::kUnprocessable, fmt::format("the target's provider {}", what), std::move(param),
              "not_supported_by_target");
}

Result<json::Value> ParseAnswer(std::string_view text) {
  auto parsed = json::Parse(text, {.bytes = chat::kProviderAnswerBytesMax});
  if (!parsed) return Malformed("is not valid JSON, or beyond its bounds");
  return parsed;
}

}  // namespace weir::provider
