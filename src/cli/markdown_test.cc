#include "cli/markdown.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::cli {
namespace {

// With the paint as words: {b}old{/}.
std::string Readable(std::string text) {
  const std::pair<std::string, std::string> names[] = {
      {"\033[0m", "{/}"},      {"\033[1m", "{bold}"}, {"\033[3m", "{italic}"},
      {"\033[1;3m", "{both}"}, {"\033[2m", "{dim}"},  {"\033[1;35m", "{head}"},
      {"\033[36m", "{code}"},  {"\033[35m", "{mark}"}};
  for (const auto& [paint, name] : names) {
    for (size_t at = 0; (at = text.find(paint)) != std::string::npos;) {
      text.replace(at, paint.size(), name);
    }
  }
  return text;
}

std::string InPieces(const std::string& text, size_t size) {
  Markdown markdown(Markdown::Look::kPainted);
  std::string shown;
  for (size_t at = 0; at < text.size(); at += size) shown += markdown.Add(text.substr(at, size));
  return shown + markdown.Finish();
}

// However the answer was cut, the same paint in the same places; where the cuts fall a span may be
// painted in several goes.
std::string Shown(const std::string& text) {
  std::string whole = InPieces(text, text.size());
  for (const size_t size : {1u, 2u, 3u, 7u}) {
    std::string pieces = Readable(InPieces(text, size));
    for (size_t at = 0; (at = pieces.find("{/}{code}")) != std::string::npos;) pieces.erase(at, 9);
    EXPECT_EQ(pieces, Readable(whole)) << "in pieces of " << size;
  }
  return Readable(whole);
}

TEST(Markdown, MarksInALineBecomePaint) {
  EXPECT_EQ(Shown("a **bold** word"), "a {bold}bold{/} word");
  EXPECT_EQ(Shown("an *italic* one, ***both***"), "an {italic}italic{/} one, {both}both{/}");
  EXPECT_EQ(Shown("call `f(*x, **y)` here"), "call {code}f(*x, **y){/} here");
  EXPECT_EQ(Shown("``a ` b``"), "{code}a ` b{/}");
  EXPECT_EQ(Shown("**重点**内容, 这是**重点**。"), "{bold}重点{/}内容, 这是{bold}重点{/}。");
}

TEST(Markdown, WhatIsNoMarkStays) {
  for (const char* text :
       {"2*3*4 = 24", "2 * 3", "2**3**2", "a ** b **", "one ` alone", "snake_case_name __init__",
        "**never closed", "C:\\path\\file", "#tag", "\\(x^2\\)", "5 > 3", "-x", "3.5", "1.", "-",
        "| a | b |", "<b>", "a*b*c"}) {
    EXPECT_EQ(Shown(text), text);
  }
  EXPECT_EQ(Shown("\\*not italic\\*"), "*not italic*");
}

TEST(Markdown, LinesHaveTheirKind) {
  EXPECT_EQ(Shown("# Title\ntext\n### **Third** `x`\n"),
            "{head}Title{/}\ntext\n{head}Third x{/}\n");
  EXPECT_EQ(Shown("- one\n* two\n  + **three**\n"),
            "{mark}•{/} one\n{mark}•{/} two\n  {mark}•{/} {bold}three{/}\n");
  EXPECT_EQ(Shown("1. one\n12) twelve\n"), "{mark}1.{/} one\n{mark}12){/} twelve\n");
  EXPECT_EQ(Shown("> said\n"), "{dim}│ {/}said\n");
  EXPECT_EQ(Shown("a\n---\n**b**\n").substr(0, 7), "a\n{dim}");
}

TEST(Markdown, ACodeBlockIsShownAsItIs) {
  EXPECT_EQ(Shown("```python\n# no heading\nx = a ** b\n\n- y\n```\nafter **it**\n"),
            "{dim}```python{/}\n{code}# no heading{/}\n{code}x = a ** b{/}\n\n{code}- y{/}\n"
            "{dim}```{/}\nafter {bold}it{/}\n");
  EXPECT_EQ(Shown("~~~~\n```\n~~~\n~~~~\nx"),
            "{dim}~~~~{/}\n{code}```{/}\n{code}~~~{/}\n{dim}~~~~{/}\nx");
  EXPECT_EQ(Shown("  ```\n  x\n  ```\n"), "{dim}  ```{/}\n{code}  x{/}\n{dim}  ```{/}\n");
  EXPECT_EQ(Shown("```\nnever closed"), "{dim}```{/}\n{code}never closed{/}");
}

TEST(Markdown, AnAnswerIsShownWhileItComes) {
  Markdown markdown(Markdown::Look::kPainted);
  EXPECT_EQ(markdown.Add("Hel"), "Hel");
  EXPECT_EQ(markdown.Add("lo *"), "lo ");
  EXPECT_EQ(markdown.Add("* you"), "** you") << "a space behind it: no mark";
  EXPECT_EQ(markdown.Add("\n`co"), "\n");
  EXPECT_EQ(Readable(markdown.Add("de` ")), "{code}code{/} ");
  const std::string held = markdown.Add("**" + std::string(1000, 'x'));
  EXPECT_EQ(held, "**" + std::string(1000, 'x')) << "a mark without a partner holds little back";
  EXPECT_EQ(markdown.Finish(), "");
}

TEST(Markdown, AnAnswerCommandsNoTerminal) {
  const std::string hostile =
      "a\033]0;title\007b\033[2Jc\r\nd\x7f\b\xc2\x9b"
      "31me\tf größer 日本\n";
  const std::string harmless = "a]0;titleb[2Jc\nd31me\tf größer 日本\n";
  Markdown plain(Markdown::Look::kPlain);
  EXPECT_EQ(plain.Add(hostile) + plain.Finish(), harmless);
  EXPECT_EQ(Shown(hostile), harmless);
  EXPECT_EQ(plain.Add("**as** `it` is"), "**as** `it` is");
}

}  // namespace
}  // namespace weir::cli
