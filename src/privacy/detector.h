// Finds personal data and secrets in a text: identifiers of many countries, names, addresses,
// credentials, and the operator's own words and patterns. docs/labels.md says what it knows,
// docs/internals/detectors.md how it works.
//
// It reads a normalised copy (detection_copy.h), and reports places in the text that it was given.
// Time and memory are linear in the text and bounded: what is too long, is not text, or holds more
// than is kept, is reported as `unscanned`, which ranks with secret. Immutable: any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/label.h"
#include "privacy/entity_types.h"

namespace weir::privacy {

struct Finding {
  std::string_view type =
      {};            // a name of entity_types.h, or an own detector's; lives as long as it
  size_t begin = 0;  // bytes of the text; never inside a code point
  size_t end = 0;
  int score = 0;  // percent, 50 to 100
  chat::Label label = chat::Label::kPublic;
};

struct OwnDetector {
  std::string name = {};
  std::vector<std::string> words = {};  // whole words or phrases, in any case
  std::string pattern = {};             // RE2's syntax; either words or a pattern
  chat::Label label = chat::Label::kPersonal;
};

struct DetectorOptions {
  std::vector<Type> off = {};
  std::vector<std::pair<Type, chat::Label>> labels = {};  // instead of LabelOfType
  std::vector<OwnDetector> own = {};
};

class Detector {
 public:
  static constexpr size_t kTextMax = size_t{4} << 20;       // bytes of one text
  static constexpr size_t kOwnMax = 256;                    // own detectors
  static constexpr size_t kOwnWordsMax = size_t{64} << 10;  // bytes of all own words together

  // Invalid options are errors: `param` is "words" or "pattern", `reason` the detector's name.
  static Result<std::shared_ptr<const Detector>> Make(const DetectorOptions& options);
  ~Detector();
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;

  // In the order of their places; they do not overlap. What is `unscanned` covers the whole text or
  // the part that could not be read.
  std::vector<Finding> Find(std::string_view text) const;

 private:
  class Impl;
  explicit Detector(std::unique_ptr<const Impl> impl);

  std::unique_ptr<const Impl> impl_;
};

}  // namespace weir::privacy
