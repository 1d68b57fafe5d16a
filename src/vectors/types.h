// What goes into the vector database and comes out of it: plain values, no I/O. A Point has an id,
// vectors in one or more named spaces, a JSON payload to filter by and a text to search by words; a
// Collection (store.h) holds points.
//
// Limits are here because they are part of the contract: what is over one is refused with its name
// before anything is written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "json/value.h"
#include "vectors/filter.h"

namespace weir::vectors {

struct Limits {
  static constexpr size_t kNameBytes = 255;              // of a space, a field's path
  static constexpr size_t kCollectionNameBytes = 1'024;  // and of an alias, a note's key
  static constexpr size_t kAboutBytes = size_t{64} << 10;
  static constexpr size_t kNoteBytes = size_t{64} << 10;
  static constexpr size_t kNotes = 16'384;
  static constexpr size_t kAliases = 16'384;
  static constexpr size_t kSnapshots = 64;  // of a collection
  static constexpr size_t kIdBytes = 512;
  static constexpr size_t kSpaces = 16;
  static constexpr size_t kDimensions = 16'384;
  static constexpr size_t kSparseValues = 16'384;        // of a sparse vector
  static constexpr size_t kMultiVectors = 4'096;         // of a point in one space, or of a query
  static constexpr size_t kMultiComponents = 1'048'576;  // of all of those together
  static constexpr size_t kExamples = 1'024;             // of a query, like and unlike
  static constexpr size_t kPayloadBytes = size_t{1} << 20;
  static constexpr size_t kPayloadDepth = 32;
  static constexpr size_t kTextBytes = size_t{4} << 20;
  static constexpr size_t kQueryTextBytes = size_t{64} << 10;
  static constexpr size_t kBatchPoints = 16'384;
  static constexpr size_t kBatchBytes = size_t{256} << 20;  // of vectors, payloads and texts
  static constexpr size_t kResults = 16'384;                // offset and k together
  static constexpr size_t kCollectionPoints = 64'000'000;
};

enum class Metric : uint8_t {
  kCosine,  // score is the cosine; larger is nearer; a zero vector is refused
  kDot,     // score is the inner product; larger is nearer
  kL2,      // score is the Euclidean distance; smaller is nearer
};
std::string_view MetricName(Metric metric);  // "cosine", "dot", "l2"

// How the components of a vector are kept. A vector comes back as it was kept.
enum class Components : uint8_t {
  kF32,
  kF16,  // half as large: rounded to 11 bits, at most 65,504
  kU8,   // a quarter: whole numbers from 0 to 255; a fraction is cut off
};
std::string_view ComponentsName(Components components);  // "f32", "f16", "u8"

// By what searches find candidates, which are then measured exactly.
enum class Codes : uint8_t {
  kBytes,  // 8 bits for each component; a graph over them where there are many points
  kBits,   // 1 bit for each component, an eighth of the memory; always scanned
};
std::string_view CodesName(Codes codes);  // "bytes", "bits"

// A vector of which nearly all components are 0: the others by their number.
struct SparseVector {
  std::vector<uint32_t> indices = {};  // each once, in any order; they come back ascending
  std::vector<float> values = {};      // as many

  bool operator==(const SparseVector&) const = default;
};

// Several vectors of one thing, one for each of its words or pieces: at least one.
using MultiVector = std::vector<std::vector<float>>;

// One kind of vector that the points of a collection may have.
struct Space {
  std::string name;         // may be empty; a query that names none means that one
  uint32_t dimensions = 0;  // 0 of a sparse one
  Metric metric = Metric::kCosine;
  Components components = Components::kF32;
  Codes codes = Codes::kBytes;
  // Its vectors are sparse; the metric is kDot, and no more is to be chosen but:
  bool sparse = false;
  bool idf = false;  // the rarer an index among the points, the more a query's value there counts
  // A point has a MultiVector (late interaction, ColBERT). Each of the query's vectors is measured
  // with the nearest of the point's; the score is the sum, of kL2 the root of the sum of squares.
  // Searches measure every point that the filter leaves: there are no codes and no graph.
  bool multi = false;
  // What makes its vectors, where its owner wants that remembered. The store does not look at it.
  std::string model = {};

  bool operator==(const Space&) const = default;
};

struct CollectionSpec {
  std::string name;
  std::vector<Space> spaces;  // none is fine: a collection that is searched by words alone
  // What its owner wants to remember of it: an object, or null. The store does not look inside.
  json::Value about = {};
  // Given by the store, never used again; Create does not read it.
  int64_t id = 0;
};

// Another name under which a collection is found.
struct Alias {
  std::string name;
  std::string collection;

  bool operator==(const Alias&) const = default;
};

// What somebody keeps in a store beside its collections.
struct Note {
  std::string key;
  std::string text;

  bool operator==(const Note&) const = default;
};

// A file with everything of one collection as of one moment.
struct SnapshotInfo {
  std::string name;
  WallTime made = {};
  uint64_t bytes = 0;

  bool operator==(const SnapshotInfo&) const = default;
};

struct Point {
  std::string id;
  std::map<std::string, std::vector<float>> vectors = {};  // by space; a point may lack some
  json::Value payload = {};                                // an object, or null
  std::string text = {};
  std::map<std::string, SparseVector> sparse = {};  // by space that is sparse
  std::map<std::string, MultiVector> multi = {};    // by space that is multi

  bool operator==(const Point&) const = default;
};

// Which parts of a point an answer brings along; its id always comes.
struct Parts {
  bool payload = false;
  bool text = false;
  bool vectors = false;

  bool any() const { return payload || text || vectors; }
};
inline constexpr Parts kAllParts{.payload = true, .text = true, .vectors = true};

// How the nearest vectors are looked for.
enum class Search : uint8_t {
  kAuto,   // whichever of the two below is measured to be cheaper
  kExact,  // every distance in f32: what the others are compared with
  kScan,   // every point's code, then exact distances of the best
  kGraph,  // the graph, where there is one yet, then exact distances of the best
};

// How the nearest by vector and the best by words become one list.
struct Blend {
  enum class Kind : uint8_t {
    kScaled,  // scores of each list scaled to 0..1, weighed and added
    kRanks,   // reciprocal ranks, weighed and added (RRF)
  };
  Kind kind = Kind::kScaled;
  float vector_weight = 0.6F;
  float words_weight = 0.4F;
  float rank_constant = 60;  // of kRanks
};

// What points are like or unlike: one of these, as the space takes it.
struct Example {
  std::vector<float> vector = {};
  SparseVector sparse = {};
  MultiVector multi = {};  // or `vector`, for one of them
};

// Scores each point by its similarities to all examples: the larger the better. A similarity is
// what scores are, and of kL2 the square of the distance, negative.
struct Likeness {
  enum class Kind : uint8_t {
    // (1 + s / (1 + |s|)) / 2 of the greatest similarity, s, to what it is to be like; minus that
    // of
    // the greatest to what it is to be unlike, where that is as great.
    kBest,
    kSum,  // the sum of similarities, minus the sum of those to what it is to be unlike
  };
  Kind kind = Kind::kBest;
  std::vector<Example> like = {};
  std::vector<Example> unlike = {};
};

// By vector, by words, or by both; or by examples alone.
struct Query {
  std::string space = {};          // empty: the only one
  std::vector<float> vector = {};  // what to be near to
  // Of a space that is sparse, alone: points that have a value at one of its indices are found.
  SparseVector sparse = {};
  // Of a space that is multi; `vector` may be given instead, for one of them.
  MultiVector multi = {};
  // Instead of all of these and the text. Every point that the filter leaves is measured; of a
  // sparse space also those that share no index, whose similarity is 0.
  std::optional<Likeness> likeness = {};
  std::string text =
      {};            // whose words to look for in the points' texts (words.h); the score is BM25's
  Blend blend = {};  // where both are given; the score is the blend's
  size_t k = 10;
  size_t offset = 0;  // of the best, so many are skipped
  Filter filter = {};
  std::optional<float> score_limit = {};  // nothing that is worse than this
  Search search = Search::kAuto;
  size_t width = 0;  // of the search in the graph: more finds more and takes longer; 0 chooses
  Parts parts = {};

  bool HasDense() const { return !vector.empty() || !multi.empty(); }
};

struct Hit {
  float score = 0;
  Point point;  // the id, and the parts that were asked for
};

struct ScrollQuery {
  std::string after = {};  // an id: the page begins with the next one; empty begins at the start
  std::string from = {};   // an id: the page begins with it, or the next one where it is not there
  size_t limit = 100;
  Filter filter = {};
  Parts parts = kAllParts;
};

// In the order of ids, byte by byte.
struct Page {
  std::vector<Point> points;
  std::optional<std::string> next;  // `after` of the next page; empty when this is the last
};

// The points that have a number, or else a time, in a field, in its order; of several values of a
// point the first counts. Without pages: begin the next with the last value, and leave its ids out.
struct OrderQuery {
  std::string path;
  bool descending = false;
  std::optional<double> from = {};         // numbers from here on (down to here, descending)
  std::optional<WallTime> from_time = {};  // and times
  bool times = false;                      // the field holds times, not numbers
  size_t limit = 100;
  Filter filter = {};
  Parts parts = kAllParts;
};

struct OrderedPoint {
  Point point;
  std::variant<int64_t, double, WallTime> value;
};

// How many points have each value of a field.
struct FacetQuery {
  std::string path;
  size_t limit = 10;
  Filter filter = {};
};

struct FacetHit {
  Scalar value;  // a string, an integer or a boolean
  int64_t count = 0;

  bool operator==(const FacetHit&) const = default;
};

}  // namespace weir::vectors
