// The words over the columns of a text that is rows of cells: CSV, or a table with bars. What
// stands alone in a cell means what the head of its column says, however far below it lies. Private
// to the detectors; a Scan makes one when a number's meaning hangs on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "privacy/entity_types.h"

namespace weir::privacy {

// A word that makes numbers near it mean something. In bytes of the detection copy.
struct ContextWord {
  uint32_t begin = 0;
  uint32_t end = 0;
  const Types* types = nullptr;
};

class ColumnHeads {
 public:
  // `words` in the order of their ends. Reads the lines in which they stand, and the rows below.
  ColumnHeads(std::string_view text, std::span<const ContextWord> words);

  // Whether [begin, end) is a whole cell of a column whose head has a word for this type. Places
  // that are asked for in their order are found without reading a line twice.
  bool Say(Type type, size_t begin, size_t end);

 private:
  struct Table {
    size_t begin = 0;  // of the first row
    size_t end = 0;
    char mark = ',';  // between the cells
    std::vector<Types> columns = {};
    Types any = {};
  };

  void ReadTable(std::span<const ContextWord> words);
  static void ReadHeads(size_t begin, std::string_view line, std::span<const ContextWord> words,
                        size_t columns, Table& table);
  const Table* TableAt(size_t at);
  bool IsCell(const Table& table, size_t begin, size_t end) const;
  size_t ColumnOf(const Table& table, size_t at);

  std::string_view text_;
  std::vector<Table> tables_ = {};
  size_t last_ = 0;  // the table that was asked for last
  // How far the line was read that was asked for last.
  size_t read_ = 0;
  size_t line_end_ = 0;
  size_t column_ = 0;
  bool quoted_ = false;
};

}  // namespace weir::privacy
