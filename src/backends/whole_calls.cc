// What ProviderFleet asks in one piece.
#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>

#include "backends/provider_errors.h"
#include "backends/provider_fleet.h"
#include "base/random.h"

namespace weir::backends {
namespace {

std::unexpected<Error> HasNo(std::string_view what, const ProviderTarget& target) {
  return Fail(AtTarget({Code::kUnprocessable, fmt::format("its provider has no {}", what), "model",
                        "not_supported_by_target"},
                       target.name));
}

std::unexpected<Error> CountsNoTokens(const ProviderTarget& target) {
  return Fail(AtTarget(
      {Code::kUnprocessable, "its provider cuts no text to a number of tokens; leave that out",
       "input_tokens_max", "not_supported_by_target"},
      target.name));
}

}  // namespace

Task<Result<chat::Embeddings>> ProviderFleet::Embed(ProviderAsk ask, chat::EmbedRequest request,
                                                    std::vector<std::string>& notes) {
  const auto asked = std::make_shared<const chat::EmbedRequest>(std::move(request));
  const auto vectors = std::make_shared<std::optional<chat::Embeddings>>();
  const WriteWhole write = [asked, vectors](const ProviderTarget& target) -> Result<WholeCall> {
    const chat::ProviderDialect& dialect = *target.dialect;
    if (dialect.write_embed == nullptr) return HasNo("embeddings", target);
    const bool counts = asked->input_tokens_max.value_or(chat::kModelInput) != chat::kModelInput;
    if (counts) return CountsNoTokens(target);
    auto call = dialect.write_embed(*asked, target.model, target.quirks);
    if (!call) return Fail(AtTarget(std::move(call.error()), target.name));
    return WholeCall{std::move(*call), [&dialect, asked, vectors](std::string_view body) {
                       auto read = dialect.read_embed(*asked, body);
                       if (!read) return Result<chat::Usage>(Fail(std::move(read.error())));
                       *vectors = std::move(*read);
                       return Result<chat::Usage>((*vectors)->usage);
                     }};
  };
  const auto done = co_await AskWhole(std::move(ask), write, notes);
  if (!done) co_return std::unexpected(done.error());
  co_return std::move(**vectors);
}

Task<Result<chat::Transcription>> ProviderFleet::Transcribe(ProviderAsk ask,
                                                            const chat::TranscribeRequest& request,
                                                            std::vector<std::string>& notes) {
  const auto said = std::make_shared<std::optional<chat::Transcription>>();
  const WriteWhole write = [&request, said](const ProviderTarget& target) -> Result<WholeCall> {
    const chat::ProviderDialect& dialect = *target.dialect;
    if (dialect.write_transcription == nullptr) return HasNo("transcription", target);
    auto call =
        dialect.write_transcription(request, target.model, target.quirks, NewId("weir-form-"));
    if (!call) return Fail(AtTarget(std::move(call.error()), target.name));
    return WholeCall{std::move(*call), [&dialect, said](std::string_view body) {
                       auto read = dialect.read_transcription(body);
                       if (!read) return Result<chat::Usage>(Fail(std::move(read.error())));
                       *said = std::move(*read);
                       return Result<chat::Usage>((*said)->usage);
                     }};
  };
  const auto done = co_await AskWhole(std::move(ask), write, notes);
  if (!done) co_return std::unexpected(done.error());
  co_return std::move(**said);
}

}  // namespace weir::backends
