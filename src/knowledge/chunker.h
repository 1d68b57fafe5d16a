// A document in pieces that are found and cited: each of about 300 tokens, along its structure.
// Pure: the same document gives the same chunks.
//
// A chunk never crosses a heading, unless what stands under the headings is too little to be a
// chunk by itself. Paragraphs, items, rows and definitions stay whole where they fit; a longer one
// is cut at sentences, lines, words, characters, in that order of preference. Rows of a table
// repeat its head. Nothing of a document is left out: the spans of the chunks cover every byte of a
// text that is not white space.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/document.h"

namespace weir::knowledge {

struct ChunkLimits {
  size_t target_bytes = 1200;  // a chunk is ended when the next piece would take it beyond this
  size_t bytes_max = 1600;     // no text is longer
  size_t least_bytes = 300;    // less than this is joined with what stands under the next heading
  size_t prefix_bytes_max = 300;
  size_t overlap_bytes = 0;  // of the chunk before, in the prefix; inside one section alone
};

struct Chunk {
  std::string text = {};  // as it is shown and cited
  // What it is part of: title, headings, the outline of source code, the end of the chunk before.
  std::string prefix = {};
  std::string section = {};  // "Chapter > Section"; empty before the first heading
  uint64_t begin = 0;        // bytes of the file; both 0: the format does not lie there as text
  uint64_t end = 0;
  uint32_t page_first = 0;  // 0: the format has none
  uint32_t page_last = 0;
  uint32_t line_first = 0;  // from 1; 0: as above
  uint32_t line_last = 0;

  // What is embedded and searched by words.
  std::string Searched() const { return prefix.empty() ? text : prefix + "\n\n" + text; }
};

// `name` stands for a title where the document has none; `bytes` are the file's, for its lines.
std::vector<Chunk> ChunksOf(const wire::Pages& pages, std::string_view name, std::string_view bytes,
                            const ChunkLimits& limits = {});

// The pieces of a text of at most `bytes_max` each, cut where it hurts least: offsets at which each
// begins. `lines` prefers line ends (code) over sentences (prose).
std::vector<size_t> CutPoints(std::string_view text, size_t bytes_max, bool lines);

}  // namespace weir::knowledge
