#include "knowledge/passages.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "knowledge/attributes.h"
#include "vectors/words.h"

namespace weir::knowledge {
namespace {

// A hit that is less like the question than this, and shares fewer of its words than that, has
// nothing to do with it.
constexpr float kSimilarityLeast = 0.25F;
constexpr double kWordsShared = 0.5;
constexpr size_t kQueryTextMax = size_t{8} << 10;
constexpr int64_t kAroundMax = 8;  // chunks before and behind a hit

constexpr std::string_view kStopWords =
    "a about all an and are as at be been by can could did do does for from had has have how i if "
    "in into is it its me my of on or our should tell that the their them there these they this to "
    "was we were what when where which who whom whose why will with would you your";

std::string TextAt(const json::Value& payload, std::string_view key) {
  const json::Value* found = payload.Find(key);
  const std::string* text = found == nullptr ? nullptr : found->AsString();
  return text == nullptr ? "" : *text;
}

uint64_t NumberAt(const json::Value& payload, std::string_view key) {
  const json::Value* found = payload.Find(key);
  const int64_t* number = found == nullptr ? nullptr : found->AsInt();
  return number == nullptr || *number < 0 ? 0 : static_cast<uint64_t>(*number);
}

// A point that another client put here has no label: what nobody labelled is not known.
chat::Label LabelAt(const json::Value& payload) {
  const std::string name = TextAt(payload, field::kLabel);
  return chat::LabelFromName(name).value_or(chat::Label::kUnscanned);
}

float Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0;
  float dot = 0;
  float aa = 0;
  float bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? dot / std::sqrt(aa * bb) : 0;
}

// The words of a question that say what it is about.
class AskedWords {
 public:
  explicit AskedWords(std::string_view text) : terms_(vectors::TermsOf(text)) {
    static const std::vector<std::string> kStop = vectors::TermsOf(kStopWords);
    std::erase_if(terms_,
                  [](const std::string& term) { return std::ranges::binary_search(kStop, term); });
  }
  double SharedWith(std::string_view text) const {
    if (terms_.empty()) return 0;
    const std::vector<std::string> there = vectors::TermsOf(text);
    const auto shared = std::ranges::count_if(
        terms_, [&](const std::string& term) { return std::ranges::binary_search(there, term); });
    return static_cast<double>(shared) / static_cast<double>(terms_.size());
  }

 private:
  std::vector<std::string> terms_;
};

struct Piece {
  Passage passage;
  size_t rank = 0;  // of the hit that brought it
};

Passage PassageOf(vectors::Point&& point) {
  const json::Value& payload = point.payload;
  Passage passage{.ordinal = NumberAt(payload, field::kOrdinal)};
  passage.document_id = TextAt(payload, field::kDocumentId);
  if (passage.document_id.empty()) passage.document_id = point.id;
  passage.document = TextAt(payload, field::kDocument);
  if (passage.document.empty()) passage.document = point.id;
  passage.file_id = TextAt(payload, field::kFileId);
  if (passage.file_id.empty()) passage.file_id = passage.document_id;
  passage.attributes = AttributesOfPayload(payload);
  passage.title = TextAt(payload, field::kTitle);
  passage.section = TextAt(payload, field::kSection);
  passage.begin = NumberAt(payload, field::kBegin);
  passage.end = NumberAt(payload, field::kEnd);
  passage.page_first = static_cast<uint32_t>(NumberAt(payload, field::kPageFirst));
  passage.page_last = static_cast<uint32_t>(NumberAt(payload, field::kPageLast));
  passage.line_first = static_cast<uint32_t>(NumberAt(payload, field::kLineFirst));
  passage.line_last = static_cast<uint32_t>(NumberAt(payload, field::kLineLast));
  passage.label = LabelAt(payload);
  passage.text = std::move(point.text);
  const size_t prefix = NumberAt(payload, field::kPrefixBytes);
  if (prefix <= passage.text.size()) passage.text.erase(0, prefix);
  return passage;
}

// What is shown, by document and place in it.
class Shown {
 public:
  explicit Shown(size_t bytes_max) : left_(bytes_max) {}

  // Whether there was room.
  bool Add(Piece piece) {
    const Key key{piece.passage.document_id, piece.passage.ordinal};
    if (pieces_.contains(key)) return true;
    if (piece.passage.text.size() > left_) return false;
    left_ -= piece.passage.text.size();
    pieces_.emplace(key, std::move(piece));
    return true;
  }
  bool Has(const std::string& document, uint64_t ordinal) const {
    return pieces_.contains(Key{document, ordinal});
  }
  size_t left() const { return left_; }

  // Neighbours as one passage; in the order of the best hit of each.
  std::vector<Passage> Take() {
    std::vector<Piece> runs;
    uint64_t next = 0;
    for (auto& [key, piece] : pieces_) {
      const bool goes_on = !runs.empty() && key.second == next &&
                           runs.back().passage.document_id == key.first &&
                           runs.back().passage.section == piece.passage.section;
      next = key.second + 1;
      if (goes_on) {
        Join(runs.back(), std::move(piece));
      } else {
        runs.push_back(std::move(piece));
      }
    }
    std::ranges::sort(runs, {}, &Piece::rank);
    std::vector<Passage> out;
    for (Piece& run : runs) out.push_back(std::move(run.passage));
    return out;
  }

 private:
  using Key = std::pair<std::string, uint64_t>;

  static void Join(Piece& run, Piece&& more) {
    Passage& to = run.passage;
    Passage& from = more.passage;
    run.rank = std::min(run.rank, more.rank);
    to.score = std::max(to.score, from.score);
    to.similarity = std::max(to.similarity, from.similarity);
    to.text += "\n\n" + from.text;
    to.end = std::max(to.end, from.end);
    to.page_last = std::max(to.page_last, from.page_last);
    to.line_last = std::max(to.line_last, from.line_last);
    to.label = chat::Join(to.label, from.label);
  }

  size_t left_;
  std::map<Key, Piece> pieces_ = {};
};

// The chunks of a hit's section that lie next to it.
Result<void> AddAround(const vectors::Collection& collection, const Piece& hit,
                       const vectors::Filter& filter, Shown& shown) {
  const auto at = static_cast<int64_t>(hit.passage.ordinal);
  vectors::ScrollQuery query{.limit = 2 * kAroundMax + 1, .parts = {.payload = true, .text = true}};
  query.filter.must = {vectors::Match{field::kDocumentId, {hit.passage.document_id}},
                       vectors::Range{.path = field::kOrdinal,
                                      .gte = static_cast<double>(at - kAroundMax),
                                      .lte = static_cast<double>(at + kAroundMax)},
                       filter};
  auto page = collection.Scroll(query);
  if (!page) return Fail(page.error());
  std::map<int64_t, Piece> around;
  for (vectors::Point& point : page->points) {
    Piece piece{PassageOf(std::move(point)), hit.rank};
    piece.passage.collection = hit.passage.collection;
    const auto ordinal = static_cast<int64_t>(piece.passage.ordinal);
    if (piece.passage.section == hit.passage.section) around.emplace(ordinal, std::move(piece));
  }
  // What follows first: a section is read forwards.
  bool before = true;
  bool behind = true;
  for (int64_t step = 1; step <= kAroundMax && (before || behind); ++step) {
    for (const bool forwards : {true, false}) {
      bool& open = forwards ? behind : before;
      const auto found = around.find(forwards ? at + step : at - step);
      if (!open) continue;
      open = found != around.end() && shown.Add(std::move(found->second));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Passage>> FindPassages(const vectors::Collection& collection,
                                          const Question& question) {
  vectors::Query query{.space = question.space,
                       .vector = question.vector,
                       .text = question.text.substr(0, kQueryTextMax),
                       .k = question.hits,
                       .filter = question.filter,
                       .parts = {.payload = true, .text = true, .vectors = true}};
  query.blend.vector_weight = question.vector_weight;
  query.blend.words_weight = 1 - question.vector_weight;
  auto hits = collection.Query(query);
  if (!hits) return Fail(hits.error());
  const AskedWords words(question.text);
  std::vector<Passage> found;
  for (vectors::Hit& hit : *hits) {
    float similarity = 0;
    for (const auto& [space, vector] : hit.point.vectors) {
      if (space == question.space)
        similarity = std::max(similarity, Cosine(vector, question.vector));
    }
    const bool related =
        similarity >= kSimilarityLeast || words.SharedWith(hit.point.text) >= kWordsShared;
    if (!related) continue;
    Passage passage = PassageOf(std::move(hit.point));
    passage.score = std::clamp(hit.score, 0.0F, 1.0F);
    passage.similarity = similarity;
    found.push_back(std::move(passage));
  }
  if (question.context_bytes == 0) return found;
  return WidenPassages(collection, std::move(found), question.context_bytes, question.filter);
}

Result<std::vector<Passage>> WidenPassages(const vectors::Collection& collection,
                                           std::vector<Passage> hits, size_t bytes,
                                           const vectors::Filter& filter) {
  std::vector<Piece> pieces;
  for (Passage& hit : hits) pieces.push_back({std::move(hit), pieces.size()});
  Shown shown(bytes);
  for (const Piece& piece : pieces) shown.Add(piece);
  for (const Piece& piece : pieces) {
    if (shown.left() == 0 || !shown.Has(piece.passage.document_id, piece.passage.ordinal)) continue;
    if (auto added = AddAround(collection, piece, filter, shown); !added)
      return Fail(added.error());
  }
  return shown.Take();
}

std::string_view FileNameOf(const Passage& passage) {
  return FileNameOf(passage.document, passage.file_id);
}

std::string PlaceOf(const Passage& passage) {
  const auto range = [](std::string_view what, uint32_t first, uint32_t last) {
    if (last <= first) return fmt::format("{} {}", what, first);
    return fmt::format("{}s {}-{}", what, first, last);
  };
  if (passage.page_first > 0) return range("page", passage.page_first, passage.page_last);
  if (passage.line_first > 0) return range("line", passage.line_first, passage.line_last);
  return "";
}

}  // namespace weir::knowledge
