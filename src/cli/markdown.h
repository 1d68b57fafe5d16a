// The Markdown of an answer as a terminal shows it, while the answer comes in pieces: headings,
// bold, italic, inline code, lists, quotes, rules and code blocks. Tables, links and what is no
// Markdown stay as they are.
//
// What an answer holds never reaches the terminal as a command: control characters are left out
// (but for line ends and tabs), with the look of a plain text, too. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::cli {

class Markdown {
 public:
  enum class Look : uint8_t {
    kPainted,
    kPlain,  // the Markdown as it was written
  };
  explicit Markdown(Look look) : look_(look) {}

  // What may be shown by now. A piece that may still become something else (the beginning of a
  // line, a mark that has no partner yet) is held back, at most to the end of its line.
  std::string Add(std::string_view text);
  // The rest; the terminal is as it was.
  std::string Finish();

 private:
  enum class Line : uint8_t { kStart, kText, kCode };

  void Advance(bool whole);
  bool BeginLine(bool whole);
  bool BeginCodeLine(bool whole);
  bool TakeInline(bool whole);
  bool TakeMarked(std::string_view mark, std::string_view paint, bool whole);
  void EndLine();
  void Show(std::string_view text) { out_ += text; }

  Look look_;
  std::string line_ = {};  // of the line that comes, what is not shown yet
  std::string out_ = {};
  std::string half_ = {};  // the first byte of a character whose second decides
  Line state_ = Line::kStart;
  std::string fence_ = {};  // that closes the code block; empty outside of one
  char before_ = ' ';       // the last character of the line that was shown
};

}  // namespace weir::cli
