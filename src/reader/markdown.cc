// Markdown and plain text: blocks by lines, each the very bytes of the file. Inline marks stay in
// the text: they cost a search little, and what is cited then reads as it stands in the file.
#include <algorithm>
#include <optional>

#include "reader/formats.h"
#include "reader/text_lines.h"

namespace weir::reader {
namespace {

using Kind = wire::Block::Kind;

struct Heading {
  uint32_t level;
  std::string_view text;
};

std::optional<Heading> HeadingOf(const Line& line) {
  const size_t indent = line.indent();
  if (indent > 3) return std::nullopt;
  std::string_view text = line.text.substr(indent);
  const size_t marks = std::min(text.find_first_not_of('#'), text.size());
  if (marks < 1 || marks > 6) return std::nullopt;
  text.remove_prefix(marks);
  if (!text.empty() && text.front() != ' ' && text.front() != '\t') return std::nullopt;
  text = Trimmed(text);
  const size_t last = text.find_last_not_of('#');
  if (last != std::string_view::npos && last + 1 < text.size() && text[last] == ' ')
    text = Trimmed(text.substr(0, last));
  return Heading{static_cast<uint32_t>(marks), text};
}

// The run of ` or ~ that opens or closes a block of code.
std::string_view FenceOf(const Line& line) {
  const size_t indent = line.indent();
  if (indent > 3) return {};
  const std::string_view text = line.text.substr(indent);
  if (!text.starts_with("```") && !text.starts_with("~~~")) return {};
  return text.substr(0, std::min(text.find_first_not_of(text.front()), text.size()));
}

bool IsRuler(const Line& line, char mark) {
  const std::string_view text = Trimmed(line.text);
  return text.size() >= 2 && text.find_first_not_of(mark) == std::string_view::npos;
}

bool IsListItem(const Line& line) {
  std::string_view text = line.text.substr(line.indent());
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > 0 && digits <= 9) {
    text.remove_prefix(digits);
    return text.size() >= 2 && (text[0] == '.' || text[0] == ')') && text[1] == ' ';
  }
  return text.size() >= 2 && std::string_view("-*+").find(text[0]) != std::string_view::npos &&
         text[1] == ' ';
}

bool IsTableRow(const Line& line) { return Trimmed(line.text).starts_with('|'); }
bool IsTableRuler(const Line& line) {
  return IsTableRow(line) && line.text.find("--") != std::string_view::npos &&
         line.text.find_first_not_of("|-: \t") == std::string_view::npos;
}

class MarkdownText {
 public:
  MarkdownText(const Decoded& text, BlockList& out)
      : decoded_(text), out_(out), lines_(LinesOf(text.text)) {}

  void Parse() {
    TakeFrontMatter();
    while (at_ < lines_.size() && !out_.full()) {
      if (lines_[at_].blank) {
        ++at_;
      } else if (const std::string_view fence = FenceOf(lines_[at_]); !fence.empty()) {
        TakeFenced(fence);
      } else if (const auto heading = HeadingOf(lines_[at_])) {
        AddHeading(heading->level, heading->text, at_, at_ + 1);
        ++at_;
      } else if (IsTableRow(lines_[at_])) {
        TakeTable();
      } else {
        TakeText();
      }
    }
  }

 private:
  Span SpanOf(size_t first, size_t behind) const {
    if (!decoded_.as_it_lay) return {};
    return {lines_[first].begin + decoded_.skipped, lines_[behind - 1].end + decoded_.skipped};
  }
  std::string_view TextOf(size_t first, size_t behind) const {
    const size_t begin = lines_[first].begin;
    return std::string_view(decoded_.text).substr(begin, lines_[behind - 1].end - begin);
  }
  void Add(Kind kind, size_t first, size_t behind) {
    out_.Add(kind, TextOf(first, behind), SpanOf(first, behind));
  }
  void AddHeading(uint32_t level, std::string_view text, size_t first, size_t behind) {
    if (level == 1) out_.SetTitle(text);
    out_.AddHeading(level, text, SpanOf(first, behind));
  }

  // "---", lines with a name and a value, "---".
  void TakeFrontMatter() {
    if (lines_.empty() || lines_[0].text != "---") return;
    for (size_t i = 1; i < std::min<size_t>(lines_.size(), 200); ++i) {
      if (lines_[i].text == "---" || lines_[i].text == "...") {
        Add(Kind::kParagraph, 0, i + 1);
        at_ = i + 1;
        return;
      }
      constexpr std::string_view kTitle = "title:";
      if (lines_[i].text.starts_with(kTitle)) {
        std::string_view title = Trimmed(lines_[i].text.substr(kTitle.size()));
        if (title.size() >= 2 && (title.front() == '"' || title.front() == '\'') &&
            title.back() == title.front()) {
          title = title.substr(1, title.size() - 2);
        }
        out_.SetTitle(title);
      }
    }
  }

  // A fence that is never closed goes on to the end.
  void TakeFenced(std::string_view fence) {
    const size_t first = at_++;
    while (at_ < lines_.size()) {
      const std::string_view end = FenceOf(lines_[at_++]);
      if (end.size() >= fence.size() && end.front() == fence.front() &&
          Trimmed(lines_[at_ - 1].text) == end) {
        break;
      }
    }
    Add(Kind::kCode, first, at_);
  }

  void TakeTable() {
    const bool has_head = at_ + 1 < lines_.size() && IsTableRuler(lines_[at_ + 1]);
    if (has_head) {
      Add(Kind::kTableHead, at_, at_ + 2);
      at_ += 2;
    }
    for (; at_ < lines_.size() && IsTableRow(lines_[at_]); ++at_)
      Add(Kind::kTableRow, at_, at_ + 1);
  }

  // A paragraph, or an item of a list: until a blank line or what begins something else.
  void TakeText() {
    const size_t first = at_;
    const bool item = IsListItem(lines_[at_++]);
    while (at_ < lines_.size() && !lines_[at_].blank && !Begins(lines_[at_])) {
      const bool one_line = at_ == first + 1 && !item;
      if (one_line && (IsRuler(lines_[at_], '=') || IsRuler(lines_[at_], '-'))) {
        const uint32_t level = IsRuler(lines_[at_], '=') ? 1 : 2;
        ++at_;
        AddHeading(level, Trimmed(lines_[first].text), first, at_);
        return;
      }
      ++at_;
    }
    Add(item ? Kind::kListItem : Kind::kParagraph, first, at_);
  }
  static bool Begins(const Line& line) {
    return !FenceOf(line).empty() || HeadingOf(line) || IsTableRow(line) || IsListItem(line);
  }

  const Decoded& decoded_;
  BlockList& out_;
  const std::vector<Line> lines_;
  size_t at_ = 0;
};

}  // namespace

void ReadMarkdown(const Decoded& text, BlockList& out) { MarkdownText(text, out).Parse(); }

void ReadPlainText(const Decoded& text, BlockList& out) {
  const std::vector<Line> lines = LinesOf(text.text);
  for (size_t i = 0; i < lines.size() && !out.full();) {
    if (lines[i].blank) {
      ++i;
      continue;
    }
    const size_t first = i;
    while (i < lines.size() && !lines[i].blank) ++i;
    const size_t begin = lines[first].begin;
    const size_t end = lines[i - 1].end;
    Span span;
    if (text.as_it_lay) span = {begin + text.skipped, end + text.skipped};
    out.Add(Kind::kParagraph, std::string_view(text.text).substr(begin, end - begin), span);
  }
}

}  // namespace weir::reader
