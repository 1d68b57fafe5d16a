// Images of a chat on their way into its prompt: found in its messages, put where the template
// placed them, looked at by the model's projector.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/message.h"
#include "llama/chat_template.h"
#include "llama/projector.h"

namespace weir::engine {

bool HasImages(const std::vector<chat::Message>& messages);

// The images of `messages`, which must outlive this.
class PromptImages {
 public:
  // kInvalidArgument for more than llama::kImagesMax, and for one without bytes.
  static Result<PromptImages> Of(const std::vector<chat::Message>& messages);

  // The tokens of the whole prompt, with kNoToken for each row of an image: how many it has is
  // known before anything is computed. Any thread.
  Result<std::vector<llama::Token>> TokensOf(const llama::RenderedPrompt& prompt,
                                             const llama::Projector& projector) const;
  // Looks at the images, and puts what was seen into the tokens of `prompt`. One thread at a time.
  Result<std::vector<llama::PlacedImage>> Encode(llama::RenderedPrompt& prompt,
                                                 llama::Projector& projector,
                                                 const std::atomic<bool>& cancelled) const;

 private:
  struct Image {
    std::string_view file = {};
    std::string param = {};  // "messages[0].content[1]"
  };
  std::vector<Image> images_ = {};
};

}  // namespace weir::engine
