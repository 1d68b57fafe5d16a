// What a parser makes of a document, gathered within the protocol's bounds. A parser adds blocks in
// reading order and asks `full()` in loops that a document controls.
//
// One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/document.h"

namespace weir::reader {

// Where a block lies in the file; both 0: it does not lie there as text.
struct Span {
  uint64_t begin = 0;
  uint64_t end = 0;
};

class BlockList {
 public:
  using Kind = wire::Block::Kind;

  // Texts of white space alone are left out; what is no UTF-8 becomes U+FFFD.
  void Add(Kind kind, std::string_view text, Span span = {});
  void AddHeading(uint32_t level, std::string_view text, Span span = {});
  // The page that what follows is on, from 1.
  void BeginPage(uint32_t page);
  // The first one counts.
  void SetTitle(std::string_view title);
  // Whether there is an own title yet.
  bool has_title() const { return !pages_.title.empty(); }
  void SetOutline(std::string outline);

  // A bound was reached: nothing more is taken, and Take fails.
  bool full() const { return full_; }
  size_t size() const { return pages_.blocks.size(); }

  // kTooLarge, reason document_too_large: the text is over the bound.
  Result<wire::Pages> Take();

 private:
  wire::Pages pages_ = {};
  uint32_t page_ = 0;
  size_t bytes_ = 0;
  bool full_ = false;
};

// Runs of white space as one space, none at the ends.
std::string Collapsed(std::string_view text);
// Without white space at the ends.
std::string_view Trimmed(std::string_view text);
// Valid UTF-8; what is not becomes U+FFFD.
std::string Repaired(std::string_view text);
// At most so many bytes, cut between characters.
std::string_view Shortened(std::string_view text, size_t bytes_max);

}  // namespace weir::reader
