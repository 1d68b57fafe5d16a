// What Preparation does for requests of vectors, and of ranks.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "engine/check_tokens.h"
#include "engine/preparation.h"

namespace weir::engine {

Result<void> Preparation::CheckDimensions(int32_t asked) const {
  const int32_t all = embedder_->size();
  if (asked == all) return {};
  if (limits_.dimensions_min == 0) {
    return Fail(Code::kInvalidArgument,
                fmt::format("dimensions can only be {}: this model is not known to be trained for "
                            "shorter vectors",
                            all),
                "dimensions", "unsupported_value");
  }
  const int32_t least = std::min(limits_.dimensions_min, all);
  if (asked >= least && asked < all) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("dimensions must lie between {} and {}", least, all), "dimensions");
}

Result<PreparedEmbed> Preparation::Prepare(const wire::Embed& asked,
                                           const std::atomic<bool>& cancelled) const {
  if (embedder_ == nullptr) {
    return Fail(Code::kUnprocessable, "this model does not make embeddings here", "model",
                "not_an_embedding_model");
  }
  const chat::EmbedRequest& request = asked.request;
  if (request.input_tokens_max.value_or(1) < 1) {
    return Fail(Code::kInvalidArgument, "inputs are cut to a token at least", "input_tokens_max");
  }
  if (request.inputs.empty() || request.inputs.size() > kInputsMax) {
    return Fail(Code::kInvalidArgument, fmt::format("input takes 1 to {} texts", kInputsMax),
                "input");
  }
  if (embedder_->ranks()) return PreparePairs(asked, cancelled);
  PreparedEmbed prepared{.caller = asked.caller, .priority = request.priority};
  if (request.dimensions) {
    if (auto checked = CheckDimensions(*request.dimensions); !checked) {
      return std::unexpected(checked.error());
    }
    prepared.dimensions = *request.dimensions;
  }
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (cancelled) return Fail(Cancelled());
    const std::string param = fmt::format("input[{}]", i);
    const chat::Prompt& input = request.inputs[i];
    if (!input.tokens.empty()) {
      if (auto checked = CheckTokens(model_.vocabulary(), input.tokens, param); !checked) {
        return std::unexpected(checked.error());
      }
      if (input.tokens.size() > static_cast<size_t>(embedder_->input_tokens_max())) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("the input has {} tokens; this model takes at most {}",
                                input.tokens.size(), embedder_->input_tokens_max()),
                    param, "context_length_exceeded");
      }
      prepared.inputs.push_back(input.tokens);
      continue;
    }
    const bool query = request.ranks && i == 0;
    auto tokens = embedder_->Prepare(input.text, query ? std::nullopt : request.input_tokens_max);
    if (!tokens) {
      Error error = std::move(tokens.error());
      error.param = param;
      return Fail(std::move(error));
    }
    prepared.inputs.push_back(std::move(*tokens));
  }
  return prepared;
}

// Every document with the query, which is the first input.
Result<PreparedEmbed> Preparation::PreparePairs(const wire::Embed& asked,
                                                const std::atomic<bool>& cancelled) const {
  const chat::EmbedRequest& request = asked.request;
  if (!request.ranks) {
    return Fail(Code::kUnprocessable, "this model ranks documents; it makes no embeddings", "model",
                "not_an_embedding_model");
  }
  if (request.dimensions) {
    return Fail(Code::kInvalidArgument, "a model that ranks gives no vectors to be shortened",
                "dimensions", "unsupported_value");
  }
  PreparedEmbed prepared{.caller = asked.caller, .priority = request.priority, .ranked = true};
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (cancelled) return Fail(Cancelled());
    const std::string param = fmt::format("input[{}]", i);
    if (!request.inputs[i].tokens.empty()) {
      return Fail(Code::kInvalidArgument, "a model that ranks takes texts, not tokens", param);
    }
    if (i == 0) continue;
    auto tokens = embedder_->PreparePair(request.inputs[0].text, request.inputs[i].text,
                                         request.input_tokens_max);
    if (!tokens) {
      Error error = std::move(tokens.error());
      error.param = param;
      return Fail(std::move(error));
    }
    prepared.inputs.push_back(std::move(*tokens));
  }
  if (prepared.inputs.empty()) {
    return Fail(Code::kInvalidArgument, "there is no document behind the query", "input");
  }
  return prepared;
}

}  // namespace weir::engine
