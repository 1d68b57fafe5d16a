#include "config/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/utf8.h"

// Compiled in here, not Debian's shared library: that has its own, deeper bound.
#define TOML_HEADER_ONLY 1
#define TOML_MAX_NESTED_VALUES 8
#include <toml++/toml.h>

namespace weir::config {
namespace {

static_assert(TOML_MAX_NESTED_VALUES == kNestingMax);

// Finds what stood in the file for a number: toml++ keeps only the double.
class Source {
 public:
  explicit Source(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size() - 1);
      lines_.push_back(text.substr(0, end + 1));
      text.remove_prefix(end + 1);
    }
  }

  // Numbers stand on one line. Columns count code points from 1.
  std::string_view At(const toml::source_region& region) const {
    if (region.begin.line != region.end.line || region.begin.line > lines_.size()) return {};
    const std::string_view line = lines_[region.begin.line - 1];
    const size_t begin = Offset(line, region.begin.column);
    const size_t end = Offset(line, region.end.column);
    return begin <= end ? line.substr(begin, end - begin) : std::string_view();
  }

  std::string Excess() const {
    for (size_t i = 0; i < lines_.size(); ++i) {
      const std::string_view line = lines_[i];
      const size_t first = line.find_first_not_of(" \t");
      if (first == std::string_view::npos || line[first] == '#') continue;
      if (static_cast<size_t>(std::ranges::count(line, '.')) > kLineDotsMax)
        return std::to_string(i + 1);
    }
    return {};
  }

 private:
  static size_t Offset(std::string_view line, uint32_t column) {
    size_t offset = 0;
    for (uint32_t at = 1; at < column && offset < line.size(); ++at) {
      do ++offset;
      while (offset < line.size() && (static_cast<unsigned char>(line[offset]) & 0xc0) == 0x80);
    }
    return offset;
  }

  std::vector<std::string_view> lines_;
};

Node Convert(const toml::node& from, const Source& source);

void ConvertTable(const toml::table& table, const Source& source, Node& node) {
  node.kind = Node::Kind::kTable;
  for (const auto& [key, value] : table) {
    const auto at = key.source().begin;
    node.members.push_back({std::string(key.str()), at.line, at.column, Convert(value, source)});
  }
  std::ranges::sort(node.members, {},
                    [](const Member& member) { return std::pair(member.line, member.column); });
}

void ConvertValue(const toml::node& from, const Source& source, Node& node) {
  if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::kText;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::kInteger;
    node.integer = integer->get();
    node.text = std::to_string(node.integer);
  } else if (const auto* decimal = from.as_floating_point()) {
    node.kind = Node::Kind::kDecimal;
    node.decimal = decimal->get();
    node.text = source.At(from.source());
  } else if (const auto* flag = from.as_boolean()) {
    node.kind = Node::Kind::kFlag;
    node.flag = flag->get();
  } else {
    node.kind = Node::Kind::kTime;
  }
}

Node Convert(const toml::node& from, const Source& source) {
  Node node;
  node.line = from.source().begin.line;
  node.column = from.source().begin.column;
  if (const auto* table = from.as_table()) {
    ConvertTable(*table, source, node);
  } else if (const auto* list = from.as_array()) {
    node.kind = Node::Kind::kList;
    for (const toml::node& element : *list) node.list.push_back(Convert(element, source));
  } else {
    ConvertValue(from, source, node);
  }
  return node;
}

}  // namespace

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kText:
      return "a text";
    case Node::Kind::kInteger:
      return "a whole number";
    case Node::Kind::kDecimal:
      return "a decimal number";
    case Node::Kind::kFlag:
      return "true or false";
    case Node::Kind::kTime:
      return "a date or time";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kTable:
      return "a table";
  }
  CHECK(false, "kind out of range");
}

std::expected<Node, Problem> ParseDocument(std::string_view text, std::string_view file) {
  const auto fail = [](std::string where, std::string message) {
    return std::unexpected(Problem{std::move(where), std::move(message)});
  };
  if (text.size() > kBytesMax) {
    return fail(std::string(file), fmt::format("is larger than {} bytes, the most", kBytesMax));
  }
  if (!IsValidUtf8(text)) return fail(std::string(file), "is not valid UTF-8");
  const Source source(text);
  if (const std::string line = source.Excess(); !line.empty()) {
    return fail(fmt::format("{}:{}", file, line),
                fmt::format("more than {} dots in one line", kLineDotsMax));
  }
  try {
    return Convert(toml::parse(text), source);
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return fail(fmt::format("{}:{}:{}", file, at.line, at.column),
                fmt::format("not valid TOML: {}", error.description()));
  }
}

}  // namespace weir::config
