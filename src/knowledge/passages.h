// Search: which chunks of a collection fit a question, and what of their surroundings is shown with
// them. Blocks while it reads; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/attributes.h"
#include "chat/label.h"
#include "knowledge/document.h"
#include "vectors/store.h"

namespace weir::knowledge {

struct Question {
  std::string space = {};  // that the vector is of
  std::string model = {};  // that made the vector
  std::vector<float> vector = {};
  std::string text = {};
  size_t hits = 6;
  // Of all passages together: hits are widened by what stands around them in their section, best
  // first, as far as it goes. 0: hits alone.
  size_t context_bytes = 0;
  float vector_weight = 0.25F;  // the words' weight is what is left to 1
  vectors::Filter filter = {};
};

// A run of chunks of one document.
struct Passage {
  std::string collection = {};  // where several are searched
  std::string document_id = {};
  std::string document = {};  // its name
  std::string file_id = {};   // of the kept file that it is, else the document's id
  chat::Attributes attributes = {};
  std::string title = {};
  std::string section = {};
  std::string text = {};
  uint64_t ordinal = 0;  // of its first chunk, in the document
  uint64_t begin = 0;    // as in Chunk
  uint64_t end = 0;
  uint32_t page_first = 0;
  uint32_t page_last = 0;
  uint32_t line_first = 0;
  uint32_t line_last = 0;
  chat::Label label = chat::Label::kUnscanned;  // the highest of its chunks
  float score = 0;       // of its best hit, 0 to 1, among those of this search
  float similarity = 0;  // cosine of its best hit and the question
};

// The best first; none when nothing in the collection has to do with the question. kInvalidArgument
// when the vector does not fit the collection.
Result<std::vector<Passage>> FindPassages(const vectors::Collection& collection,
                                          const Question& question);

// Hits, the best first, with what stands around them in their section as far as `bytes` goes, best
// first; neighbours are one passage.
Result<std::vector<Passage>> WidenPassages(const vectors::Collection& collection,
                                           std::vector<Passage> hits, size_t bytes,
                                           const vectors::Filter& filter);

// The name that its file was given; a document's own may be a longer one (Shelf::Attach).
std::string_view FileNameOf(const Passage& passage);
// "page 3", "pages 3-4", "lines 10-24", or empty.
std::string PlaceOf(const Passage& passage);

// The fields of a chunk's payload. docs/knowledge.md lists them for clients of other APIs.
namespace field {
inline constexpr const char* kDocumentId = "document_id";
inline constexpr const char* kDocument = "document";
inline constexpr const char* kTitle = "title";
inline constexpr const char* kSection = "section";
inline constexpr const char* kOrdinal = "ordinal";
inline constexpr const char* kBegin = "byte_start";
inline constexpr const char* kEnd = "byte_end";
inline constexpr const char* kPageFirst = "page";
inline constexpr const char* kPageLast = "page_last";
inline constexpr const char* kLineFirst = "line";
inline constexpr const char* kLineLast = "line_last";
inline constexpr const char* kLabel = "label";
inline constexpr const char* kFileId = "file_id";
inline constexpr const char* kAttributes = "attributes";
inline constexpr const char* kPrefixBytes = "prefix_bytes";
}  // namespace field

}  // namespace weir::knowledge
