#include "server/prompt_tokens.h"

#include <utility>

namespace weir::server {

Task<Result<wire::Tokens>> PromptOf(Site& site, chat::GenerateRequest request) {
  const auto model = site.local_model(request.model);
  if (!model) co_return std::unexpected(model.error());
  co_return co_await site.fleet.Tokenize(*model, {.chat = std::move(request)});
}

}  // namespace weir::server
