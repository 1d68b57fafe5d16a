#include "config/problems.h"

#include <fmt/format.h>

namespace weir::config {

std::string ToText(const Problem& problem) {
  if (problem.where.empty()) return problem.message;
  return fmt::format("{}: {}", problem.where, problem.message);
}

void Problems::Add(std::string where, std::string message) {
  if (list_.size() >= kMax) {
    ++left_out_;
    return;
  }
  list_.push_back({std::move(where), std::move(message)});
}

std::vector<Problem> Problems::Take() && {
  if (left_out_ > 0) list_.push_back({{}, fmt::format("and {} more problems", left_out_)});
  return std::move(list_);
}

}  // namespace weir::config
