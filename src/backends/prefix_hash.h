// What answers of one conversation share: the replica that has seen it probably still holds it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "chat/message.h"
#include "chat/request.h"

namespace weir::backends {

inline size_t PrefixHash(const chat::GenerateRequest& request) {
  std::string prefix;
  for (const auto& message : request.messages) {
    prefix += chat::TextOf(message);
    if (message.role == chat::Role::kUser) break;
  }
  for (const auto& prompt : request.prompts) prefix += prompt.text.substr(0, 256);
  return std::hash<std::string>()(prefix);
}

}  // namespace weir::backends
