#include "chat/label.h"

#include "base/check.h"

namespace weir::chat {

int Rank(Label label) {
  return label == Label::kUnscanned ? Rank(Label::kSecret) : static_cast<int>(label);
}

Label Join(Label a, Label b) { return Rank(b) > Rank(a) ? b : a; }

bool Permits(Label ceiling, Label label) { return Rank(label) <= Rank(ceiling); }

std::string_view LabelName(Label label) {
  switch (label) {
    case Label::kPublic:
      return "public";
    case Label::kInternal:
      return "internal";
    case Label::kPersonal:
      return "personal";
    case Label::kSecret:
      return "secret";
    case Label::kUnscanned:
      return "unscanned";
  }
  CHECK(false, "label out of range");
}

std::optional<Label> LabelFromName(std::string_view name) {
  for (Label label : {Label::kPublic, Label::kInternal, Label::kPersonal, Label::kSecret}) {
    if (name == LabelName(label)) return label;
  }
  return std::nullopt;
}

}  // namespace weir::chat
