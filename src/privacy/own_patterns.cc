#include "privacy/own_patterns.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::privacy {
namespace {

re2::RE2::Options Options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return options;
}

}  // namespace

Result<void> OwnPatterns::Add(const std::string& pattern, uint16_t own) {
  auto expression = std::make_unique<re2::RE2>(pattern, Options());
  if (!expression->ok()) {
    return Fail(Code::kInvalidArgument, "is no regular expression of RE2: " + expression->error(),
                "pattern");
  }
  if (re2::RE2::PartialMatch("", *expression)) {
    return Fail(Code::kInvalidArgument, "matches the empty text, so it would match everywhere",
                "pattern");
  }
  patterns_.push_back({std::move(expression), own});
  return {};
}

void OwnPatterns::Compile() {
  if (patterns_.empty()) return;
  set_ = std::make_unique<re2::RE2::Set>(Options(), re2::RE2::UNANCHORED);
  for (const Pattern& pattern : patterns_) {
    CHECK(set_->Add(pattern.expression->pattern(), nullptr) >= 0, "a pattern that compiled alone");
  }
  if (!set_->Compile()) set_.reset();  // too much memory together: each is run by itself
}

bool OwnPatterns::Find(std::string_view text,
                       const std::function<void(size_t, size_t, uint16_t)>& tell) const {
  if (patterns_.empty()) return true;
  const re2::StringPiece piece(text.data(), text.size());
  std::vector<int> matching;
  re2::RE2::Set::ErrorInfo error{};
  bool all = true;
  if (set_ != nullptr && !set_->Match(piece, &matching, &error) &&
      error.kind == re2::RE2::Set::kNoError)
    return true;
  // Out of memory is no answer: then each of them is asked.
  if (set_ != nullptr && error.kind == re2::RE2::Set::kNoError) {
    for (const int index : matching) all &= Run(patterns_[static_cast<size_t>(index)], text, tell);
  } else {
    for (const Pattern& pattern : patterns_) all &= Run(pattern, text, tell);
  }
  return all;
}

bool OwnPatterns::Run(const Pattern& pattern, std::string_view text,
                      const std::function<void(size_t, size_t, uint16_t)>& tell) const {
  const re2::StringPiece piece(text.data(), text.size());
  re2::StringPiece found;
  size_t from = 0;
  for (size_t count = 0; from <= text.size(); ++count) {
    if (!pattern.expression->Match(piece, from, text.size(), re2::RE2::UNANCHORED, &found, 1))
      return true;
    if (count == kMatchesMax) return false;
    const auto begin = static_cast<size_t>(found.data() - text.data());
    if (!found.empty()) tell(begin, begin + found.size(), pattern.own);
    from = begin + std::max<size_t>(found.size(), 1);
  }
  return true;
}

}  // namespace weir::privacy
