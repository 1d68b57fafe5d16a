#include "privacy/column_heads.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace weir::privacy {
namespace {

constexpr size_t kTablesMax = 64;
constexpr size_t kColumnsMax = 256;
constexpr size_t kHeadBytesMax = 64;  // of a column; what is longer is a sentence
constexpr size_t kHeadsBytesMax = size_t{4} << 10;
constexpr size_t kRowBytesMax = size_t{16} << 10;

size_t LineBegin(std::string_view text, size_t at) {
  const size_t before = at == 0 ? text.npos : text.rfind('\n', at - 1);
  return before == text.npos ? 0 : before + 1;
}
size_t LineEnd(std::string_view text, size_t at) {
  return std::min(text.find('\n', at), text.size());
}

// Between cells, not inside of quotes.
size_t MarksIn(std::string_view line, char mark) {
  if (!line.contains('"')) return static_cast<size_t>(std::ranges::count(line, mark));
  size_t count = 0;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    count += c == mark && !quoted;
  }
  return count;
}

// What parts the words' cell from the next one in their line, or from the one before; nothing where
// they are no head.
std::optional<char> MarkBeside(std::string_view text, std::span<const ContextWord> words) {
  constexpr std::string_view kEnds = "\t;|,\n";
  for (const ContextWord& word : words) {
    const size_t after = text.substr(word.end, kHeadBytesMax).find_first_of(kEnds);
    if (after == text.npos) continue;
    if (text[word.end + after] != '\n') return text[word.end + after];
    const size_t first = word.begin - std::min<size_t>(word.begin, kHeadBytesMax);
    const size_t before = text.substr(first, word.begin - first).find_last_of(kEnds);
    if (before != text.npos && text[first + before] != '\n') return text[first + before];
  }
  return std::nullopt;
}

// Around what stands in a cell.
bool IsPadding(char c) { return c == ' ' || c == '"' || c == '\'' || c == '\r'; }

}  // namespace

ColumnHeads::ColumnHeads(std::string_view text, std::span<const ContextWord> words) : text_(text) {
  for (size_t i = 0; i < words.size() && tables_.size() < kTablesMax;) {
    const size_t end = LineEnd(text, words[i].begin);
    size_t next = i;
    while (next < words.size() && words[next].begin < end) ++next;
    ReadTable(words.subspan(i, next - i));
    const size_t read = tables_.empty() ? 0 : tables_.back().end;
    while (next < words.size() && words[next].begin < read) ++next;
    i = next;
  }
}

// The table whose heads are the line of these words, if the line below has as many cells.
void ColumnHeads::ReadTable(std::span<const ContextWord> words) {
  const size_t begin = LineBegin(text_, words[0].begin);
  const size_t end = LineEnd(text_, begin);
  if (end == text_.size() || end - begin > kHeadsBytesMax) return;
  const auto mark = MarkBeside(text_, words);
  if (!mark) return;
  const auto line_at = [&](size_t at) { return text_.substr(at, LineEnd(text_, at) - at); };
  const std::string_view heads = line_at(begin);
  const size_t marks = MarksIn(heads, *mark);
  if (marks == 0 || marks >= kColumnsMax) return;
  Table table = {.begin = end + 1, .end = end + 1, .mark = *mark};
  while (table.end < text_.size()) {
    const std::string_view row = line_at(table.end);
    if (row.size() > kRowBytesMax || MarksIn(row, *mark) != marks) break;
    table.end = std::min(table.end + row.size() + 1, text_.size());
  }
  if (table.end == table.begin) return;
  ReadHeads(begin, heads, words, marks + 1, table);
  tables_.push_back(std::move(table));
}

void ColumnHeads::ReadHeads(size_t begin, std::string_view line, std::span<const ContextWord> words,
                            size_t columns, Table& table) {
  table.columns.resize(columns);
  size_t column = 0;
  size_t head = 0;  // where it begins
  bool quoted = false;
  for (size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i < line.size() && (line[i] != table.mark || quoted)) continue;
    for (; !words.empty() && words.front().end <= begin + i; words = words.subspan(1)) {
      if (words.front().begin < begin + head || i - head > kHeadBytesMax) continue;
      table.columns[column].Add(*words.front().types);
      table.any.Add(*words.front().types);
    }
    head = i + 1;
    if (++column == columns) return;
  }
}

const ColumnHeads::Table* ColumnHeads::TableAt(size_t at) {
  if (last_ < tables_.size() && at >= tables_[last_].begin && at < tables_[last_].end)
    return &tables_[last_];
  const auto after = std::ranges::upper_bound(tables_, at, {}, &Table::begin);
  if (after == tables_.begin() || at >= std::prev(after)->end) return nullptr;
  last_ = static_cast<size_t>(after - tables_.begin()) - 1;
  return &tables_[last_];
}

bool ColumnHeads::IsCell(const Table& table, size_t begin, size_t end) const {
  while (begin > table.begin && IsPadding(text_[begin - 1])) --begin;
  while (end < text_.size() && IsPadding(text_[end])) ++end;
  const bool first =
      begin == table.begin || text_[begin - 1] == table.mark || text_[begin - 1] == '\n';
  return first && (end == text_.size() || text_[end] == table.mark || text_[end] == '\n');
}

size_t ColumnHeads::ColumnOf(const Table& table, size_t at) {
  if (at < read_ || at >= line_end_) {
    read_ = LineBegin(text_, at);
    line_end_ = LineEnd(text_, at);
    column_ = 0;
    quoted_ = false;
  }
  for (; read_ < at; ++read_) {
    if (text_[read_] == '"') quoted_ = !quoted_;
    column_ += text_[read_] == table.mark && !quoted_;
  }
  return column_;
}

bool ColumnHeads::Say(Type type, size_t begin, size_t end) {
  const Table* table = TableAt(begin);
  if (table == nullptr || !table->any.Has(type) || !IsCell(*table, begin, end)) return false;
  const size_t column = ColumnOf(*table, begin);
  return column < table->columns.size() && table->columns[column].Has(type);
}

}  // namespace weir::privacy
