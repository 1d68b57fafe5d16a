#include "engine/prompt_images.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "llama/chat_check.h"

namespace weir::engine {
namespace {

std::unexpected<Error> At(Error error, const std::string& param) {
  error.param = param;
  return Fail(std::move(error));
}

// `prompt.tokens` with those of image i, which are images(i), where the template placed it.
template <class Images>
std::vector<llama::Token> Filled(const llama::RenderedPrompt& prompt, const Images& images) {
  std::vector<llama::Token> filled;
  size_t from = 0;
  const auto take_text = [&](size_t to) {
    filled.insert(filled.end(), prompt.tokens.begin() + static_cast<ptrdiff_t>(from),
                  prompt.tokens.begin() + static_cast<ptrdiff_t>(to));
    from = to;
  };
  for (const auto& place : prompt.images) {
    take_text(place.at);
    const std::vector<llama::Token>& image = images(place.image);
    filled.insert(filled.end(), image.begin(), image.end());
  }
  take_text(prompt.tokens.size());
  return filled;
}

}  // namespace

bool HasImages(const std::vector<chat::Message>& messages) {
  return std::ranges::any_of(messages, [](const chat::Message& message) {
    return std::ranges::any_of(message.parts, llama::IsImage);
  });
}

Result<PromptImages> PromptImages::Of(const std::vector<chat::Message>& messages) {
  PromptImages found;
  for (size_t i = 0; i < messages.size(); ++i) {
    for (size_t p = 0; p < messages[i].parts.size(); ++p) {
      const chat::Part& part = messages[i].parts[p];
      if (!llama::IsImage(part)) continue;
      std::string param = fmt::format("messages[{}].content[{}]", i, p);
      if (part.data.empty()) {
        return Fail(Code::kInvalidArgument, "the image has no bytes; a model here fetches nothing",
                    std::move(param), "image_missing");
      }
      found.images_.push_back({part.data, std::move(param)});
    }
  }
  if (found.images_.size() > llama::kImagesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the chat has {} images; the most is {}", found.images_.size(),
                            llama::kImagesMax),
                "messages", "too_many_images");
  }
  return found;
}

Result<std::vector<llama::Token>> PromptImages::TokensOf(const llama::RenderedPrompt& prompt,
                                                         const llama::Projector& projector) const {
  std::vector<std::vector<llama::Token>> images;
  for (const Image& image : images_) {
    auto tokens = projector.TokensOf(image.file);
    if (!tokens) return At(std::move(tokens.error()), image.param);
    images.push_back(std::move(*tokens));
  }
  return Filled(prompt, [&](size_t i) -> const auto& { return images[i]; });
}

Result<std::vector<llama::PlacedImage>> PromptImages::Encode(
    llama::RenderedPrompt& prompt, llama::Projector& projector,
    const std::atomic<bool>& cancelled) const {
  std::vector<std::shared_ptr<const llama::EncodedImage>> images;
  for (const Image& image : images_) {
    if (cancelled) return Fail(Code::kCancelled, "cancelled");
    auto encoded = projector.Encode(image.file, cancelled);
    if (!encoded) return At(std::move(encoded.error()), image.param);
    images.push_back(std::move(*encoded));
  }
  std::vector<llama::PlacedImage> placed;
  size_t before = 0;  // tokens of images that stand in front
  for (const auto& place : prompt.images) {
    placed.push_back({static_cast<int32_t>(place.at + before), images[place.image]});
    before += images[place.image]->tokens().size();
  }
  prompt.tokens = Filled(prompt, [&](size_t i) -> const auto& { return images[i]->tokens(); });
  prompt.images.clear();
  return placed;
}

}  // namespace weir::engine
