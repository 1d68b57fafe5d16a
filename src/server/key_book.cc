#include "server/key_book.h"

namespace weir::server {

KeyBook::Line& KeyBook::LineOf(const chat::Principal& principal, std::string_view model) {
  const std::pair key(principal.key_id, std::string(model));
  auto found = lines_.find(key);
  if (found == lines_.end() && lines_.size() < kLinesMax) found = lines_.try_emplace(key).first;
  if (found == lines_.end()) return lines_[{"other", "other"}];
  found->second.key_name = principal.key_name;
  return found->second;
}

KeyBook::Seat::Seat(KeyBook& book, const chat::Principal& principal, std::string_view model)
    : book_(book), principal_(principal), line_(&book.LineOf(principal, model)) {
  ++line_->waiting;
}

KeyBook::Seat::~Seat() {
  --(running_ ? line_->running : line_->waiting);
  ++line_->requests;
}

void KeyBook::Seat::Run(std::string_view model) {
  if (running_) return;
  running_ = true;
  --line_->waiting;
  line_ = &book_.LineOf(principal_, model);
  ++line_->running;
}

void KeyBook::Count(const chat::Principal& principal, std::string_view model,
                    const chat::Usage& usage) {
  Line& line = LineOf(principal, model);
  line.prompt_tokens += usage.prompt_tokens.value_or(0);
  line.cached_tokens += usage.cached_tokens.value_or(0);
  line.completion_tokens += usage.completion_tokens.value_or(0);
}

}  // namespace weir::server
