#include "chat/message.h"

#include "base/check.h"

namespace weir::chat {

std::string TextOf(const Message& message) {
  std::string text;
  for (const Part& part : message.parts) {
    if (part.kind == Part::Kind::kText) text += part.text;
  }
  return text;
}

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kDeveloper:
      return "developer";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  CHECK(false, "role out of range");
}

}  // namespace weir::chat
