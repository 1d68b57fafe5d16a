#include "vectors/input_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/overloaded.h"
#include "base/utf8.h"
#include "json/writer.h"
#include "vectors/distance.h"
#include "vectors/expiry.h"

namespace weir::vectors {
namespace {

// Beyond it the sums of a distance could leave the range of f32.
constexpr float kComponentMax = 1e15F;

std::unexpected<Error> Bad(std::string message, std::string param, std::string reason = {}) {
  return Fail(Code::kInvalidArgument, std::move(message), std::move(param), std::move(reason));
}

Result<void> CheckName(std::string_view name, std::string_view what, size_t least, size_t most) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (name.size() >= least && name.size() <= most && IsValidUtf8(name) &&
      std::ranges::all_of(name, is_plain)) {
    return {};
  }
  return Bad(
      fmt::format("the name of a {} takes {} to {} bytes of UTF-8 without control characters", what,
                  least, most),
      "name");
}

Result<void> CheckId(std::string_view id, std::string path) {
  if (!id.empty() && id.size() <= Limits::kIdBytes && IsValidUtf8(id) &&
      id.find('\0') == std::string_view::npos) {
    return {};
  }
  return Bad(fmt::format("an id takes 1 to {} bytes of UTF-8 without zero bytes", Limits::kIdBytes),
             std::move(path), "invalid_id");
}

struct Bounds {
  float least;
  float most;
  std::string_view words;
};

const Bounds& BoundsOf(Components components) {
  static constexpr Bounds kWide = {-kComponentMax, kComponentMax, "-1e15 to 1e15"};
  static constexpr Bounds kHalf = {-kHalfMost, kHalfMost, "-65504 to 65504, which f16 holds"};
  static constexpr Bounds kByte = {0, kByteMost, "0 to 255, which u8 holds"};
  if (components == Components::kU8) return kByte;
  return components == Components::kF16 ? kHalf : kWide;
}

// A vector that is kept as `components`.
Result<void> CheckVector(const Space& space, Components components, std::span<const float> vector,
                         std::string path) {
  if (vector.size() != space.dimensions) {
    return Bad(fmt::format("the vector has {} dimensions; the space '{}' has {}", vector.size(),
                           space.name, space.dimensions),
               std::move(path), "wrong_dimensions");
  }
  const Bounds& bounds = BoundsOf(components);
  double squares = 0;
  for (const float x : vector) {
    if (!(x >= bounds.least && x <= bounds.most)) {
      return Bad(
          fmt::format("a component of the vector is not a number or not within {}", bounds.words),
          std::move(path), "invalid_component");
    }
    const float kept = Kept(components, x);
    squares += static_cast<double>(kept) * kept;
  }
  if (space.metric == Metric::kCosine && squares == 0) {
    return Bad("a vector of zeros has no direction, which cosine needs", std::move(path),
               "zero_vector");
  }
  return {};
}

Result<void> CheckSparse(const SparseVector& vector, const std::string& path) {
  if (vector.indices.size() != vector.values.size()) {
    return Bad(fmt::format("the sparse vector has {} indices and {} values", vector.indices.size(),
                           vector.values.size()),
               path, "invalid_sparse_vector");
  }
  if (vector.values.size() > Limits::kSparseValues) {
    return Bad(fmt::format("the sparse vector has {} values; the limit is {}", vector.values.size(),
                           Limits::kSparseValues),
               path, "sparse_vector_too_large");
  }
  auto indices = vector.indices;
  std::ranges::sort(indices);
  if (std::ranges::adjacent_find(indices) != indices.end()) {
    return Bad("the sparse vector has an index twice", path, "invalid_sparse_vector");
  }
  for (const float x : vector.values) {
    if (!std::isfinite(x) || std::fabs(x) > kComponentMax) {
      return Bad("a value of the sparse vector is not a number, infinite or beyond 1e15", path,
                 "invalid_component");
    }
  }
  return {};
}

// Of a point in a space that is multi, or of a query there.
Result<void> CheckMulti(const Space& space, Components components, const MultiVector& vectors,
                        const std::string& path) {
  const size_t most =
      std::min(Limits::kMultiVectors, Limits::kMultiComponents / std::max(space.dimensions, 1U));
  if (vectors.empty() || vectors.size() > most) {
    return Bad(fmt::format("there are {} vectors; the space '{}', of {} dimensions, takes 1 to {}",
                           vectors.size(), space.name, space.dimensions, most),
               path, vectors.empty() ? "no_vectors" : "too_many_vectors");
  }
  for (const std::vector<float>& vector : vectors) {
    if (auto ok = CheckVector(space, components, vector, path); !ok) return ok;
  }
  return {};
}

std::unexpected<Error> WrongKind(const Space& space, std::string path) {
  return Bad(fmt::format("the space '{}' takes {}", space.name,
                         space.sparse  ? "sparse vectors: indices and values"
                         : space.multi ? "several vectors: a list of them"
                                       : "dense vectors: a number for each dimension"),
             std::move(path), "wrong_vector_kind");
}

Result<const Space*> SpaceOf(std::span<const Space> spaces, std::string_view name,
                             std::string path) {
  const auto space = std::ranges::find(spaces, name, &Space::name);
  if (space != spaces.end()) return &*space;
  return Bad(fmt::format("the collection has no space '{}'", name), std::move(path),
             "unknown_space");
}

size_t DepthOf(const json::Value& value, size_t limit) {
  if (limit == 0) return 1;
  size_t inner = 0;
  if (const json::Array* array = value.AsArray()) {
    for (const auto& element : *array) inner = std::max(inner, DepthOf(element, limit - 1));
    return inner + 1;
  }
  if (const json::Object* object = value.AsObject()) {
    for (const auto& member : *object) inner = std::max(inner, DepthOf(member.value, limit - 1));
    return inner + 1;
  }
  return 0;
}

Result<void> CheckPayload(const json::Value& payload, std::string path) {
  if (!payload.is_null() && payload.AsObject() == nullptr) {
    return Bad("a payload is an object or null", std::move(path), "invalid_payload");
  }
  if (DepthOf(payload, Limits::kPayloadDepth) > Limits::kPayloadDepth) {
    return Bad(fmt::format("a payload is nested over {} levels deep", Limits::kPayloadDepth),
               std::move(path), "payload_too_deep");
  }
  return {};
}

Result<size_t> CheckPoint(std::span<const Space> spaces, const Point& point, size_t index) {
  const auto path = [index](std::string_view field) {
    return fmt::format("points[{}].{}", index, field);
  };
  if (auto ok = CheckId(point.id, path("id")); !ok) return Fail(std::move(ok.error()));
  size_t bytes = point.text.size();
  for (const auto& [name, vector] : point.vectors) {
    const auto space = SpaceOf(spaces, name, path("vectors"));
    if (!space) return Fail(space.error());
    if ((*space)->sparse || (*space)->multi) return WrongKind(**space, path("vectors"));
    if (auto ok = CheckVector(**space, (*space)->components, vector, path("vectors")); !ok) {
      return Fail(std::move(ok.error()));
    }
    bytes += vector.size() * sizeof(float);
  }
  for (const auto& [name, vector] : point.sparse) {
    const auto space = SpaceOf(spaces, name, path("vectors"));
    if (!space) return Fail(space.error());
    if (!(*space)->sparse) return WrongKind(**space, path("vectors"));
    if (auto ok = CheckSparse(vector, path("vectors")); !ok) return Fail(std::move(ok.error()));
    bytes += vector.values.size() * (sizeof(uint32_t) + sizeof(float));
  }
  for (const auto& [name, vectors] : point.multi) {
    const auto space = SpaceOf(spaces, name, path("vectors"));
    if (!space) return Fail(space.error());
    if (!(*space)->multi) return WrongKind(**space, path("vectors"));
    auto ok = CheckMulti(**space, (*space)->components, vectors, path("vectors"));
    if (!ok) return Fail(std::move(ok.error()));
    bytes += vectors.size() * (*space)->dimensions * sizeof(float);
  }
  if (auto ok = CheckPayload(point.payload, path("payload")); !ok) {
    return Fail(std::move(ok.error()));
  }
  if (auto ok = ReadExpiry(point.payload, path("payload")); !ok) {
    return Fail(std::move(ok.error()));
  }
  if (point.text.size() > Limits::kTextBytes || !IsValidUtf8(point.text)) {
    return Bad(fmt::format("a text takes up to {} bytes of UTF-8", Limits::kTextBytes),
               path("text"), "invalid_text");
  }
  return bytes;
}

// What a filter costs, added up over all that it holds.
struct FilterSize {
  size_t conditions = 0;
  size_t values = 0;
};

Result<void> CheckLevel(std::span<const Space> spaces, const Filter& filter, size_t depth,
                        FilterSize& size);

Result<void> CheckPath(std::string_view path) {
  if (!path.empty() && path.size() <= Limits::kNameBytes) return {};
  return Bad(fmt::format("the path of a condition takes 1 to {} bytes", Limits::kNameBytes),
             "filter", "invalid_path");
}

Result<void> CheckScalars(std::span<const Scalar> values) {
  for (const Scalar& value : values) {
    if (const double* number = std::get_if<double>(&value); number && std::isnan(*number)) {
      return Bad("a value of the filter is not a number", "filter", "invalid_value");
    }
  }
  return {};
}

template <class Bounds>
Result<void> CheckBounds(const Bounds& bounds) {
  for (const auto& bound : {bounds.gt, bounds.gte, bounds.lt, bounds.lte}) {
    if (!bound) continue;
    if constexpr (std::is_same_v<decltype(*bound), const double&>) {
      if (std::isnan(*bound)) {
        return Bad("a bound of the filter is not a number", "filter", "invalid_value");
      }
    }
  }
  return CheckPath(bounds.path);
}

Result<void> CheckGeo(const Geo& geo) {
  if (auto ok = CheckPath(geo.path); !ok) return ok;
  const auto is_place = [](const GeoPoint& point) {
    return std::fabs(point.lon) <= 180 && std::fabs(point.lat) <= 90;
  };
  const auto is_ring = [&](const std::vector<GeoPoint>& ring) {
    return ring.size() >= 4 && ring.front() == ring.back() && std::ranges::all_of(ring, is_place);
  };
  if (!is_place(geo.a) || !is_place(geo.b)) {
    return Bad("a place has a longitude of -180 to 180 and a latitude of -90 to 90", "filter",
               "invalid_value");
  }
  if (geo.shape == Geo::Shape::kRadius && !(geo.radius_m >= 0 && std::isfinite(geo.radius_m))) {
    return Bad("a radius is a number of metres from 0 on", "filter", "invalid_value");
  }
  if (geo.shape == Geo::Shape::kPolygon &&
      !(is_ring(geo.exterior) && std::ranges::all_of(geo.interiors, is_ring))) {
    return Bad("a ring of a polygon has at least 4 places, the last of which is the first",
               "filter", "invalid_value");
  }
  return {};
}

Result<void> CheckCondition(std::span<const Space> spaces, const Condition& condition, size_t depth,
                            FilterSize& size) {
  return std::visit(
      Overloaded{
          [&](const Match& match) {
            size.values += match.any.size();
            auto ok = CheckPath(match.path);
            return ok ? CheckScalars(match.any) : ok;
          },
          [&](const Except& except) {
            size.values += except.none.size();
            auto ok = CheckPath(except.path);
            return ok ? CheckScalars(except.none) : ok;
          },
          [](const Range& range) { return CheckBounds(range); },
          [](const TimeRange& range) { return CheckBounds(range); },
          [](const ValuesCount& count) { return CheckBounds(count); },
          [&](const Geo& geo) {
            size.values += geo.exterior.size();
            for (const auto& ring : geo.interiors) size.values += ring.size();
            return CheckGeo(geo);
          },
          [](const HasText& has) { return CheckPath(has.path); },
          [](const HasWords& has) { return CheckPath(has.path); },
          [](const IsEmpty& is) { return CheckPath(is.path); },
          [](const IsNull& is) { return CheckPath(is.path); },
          [](const OwnTextHas&) { return Result<void>(); },
          [](const OwnTextPasses& passes) -> Result<void> {
            if (passes.test) return {};
            return Bad("a condition on the text has no test", "filter", "invalid_value");
          },
          [&](const HasId& has) {
            size.values += has.ids.size();
            return Result<void>();
          },
          [&](const HasVector& has) -> Result<void> {
            auto found = FindSpace(spaces, has.space);
            if (!found) return Fail(std::move(found.error()));
            return {};
          },
          [&](const Nested& nested) {
            auto ok = CheckPath(nested.path);
            return ok ? CheckLevel(spaces, nested.filter, depth + 1, size) : ok;
          },
          [&](const Filter& filter) { return CheckLevel(spaces, filter, depth + 1, size); },
      },
      condition.what);
}

Result<void> CheckLevel(std::span<const Space> spaces, const Filter& filter, size_t depth,
                        FilterSize& size) {
  if (depth > Filter::kDepthMax) {
    return Bad(fmt::format("a filter is nested over {} levels deep", Filter::kDepthMax), "filter",
               "filter_too_deep");
  }
  for (const auto* conditions : {&filter.must, &filter.should, &filter.must_not}) {
    for (const Condition& condition : *conditions) {
      ++size.conditions;
      if (auto ok = CheckCondition(spaces, condition, depth, size); !ok) return ok;
    }
  }
  if (size.conditions > Filter::kConditionsMax) {
    return Bad(fmt::format("a filter has over {} conditions", Filter::kConditionsMax), "filter",
               "filter_too_large");
  }
  if (size.values > Filter::kValuesMax) {
    return Bad(fmt::format("a filter has over {} values", Filter::kValuesMax), "filter",
               "filter_too_large");
  }
  return {};
}

// What a query is to be near to, or an example of one.
template <class Aim>
Result<void> CheckAim(const Space& space, const Aim& aim) {
  if (space.sparse) {
    if (!aim.vector.empty() || !aim.multi.empty()) return WrongKind(space, "vector");
    return CheckSparse(aim.sparse, "vector");
  }
  if (!aim.sparse.indices.empty()) return WrongKind(space, "vector");
  if (aim.multi.empty()) return CheckVector(space, Components::kF32, aim.vector, "vector");
  if (!space.multi || !aim.vector.empty()) return WrongKind(space, "vector");
  return CheckMulti(space, Components::kF32, aim.multi, "vector");
}

Result<void> CheckLikeness(std::span<const Space> spaces, const Query& query) {
  const Likeness& likeness = *query.likeness;
  if (query.HasDense() || !query.sparse.indices.empty() || !query.text.empty()) {
    return Bad("a query by examples takes neither a vector nor a text beside them", "likeness",
               "unsupported_query");
  }
  const size_t examples = likeness.like.size() + likeness.unlike.size();
  if (examples < 1 || examples > Limits::kExamples) {
    return Bad(
        fmt::format("there are {} examples; a query takes 1 to {}", examples, Limits::kExamples),
        "likeness", examples == 0 ? "no_examples" : "too_many_examples");
  }
  const auto space = FindSpace(spaces, query.space);
  if (!space) return Fail(space.error());
  for (const auto* list : {&likeness.like, &likeness.unlike}) {
    for (const Example& example : *list) {
      if (auto ok = CheckAim(spaces[*space], example); !ok) return ok;
    }
  }
  return {};
}

}  // namespace

Result<void> CheckSpec(const CollectionSpec& spec) {
  if (auto ok = CheckCollectionName(spec.name); !ok) return ok;
  if (auto ok = CheckAbout(spec.about); !ok) return ok;
  if (spec.spaces.size() > Limits::kSpaces) {
    return Bad(fmt::format("a collection has at most {} spaces", Limits::kSpaces), "spaces");
  }
  std::set<std::string_view> names;
  for (const Space& space : spec.spaces) {
    if (auto ok = CheckName(space.name, "space", 0, Limits::kNameBytes); !ok) return ok;
    if (auto ok = CheckName(space.model, "model", 0, Limits::kNameBytes); !ok) return ok;
    if (!names.insert(space.name).second) {
      return Bad(fmt::format("two spaces are named '{}'", space.name), "spaces");
    }
    if (space.sparse) {
      const Space plain{.name = space.name,
                        .metric = Metric::kDot,
                        .sparse = true,
                        .idf = space.idf,
                        .model = space.model};
      if (space == plain) continue;
      return Bad("a sparse space has no dimensions, the metric dot, and neither f16, u8 nor bits",
                 "spaces");
    }
    if (space.idf) return Bad("idf is of sparse spaces alone", "spaces");
    if (space.multi && space.codes != Codes::kBytes)
      return Bad("a space of several vectors has no bits", "spaces");
    if (space.dimensions < 1 || space.dimensions > Limits::kDimensions) {
      return Bad(fmt::format("a space has 1 to {} dimensions", Limits::kDimensions), "dimensions");
    }
  }
  return {};
}

Result<void> CheckCollectionName(std::string_view name) {
  return CheckName(name, "collection", 1, Limits::kCollectionNameBytes);
}

Result<void> CheckAbout(const json::Value& about) {
  if (auto ok = CheckPayload(about, "about"); !ok) return ok;
  const size_t bytes = json::Print(about).size();
  if (bytes <= Limits::kAboutBytes) return {};
  return Fail(Code::kTooLarge,
              fmt::format("what is remembered of a collection is {} bytes long; the limit is {}",
                          bytes, Limits::kAboutBytes),
              "about", "about_too_large");
}

Result<void> CheckNote(const Note& note) {
  if (auto ok = CheckName(note.key, "note", 1, Limits::kCollectionNameBytes); !ok) return ok;
  if (note.text.size() <= Limits::kNoteBytes && IsValidUtf8(note.text)) return {};
  return Fail(Code::kTooLarge,
              fmt::format("a note takes up to {} bytes of UTF-8", Limits::kNoteBytes), "text",
              "note_too_large");
}

std::unexpected<Error> Full(size_t points_most) {
  return Fail(Code::kTooLarge, fmt::format("a collection has at most {} points", points_most),
              "points", "collection_full");
}

Result<void> CheckPoints(std::span<const Space> spaces, std::span<const Point> points) {
  if (points.size() > Limits::kBatchPoints) {
    return Fail(
        Code::kTooLarge,
        fmt::format("{} points at once; the limit is {}", points.size(), Limits::kBatchPoints),
        "points", "batch_too_large");
  }
  size_t bytes = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const auto size = CheckPoint(spaces, points[i], i);
    if (!size) return Fail(size.error());
    bytes += *size;
  }
  if (bytes > Limits::kBatchBytes) {
    return Fail(Code::kTooLarge,
                fmt::format("{} bytes at once; the limit is {}", bytes, Limits::kBatchBytes),
                "points", "batch_too_large");
  }
  return {};
}

Result<void> CheckIds(std::span<const std::string> ids) {
  if (ids.size() > Limits::kBatchPoints) {
    return Fail(Code::kTooLarge,
                fmt::format("{} ids at once; the limit is {}", ids.size(), Limits::kBatchPoints),
                "ids", "batch_too_large");
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    if (auto ok = CheckId(ids[i], fmt::format("ids[{}]", i)); !ok) return ok;
  }
  return {};
}

Result<void> CheckQuery(std::span<const Space> spaces, const Query& query) {
  if (query.k < 1 || query.k > Limits::kResults || query.offset > Limits::kResults - query.k) {
    return Bad(fmt::format("k takes 1 to {}, together with the offset", Limits::kResults), "k");
  }
  if (query.text.size() > Limits::kQueryTextBytes || !IsValidUtf8(query.text)) {
    return Bad(
        fmt::format("the text of a query takes up to {} bytes of UTF-8", Limits::kQueryTextBytes),
        "text", "invalid_text");
  }
  if (query.likeness) {
    if (auto ok = CheckLikeness(spaces, query); !ok) return ok;
  } else if (query.text.empty() || query.HasDense()) {
    const auto space = FindSpace(spaces, query.space);
    if (!space) return Fail(space.error());
    if (spaces[*space].sparse && !query.text.empty()) return WrongKind(spaces[*space], "vector");
    if (auto ok = CheckAim(spaces[*space], query); !ok) return ok;
  } else if (!query.sparse.indices.empty()) {
    return Bad("a query by words takes no sparse vector beside them", "vector",
               "unsupported_query");
  }
  const Blend& blend = query.blend;
  for (const float x : {blend.vector_weight, blend.words_weight, blend.rank_constant}) {
    if (!(x >= 0 && x <= 1e6F)) return Bad("a number of the blend takes 0 to 1000000", "blend");
  }
  if (query.width > Limits::kResults) {
    return Bad(fmt::format("width takes up to {}", Limits::kResults), "width");
  }
  if (query.score_limit && !std::isfinite(*query.score_limit)) {
    return Bad("the limit of the score is not a finite number", "score_limit");
  }
  return CheckFilter(spaces, query.filter);
}

Result<void> CheckScroll(std::span<const Space> spaces, const ScrollQuery& query) {
  if (query.limit < 1 || query.limit > Limits::kResults) {
    return Bad(fmt::format("limit takes 1 to {}", Limits::kResults), "limit");
  }
  return CheckFilter(spaces, query.filter);
}

Result<void> CheckOrder(std::span<const Space> spaces, const OrderQuery& query) {
  if (query.limit < 1 || query.limit > Limits::kResults) {
    return Bad(fmt::format("limit takes 1 to {}", Limits::kResults), "limit");
  }
  if (query.from && std::isnan(*query.from)) return Bad("the start is not a number", "from");
  if (auto ok = CheckPath(query.path); !ok) return ok;
  return CheckFilter(spaces, query.filter);
}

Result<void> CheckFacet(std::span<const Space> spaces, const FacetQuery& query) {
  if (query.limit < 1 || query.limit > Limits::kResults) {
    return Bad(fmt::format("limit takes 1 to {}", Limits::kResults), "limit");
  }
  if (auto ok = CheckPath(query.path); !ok) return ok;
  return CheckFilter(spaces, query.filter);
}

Result<void> CheckFilter(std::span<const Space> spaces, const Filter& filter) {
  FilterSize size;
  return CheckLevel(spaces, filter, 1, size);
}

Result<size_t> FindSpace(std::span<const Space> spaces, std::string_view name) {
  if (name.empty() && spaces.size() == 1) return 0;
  for (size_t i = 0; i < spaces.size(); ++i) {
    if (spaces[i].name == name) return i;
  }
  if (name.empty() && !spaces.empty()) {
    return Bad("the collection has several spaces; name one", "space", "space_not_named");
  }
  return Bad(spaces.empty() ? "the collection holds no vectors"
                            : fmt::format("the collection has no space '{}'", name),
             "space", "unknown_space");
}

}  // namespace weir::vectors
