// What the label of a request is joined from, and the join: one place for the request that is here
// now and for one that is decided again from what was kept of it. Pure; no text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/label.h"
#include "privacy/label_rules.h"

namespace weir::privacy {

struct LabelInputs {
  chat::Label floor = chat::Label::kPublic;  // of the key
  std::optional<chat::Label> asserted = {};  // x-weir-label
  bool may_assert = false;                   // it covers what cannot be read
  std::optional<chat::Label> passages = {};  // the highest of those that the request was given
  std::optional<chat::Label> recalled = {};  // of earlier turns
  bool foreign_assistant = false;            // an assistant's turn that nobody here wrote
  chat::Label detected = chat::Label::kPublic;
  std::vector<std::string> findings = {};  // a line for each type that was found
  bool unscanned = false;                  // the detectors could not read a text
  std::string unscanned_at = {};           // the first such place
  bool unreadable = false;                 // it has parts that are not text, or token ids

  bool operator==(const LabelInputs&) const = default;
};

// The label of a request, and why it has it.
struct Labelled {
  chat::Label label = chat::Label::kUnscanned;
  std::vector<std::string> why = {};  // a line for each thing that raised it
};

// It only rises: a finding below the default does not lower it, nor do earlier turns. The default
// counts where neither the caller nor a rule says anything about this request, or somebody else
// wrote an assistant's turn.
Labelled JoinLabels(const LabelInputs& inputs, const std::optional<RuledLabel>& ruled,
                    chat::Label default_label);

}  // namespace weir::privacy
