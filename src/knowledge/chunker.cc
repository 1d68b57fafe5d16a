#include "knowledge/chunker.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/utf8.h"

namespace weir::knowledge {
namespace {

using Block = wire::Block;

constexpr size_t kHeadingShown = 160;    // bytes of one in a path
constexpr size_t kTableHeadShown = 400;  // bytes of it that are repeated
constexpr std::string_view kSpaces = " \t\r\n\f\v";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string_view WithoutEnd(std::string_view text) {
  const size_t last = text.find_last_not_of(kSpaces);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::string_view Shortened(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  return text.substr(0, CompleteUtf8Prefix(text.substr(0, bytes_max)));
}

// Without "#" and underlining of Markdown, on one line.
std::string HeadingText(std::string_view raw) {
  std::string_view text = Trimmed(raw);
  const size_t marks = std::min(text.find_first_not_of('#'), text.size());
  if (marks > 0 && marks <= 6) text = Trimmed(text.substr(marks));
  return std::string(Shortened(text.substr(0, text.find('\n')), kHeadingShown));
}

// Offsets behind which a text may be cut, best kind first.
bool EndsSentence(std::string_view text, size_t at) {
  const char c = text[at - 1];
  if (c != '.' && c != '!' && c != '?') return text.substr(0, at).ends_with("\xE3\x80\x82");
  return at < text.size() && kSpaces.find(text[at]) != std::string_view::npos;
}

enum class Cut : uint8_t { kBlankLine, kSentence, kLine, kWord };

bool MayCut(std::string_view text, size_t at, Cut cut) {
  switch (cut) {
    case Cut::kBlankLine:
      return text.substr(0, at).ends_with("\n\n");
    case Cut::kSentence:
      return EndsSentence(text, at);
    case Cut::kLine:
      return text[at - 1] == '\n';
    case Cut::kWord:
      return text[at - 1] == ' ' || text[at - 1] == '\t';
  }
  return false;
}

// Where the piece that begins at 0 ends: nearest to `wanted`, not beyond `most`.
size_t BestCut(std::string_view text, size_t wanted, size_t most, bool lines) {
  const Cut prose[] = {Cut::kBlankLine, Cut::kSentence, Cut::kLine, Cut::kWord};
  const Cut code[] = {Cut::kBlankLine, Cut::kLine, Cut::kWord};
  const size_t least = std::max<size_t>(wanted / 2, 1);
  for (const Cut cut : lines ? std::span<const Cut>(code) : std::span<const Cut>(prose)) {
    size_t best = 0;
    for (size_t at = least; at <= most; ++at) {
      if (!MayCut(text, at, cut)) continue;
      const auto distance = [&](size_t to) { return to > wanted ? to - wanted : wanted - to; };
      if (best == 0 || distance(at) < distance(best)) best = at;
    }
    if (best > 0) return best;
  }
  return std::max<size_t>(CompleteUtf8Prefix(text.substr(0, most)), 1);
}

class Lines {
 public:
  explicit Lines(std::string_view bytes) {
    for (size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1))
      ends_.push_back(at);
  }
  // From 1.
  uint32_t LineOf(uint64_t offset) const {
    return static_cast<uint32_t>(std::ranges::lower_bound(ends_, offset) - ends_.begin()) + 1;
  }

 private:
  std::vector<uint64_t> ends_ = {};
};

class Chunker {
 public:
  Chunker(const wire::Pages& pages, std::string_view name, std::string_view bytes,
          const ChunkLimits& limits)
      : pages_(pages),
        limits_(limits),
        bytes_(bytes),
        lines_(bytes),
        title_(
            Shortened(pages.title.empty() ? name : std::string_view(pages.title), kHeadingShown)) {}

  std::vector<Chunk> Run() {
    for (const Block& block : pages_.blocks) {
      if (block.kind == Block::Kind::kHeading) {
        TakeHeading(block);
      } else {
        if (block.kind == Block::Kind::kTableHead)
          table_head_ = Shortened(WithoutEnd(block.text),
                                  std::min(kTableHeadShown, limits_.target_bytes / 2));
        if (block.kind != Block::Kind::kTableRow && block.kind != Block::Kind::kTableHead)
          table_head_.clear();
        TakeText(block);
      }
    }
    Flush();
    return std::move(chunks_);
  }

 private:
  struct Heading {
    uint32_t level;
    std::string text;
  };

  std::string PathText() const {
    std::string text;
    for (const Heading& heading : path_) {
      if (!text.empty()) text += " > ";
      text += heading.text;
    }
    return text;
  }

  // The document's title, then the headings above; a title that is the first heading stands once.
  std::string Prefix(const std::string& above) const {
    std::string prefix = title_;
    std::string_view rest = above;
    if (rest.starts_with(title_)) rest.remove_prefix(title_.size());
    if (rest.starts_with(" > ")) rest.remove_prefix(3);
    if (!rest.empty()) prefix += (prefix.empty() ? "" : " > ") + std::string(rest);
    prefix = Shortened(prefix, limits_.prefix_bytes_max);
    if (!pages_.outline.empty()) prefix += "\n" + pages_.outline;
    return prefix;
  }

  void TakeHeading(const Block& heading) {
    const bool small = now_.text.size() < limits_.least_bytes;
    const bool deeper = heading.level >= first_level_;
    const bool fits =
        now_.text.size() + heading.text.size() < limits_.bytes_max - limits_.target_bytes;
    if (!(now_.text.empty() || (fits && (only_headings_ || (small && deeper))))) Flush();
    while (!path_.empty() && path_.back().level >= heading.level) path_.pop_back();
    const bool first = now_.text.empty();
    if (first) {
      above_ = PathText();
      first_level_ = heading.level;
    }
    path_.push_back({heading.level, HeadingText(heading.text)});
    if (first) now_.section = PathText();
    table_head_.clear();
    for (const auto& [text, begin, end] :
         PiecesOf(heading, limits_.bytes_max - limits_.target_bytes)) {
      Append(text, "\n\n", heading, begin, end);
      if (now_.text.size() > limits_.bytes_max - limits_.target_bytes) Flush();
    }
    only_headings_ = !now_.text.empty() && (first || only_headings_);
  }

  struct Piece {
    std::string_view text;
    uint64_t begin;
    uint64_t end;
  };

  std::vector<Piece> PiecesOf(const Block& block, size_t bytes_max) const {
    const std::string_view text = block.text;
    if (text.size() <= bytes_max) return {{text, block.begin, block.end}};
    const bool code = block.kind == Block::Kind::kCode || block.kind == Block::Kind::kTableRow;
    const bool exact = block.end - block.begin == text.size();
    std::vector<Piece> pieces;
    const std::vector<size_t> cuts = CutPoints(text, bytes_max, code);
    for (size_t i = 0; i < cuts.size(); ++i) {
      const size_t end = i + 1 < cuts.size() ? cuts[i + 1] : text.size();
      pieces.push_back({text.substr(cuts[i], end - cuts[i]),
                        exact ? block.begin + cuts[i] : block.begin,
                        exact ? block.begin + end : block.end});
    }
    return pieces;
  }

  void TakeText(const Block& block) {
    const bool dense = block.kind == Block::Kind::kTableRow || block.kind == Block::Kind::kListItem;
    const bool row = block.kind == Block::Kind::kTableRow && !table_head_.empty();
    const size_t head = row ? table_head_.size() + 1 : 0;
    for (const auto& [text, begin, end] : PiecesOf(block, limits_.target_bytes - head)) {
      const size_t room = only_headings_ ? limits_.bytes_max : limits_.target_bytes;
      if (!now_.text.empty() && now_.text.size() + text.size() + 2 > room) Flush();
      if (now_.text.empty()) {
        above_ = now_.section = PathText();
        first_level_ = 1;
        if (row) now_.text = table_head_;
      }
      Append(text, dense ? "\n" : "\n\n", block, begin, end);
      only_headings_ = false;
    }
  }

  void Append(std::string_view text, std::string_view between, const Block& block, uint64_t begin,
              uint64_t end) {
    text = WithoutEnd(text);
    if (!now_.text.empty() && !text.empty()) now_.text += between;
    now_.text += text;
    if (block.page > 0) {
      if (now_.page_first == 0) now_.page_first = block.page;
      now_.page_last = block.page;
    }
    if (end == 0) return;
    now_.begin = now_.end == 0 ? begin : std::min(now_.begin, begin);
    now_.end = std::max(now_.end, end);
  }

  // The end of the chunk before in this section, from a word's beginning on.
  std::string_view EndOfLast(const std::string& section) const {
    if (limits_.overlap_bytes == 0 || chunks_.empty() || chunks_.back().section != section)
      return {};
    const std::string_view text = chunks_.back().text;
    if (text.size() <= limits_.overlap_bytes) return text;
    const size_t space = text.find_first_of(kSpaces, text.size() - limits_.overlap_bytes);
    return space == std::string_view::npos ? std::string_view() : Trimmed(text.substr(space));
  }

  void Flush() {
    Chunk chunk = std::exchange(now_, {});
    only_headings_ = false;
    if (chunk.text.empty()) return;
    chunk.prefix = Prefix(above_);
    if (const std::string_view before = EndOfLast(chunk.section); !before.empty()) {
      if (!chunk.prefix.empty()) chunk.prefix += "\n\n";
      chunk.prefix += before;
    }
    if (chunk.end > 0) {
      const size_t last = WithoutEnd(bytes_.substr(0, chunk.end)).size();
      chunk.line_first = lines_.LineOf(chunk.begin);
      chunk.line_last = std::max(chunk.line_first, lines_.LineOf(last == 0 ? 0 : last - 1));
    }
    chunks_.push_back(std::move(chunk));
  }

  const wire::Pages& pages_;
  const ChunkLimits& limits_;
  const std::string_view bytes_;
  const Lines lines_;
  const std::string title_;
  std::vector<Heading> path_ = {};
  std::string above_ = {};  // the path that stands over the chunk that is being made
  std::string table_head_ = {};
  Chunk now_ = {};
  uint32_t first_level_ = 1;
  bool only_headings_ = false;
  std::vector<Chunk> chunks_ = {};
};

}  // namespace

std::vector<size_t> CutPoints(std::string_view text, size_t bytes_max, bool lines) {
  std::vector<size_t> cuts = {0};
  size_t at = 0;
  while (text.size() - at > bytes_max) {
    const std::string_view rest = text.substr(at);
    // Equal pieces: none is a leftover of a few words.
    const size_t parts = (rest.size() + bytes_max - 1) / bytes_max;
    at += BestCut(rest, rest.size() / parts, bytes_max, lines);
    cuts.push_back(at);
  }
  return cuts;
}

std::vector<Chunk> ChunksOf(const wire::Pages& pages, std::string_view name, std::string_view bytes,
                            const ChunkLimits& limits) {
  return Chunker(pages, name, bytes, limits).Run();
}

}  // namespace weir::knowledge
