#include "privacy/label_inputs.h"

#include <utility>

namespace weir::privacy {
namespace {

std::string Line(chat::Label label, const std::string& why) {
  return "label " + std::string(chat::LabelName(label)) + ": " + why;
}

}  // namespace

Labelled JoinLabels(const LabelInputs& inputs, const std::optional<RuledLabel>& ruled,
                    chat::Label default_label) {
  Labelled result{.label = inputs.floor};
  const auto raise = [&](chat::Label label, const std::string& why) {
    const chat::Label joined = chat::Join(result.label, label);
    if (joined != result.label || result.why.empty()) result.why.push_back(Line(label, why));
    result.label = joined;
  };
  if (inputs.asserted) raise(*inputs.asserted, "the caller says so");
  if (inputs.passages) raise(*inputs.passages, "a passage that it was given has it");
  if (ruled) raise(ruled->label, "the rule in line " + std::to_string(ruled->line));
  if (inputs.recalled) raise(*inputs.recalled, "earlier turns had it");
  // Each of them stands there, also those that another one outranks.
  result.why.insert(result.why.end(), inputs.findings.begin(), inputs.findings.end());
  result.label = chat::Join(result.label, inputs.detected);
  if (!(inputs.asserted && inputs.may_assert)) {
    if (inputs.unreadable) raise(chat::Label::kUnscanned, "it has parts that are not text");
    if (inputs.unscanned) {
      raise(chat::Label::kUnscanned, "the detectors cannot read all of " + inputs.unscanned_at);
    }
  }
  // Not what is recalled: somebody spoke for the earlier turns, and nobody for the new ones.
  const bool said = inputs.asserted || ruled;
  if (!said || inputs.foreign_assistant) {
    raise(default_label, said              ? "the default, for an answer that was not given here"
                         : inputs.recalled ? "the default, for turns that nobody labelled"
                                           : "the default");
  }
  return result;
}

}  // namespace weir::privacy
