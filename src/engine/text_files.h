// Files of plain text that a chat holds become text of it, under a line with their name: a local
// model reads words alone. Other files stay what they are, for the chat template to refuse.
#pragma once

#include <vector>

#include "chat/message.h"

namespace weir::engine {

void ReadTextFiles(std::vector<chat::Message>& messages);

}  // namespace weir::engine
