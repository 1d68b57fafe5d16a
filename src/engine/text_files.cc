#include "engine/text_files.h"

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "chat/text_file.h"

namespace weir::engine {
void ReadTextFiles(std::vector<chat::Message>& messages) {
  for (chat::Message& message : messages) {
    for (chat::Part& part : message.parts) {
      if (!chat::IsTextFile(part)) continue;
      const std::string_view name = part.name;
      std::string text =
          fmt::format("File: {}\n\n{}\n\n", name.empty() ? "(without a name)" : name, part.data);
      part = {.text = std::move(text), .cache = part.cache};
    }
  }
}

}  // namespace weir::engine
