// The normaliser and all detectors, with a few own ones, over any bytes: findings lie in the text,
// in order, apart from each other, and not inside a code point.
#include "base/check.h"
#include "base/utf8.h"
#include "privacy/detection_copy.h"
#include "privacy/detector.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using weir::privacy::Detector;
  static const auto detector = Detector::Make({.own = {{.name = "words",
                                                        .words = {"heron", "Łódka"},
                                                        .label = weir::chat::Label::kSecret},
                                                       {.name = "pattern",
                                                        .pattern = "[a-f]+-[0-9]{2,5}",
                                                        .label = weir::chat::Label::kInternal}}})
                                   .value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const weir::privacy::DetectionCopy copy(text);
  if (!copy.text().empty()) {
    const auto whole = copy.Original({0, copy.text().size()});
    CHECK(whole.begin < whole.end && whole.end <= size, "the copy maps into the text");
  }
  const bool valid = weir::IsValidUtf8(text);
  size_t end = 0;
  for (const auto& finding : detector->Find(text)) {
    CHECK(finding.begin >= end && finding.begin < finding.end && finding.end <= size,
          "in order, and inside");
    CHECK(!valid || weir::IsValidUtf8(text.substr(finding.begin, finding.end - finding.begin)),
          "on borders");
    CHECK(finding.score >= 50 && finding.score <= 100, "a score");
    end = finding.end;
  }
  return 0;
}
