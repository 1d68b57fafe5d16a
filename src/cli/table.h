// Rows in columns, as wide as their widest cell. For people; scripts take --json.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void Add(std::vector<std::string> cells);  // names of others among them: nothing is obeyed
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_ = {};
};

std::string Bytes(uint64_t count);    // "93.8 MiB"
std::string Seconds(double seconds);  // "4m 32s"

}  // namespace weir::cli
