#include "cli/markdown.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/terminal_text.h"

namespace weir::cli {
namespace {

constexpr std::string_view kReset = "\033[0m";
constexpr std::string_view kBold = "\033[1m";
constexpr std::string_view kItalic = "\033[3m";
constexpr std::string_view kBoldItalic = "\033[1;3m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kHeading = "\033[1;35m";
constexpr std::string_view kCode = "\033[36m";
constexpr std::string_view kMark = "\033[35m";

// A mark without a partner holds its line back for so long at most.
constexpr size_t kHeldMax = 400;
constexpr size_t kHeadingMax = 6;
constexpr size_t kFenceMin = 3;
constexpr size_t kRuleCells = 40;

bool IsSpace(char c) { return c == ' ' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// 2*3*4 and a*b*c mean to multiply. Scripts without spaces have their bold inside of words.
bool Multiplies(char before, std::string_view mark, char after) {
  return mark.size() == 1 ? IsWord(before) && IsWord(after) : IsDigit(before) && IsDigit(after);
}

size_t CountOf(std::string_view text, char c) {
  return std::min(text.find_first_not_of(c), text.size());
}

constexpr char kC1Begin = '\xc2';

std::string Painted(std::string_view paint, std::string_view text) {
  std::string painted(paint);
  painted += text;
  painted += kReset;
  return painted;
}

// The fence with which a line opens a code block; empty when it opens none.
std::string_view FenceOf(std::string_view line) {
  line.remove_prefix(CountOf(line, ' '));
  if (line.empty() || (line.front() != '`' && line.front() != '~')) return {};
  const size_t count = CountOf(line, line.front());
  if (count < kFenceMin) return {};
  // Behind backticks that are the inline kind there is another one.
  if (line.front() == '`' && line.substr(count).find('`') != std::string_view::npos) return {};
  return line.substr(0, count);
}

bool Closes(std::string_view line, std::string_view fence) {
  line.remove_prefix(CountOf(line, ' '));
  const size_t count = CountOf(line, fence.front());
  return count >= fence.size() &&
         line.substr(count).find_first_not_of(" \t") == std::string_view::npos;
}

bool MayClose(std::string_view line, std::string_view fence) {
  line.remove_prefix(CountOf(line, ' '));
  return line.find_first_not_of(fence.front()) == std::string_view::npos || Closes(line, fence);
}

// Three or more of the same mark and nothing else.
bool IsRule(std::string_view line) {
  std::string marks;
  for (const char c : line) {
    if (!IsSpace(c)) marks += c;
  }
  return marks.size() >= 3 && std::string_view("-*_").find(marks[0]) != std::string_view::npos &&
         CountOf(marks, marks[0]) == marks.size();
}

bool MayBeRule(std::string_view line) {
  return line.find_first_not_of("-*_ \t") == std::string_view::npos;
}

// Length of "- ", "12. " and the like at the beginning; 0 when there is none.
size_t ItemMark(std::string_view line) {
  if (line.size() >= 2 && std::string_view("-*+").find(line[0]) != std::string_view::npos) {
    return IsSpace(line[1]) ? 2 : 0;
  }
  size_t digits = 0;
  while (digits < line.size() && IsDigit(line[digits])) ++digits;
  if (digits == 0 || digits > 9 || digits + 2 > line.size()) return 0;
  return (line[digits] == '.' || line[digits] == ')') && IsSpace(line[digits + 1]) ? digits + 2 : 0;
}

bool MayBeItem(std::string_view line) {
  if (line.size() < 2) return line.find_first_not_of("-*+0123456789") == std::string_view::npos;
  const size_t end = line.find_first_not_of("0123456789");
  if (end == std::string_view::npos) return line.size() <= 9;
  return end > 0 && end + 1 == line.size() && (line[end] == '.' || line[end] == ')');
}

// Where the run of marks begins that closes the one in front of `text`.
std::optional<size_t> PartnerOf(std::string_view mark, std::string_view text) {
  for (size_t at = text.find(mark); at != std::string_view::npos;) {
    const size_t count = CountOf(text.substr(at), mark[0]);
    const bool closes = count == mark.size() && at > 0;
    if (closes && (mark[0] == '`' || !IsSpace(text[at - 1]))) return at;
    at = text.find(mark, at + count);
  }
  return std::nullopt;
}

}  // namespace

std::string Markdown::Add(std::string_view text) {
  std::string both = std::exchange(half_, {}) + std::string(text);
  if (both.ends_with(kC1Begin)) {
    both.pop_back();
    half_ = kC1Begin;
  }
  std::string clean = WithoutControls(both);
  if (look_ == Look::kPlain) return clean;
  std::string_view rest = clean;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    line_ += rest.substr(0, end);
    const bool whole = end != std::string_view::npos;
    Advance(whole);
    if (!whole) break;
    EndLine();
    rest.remove_prefix(end + 1);
  }
  return std::exchange(out_, {});
}

std::string Markdown::Finish() {
  if (look_ == Look::kPlain) return {};
  Advance(true);
  state_ = Line::kStart;
  before_ = ' ';
  fence_.clear();
  return std::exchange(out_, {});
}

void Markdown::EndLine() {
  Show("\n");
  line_.clear();
  state_ = Line::kStart;
  before_ = ' ';
}

// Shows of line_ what can be shown, all of it when the line is whole.
void Markdown::Advance(bool whole) {
  if (state_ == Line::kStart && !(fence_.empty() ? BeginLine(whole) : BeginCodeLine(whole))) return;
  if (state_ == Line::kCode) {
    if (!line_.empty()) Show(Painted(kCode, line_));
    line_.clear();
    return;
  }
  while (!line_.empty() && TakeInline(whole)) {
  }
}

// False while the line may still become several things.
bool Markdown::BeginCodeLine(bool whole) {
  if (!whole && MayClose(line_, fence_)) return false;
  if (whole && Closes(line_, fence_)) {
    Show(Painted(kDim, line_));
    line_.clear();
    fence_.clear();
    state_ = Line::kText;
    return true;
  }
  state_ = Line::kCode;
  return true;
}

bool Markdown::BeginLine(bool whole) {
  const size_t indent = std::min(line_.find_first_not_of(" \t"), line_.size());
  const std::string_view text = std::string_view(line_).substr(indent);
  if (text.empty() && !whole) return false;
  if (const std::string_view fence = FenceOf(line_); !fence.empty()) {
    if (!whole) return false;
    fence_ = fence;
    Show(Painted(kDim, line_));
    line_.clear();
    state_ = Line::kText;
    return true;
  }
  const bool may_be_fence =
      !text.empty() && (text[0] == '`' || text[0] == '~') && CountOf(text, text[0]) == text.size();
  if (!whole && (may_be_fence || MayBeRule(text) || MayBeItem(text))) return false;
  if (IsRule(text)) {
    std::string rule;
    for (size_t i = 0; i < kRuleCells; ++i) rule += "─";
    Show(Painted(kDim, rule));
    line_.clear();
    state_ = Line::kText;
    return true;
  }
  if (const size_t level = CountOf(text, '#'); level > 0 && level <= kHeadingMax) {
    if (level == text.size() && !whole) return false;
    if (level < text.size() && IsSpace(text[level])) {
      // A heading is short: it is shown when it is whole.
      if (!whole) return false;
      state_ = Line::kText;
      std::string heading(text.substr(std::min(text.find_first_not_of(" \t", level), text.size())));
      std::erase(heading, '*');
      std::erase(heading, '`');
      Show(Painted(kHeading, heading));
      line_.clear();
      return true;
    }
  }
  if (text == ">" && !whole) return false;
  state_ = Line::kText;
  if (text.starts_with("> ") || text == ">") {
    Show(Painted(kDim, "│ "));
    line_.erase(0, indent + std::min<size_t>(text.size(), 2));
  } else if (const size_t mark = ItemMark(text); mark > 0) {
    Show(std::string_view(line_).substr(0, indent));
    Show(Painted(kMark, mark == 2 ? "•" : text.substr(0, mark - 1)));
    Show(" ");
    line_.erase(0, indent + mark);
  }
  return true;
}

// Shows the next piece of line_ that is of one kind; false when more has to come first.
bool Markdown::TakeInline(bool whole) {
  const size_t plain = std::min(line_.find_first_of("*`\\"), line_.size());
  if (plain > 0) {
    Show(std::string_view(line_).substr(0, plain));
    before_ = line_[plain - 1];
    line_.erase(0, plain);
    return true;
  }
  if (line_[0] == '\\') {
    if (line_.size() == 1 && !whole) return false;
    const bool escapes = line_.size() > 1 && std::string_view("*`_#").contains(line_[1]);
    Show(escapes ? std::string_view(line_).substr(1, 1) : "\\");
    before_ = '\\';
    line_.erase(0, escapes ? 2 : 1);
    return true;
  }
  const size_t count = CountOf(line_, line_[0]);
  if (count == line_.size() && !whole) return false;
  const std::string mark = line_.substr(0, count);
  if (mark[0] == '`') return TakeMarked(mark, kCode, whole);
  const std::string_view paint = count == 1   ? kItalic
                                 : count == 2 ? kBold
                                 : count == 3 ? kBoldItalic
                                              : std::string_view();
  return TakeMarked(mark, paint, whole);
}

// From `mark` to its partner, or the mark alone where it has none.
bool Markdown::TakeMarked(std::string_view mark, std::string_view paint, bool whole) {
  const std::string_view text = std::string_view(line_).substr(mark.size());
  const bool code = mark[0] == '`';
  const bool opens = !paint.empty() && !text.empty() &&
                     (code || (!IsSpace(text[0]) && !Multiplies(before_, mark, text[0])));
  const std::optional<size_t> partner = opens ? PartnerOf(mark, text) : std::nullopt;
  // At the end of what has come a run of marks may still grow.
  const bool sure = partner && *partner + mark.size() < text.size();
  if (opens && !whole && !sure && text.size() <= kHeldMax) return false;
  const size_t shown = partner ? mark.size() + *partner + mark.size() : mark.size();
  Show(partner ? Painted(paint, text.substr(0, *partner)) : std::string(mark));
  before_ = mark[0];
  line_.erase(0, shown);
  return true;
}

}  // namespace weir::cli
