// What is wrong with a configuration: all of it, not only the first, up to a bound.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weir::config {

struct Problem {
  std::string where = {};    // "weir.toml:12:5", "--listen", "WEIR_LISTEN", or empty
  std::string message = {};  // what, and what to do; never a value that may be a secret

  bool operator==(const Problem&) const = default;
};
std::string ToText(const Problem& problem);  // "weir.toml:12:5: unknown key ..."

class Problems {
 public:
  static constexpr size_t kMax = 50;

  void Add(std::string where, std::string message);
  bool empty() const { return list_.empty(); }
  // In the order in which they were found; when there were more than kMax, the last one says how
  // many.
  std::vector<Problem> Take() &&;

 private:
  std::vector<Problem> list_;
  size_t left_out_ = 0;
};

}  // namespace weir::config
