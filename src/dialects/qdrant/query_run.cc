// The half of query.h that asks a collection.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/overloaded.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/query.h"
#include "vectors/filter_match.h"

namespace weir::qdrant {
namespace {

using vectors::Collection;
using vectors::Limits;
using vectors::Parts;
using vectors::Point;

// What one query is made of, found once.
struct Running {
  const Collection& collection;
  const IsTime& is_time;
};

Result<std::vector<Scored>> RunOne(const Running& running, const QueryAsk& ask, Parts parts,
                                   size_t limit, size_t offset);

// A collection with one vector need not have it named.
Result<const vectors::Space*> SpaceOf(const Collection& collection, const std::string& name) {
  const auto& spaces = collection.spec().spaces;
  for (const vectors::Space& space : spaces) {
    if (space.name == name) return &space;
  }
  return Fail(Code::kInvalidArgument,
              name.empty() ? "the collection has named vectors; name one with using"
                           : fmt::format("the collection has no vector '{}'", name),
              "using", "unknown_space");
}

// What to be near to.
using Aim = vectors::Example;

Result<Aim> AimOf(const Collection& collection, const std::string& space, const Example& example) {
  if (const auto* dense = std::get_if<std::vector<float>>(&example)) return Aim{.vector = *dense};
  if (const auto* sparse = std::get_if<vectors::SparseVector>(&example))
    return Aim{.sparse = *sparse};
  if (const auto* multi = std::get_if<vectors::MultiVector>(&example)) return Aim{.multi = *multi};
  const std::string& id = std::get<std::string>(example);
  const auto points = collection.Get(std::span(&id, 1), {.vectors = true});
  if (!points) return Fail(points.error());
  if (points->empty()) {
    return Fail(Code::kNotFound, "there is no point with the id that the query names", "query",
                "point_not_found");
  }
  const Point& point = points->front();
  if (const auto dense = point.vectors.find(space); dense != point.vectors.end())
    return Aim{.vector = dense->second};
  if (const auto sparse = point.sparse.find(space); sparse != point.sparse.end())
    return Aim{.sparse = sparse->second};
  if (const auto multi = point.multi.find(space); multi != point.multi.end())
    return Aim{.multi = multi->second};
  return Fail(Code::kInvalidArgument, "the point that the query names has no such vector", "query",
              "vector_not_found");
}

// Points that are examples are not results.
void LeaveOut(const Example& example, vectors::HasId& ids) {
  if (const std::string* id = std::get_if<std::string>(&example)) ids.ids.push_back(*id);
}

// By index, so that an average has the same bits always.
using SparseSum = std::map<uint32_t, double>;

// Adds the examples, each `weight` times.
Result<void> AddSparse(const Collection& collection, const vectors::Space& space,
                       const std::vector<Example>& examples, double weight, SparseSum& sum) {
  for (const Example& example : examples) {
    const auto aim = AimOf(collection, space.name, example);
    if (!aim) return Fail(aim.error());
    const vectors::SparseVector& vector = aim->sparse;
    if (!aim->vector.empty() || vector.indices.size() != vector.values.size()) {
      return Fail(Code::kInvalidArgument,
                  "an example is no sparse vector: as many indices as values", "query",
                  "wrong_vector_kind");
    }
    for (size_t i = 0; i < vector.indices.size(); ++i)
      sum[vector.indices[i]] += weight * vector.values[i];
  }
  return {};
}

// The mean of the examples as Qdrant makes it: the positives' mean, and as far beyond it as it lies
// from the negatives'.
Result<Aim> SparseAverageOf(const Collection& collection, const vectors::Space& space,
                            const Recommend& recommend) {
  const auto share = [](const std::vector<Example>& examples) {
    return 1 / static_cast<double>(examples.size());
  };
  const bool both = !recommend.negative.empty();
  SparseSum sum;
  auto added = AddSparse(collection, space, recommend.positive,
                         (both ? 2 : 1) * share(recommend.positive), sum);
  if (added && both)
    added = AddSparse(collection, space, recommend.negative, -share(recommend.negative), sum);
  if (!added) return Fail(added.error());
  Aim aim;
  for (const auto& [index, value] : sum) {
    if (value == 0) continue;
    aim.sparse.indices.push_back(index);
    aim.sparse.values.push_back(static_cast<float>(value));
  }
  return aim;
}

// The same of dense vectors, of their directions where the metric is cosine.
Result<Aim> AverageOf(const Collection& collection, const vectors::Space& space,
                      const Recommend& recommend) {
  if (space.sparse) return SparseAverageOf(collection, space, recommend);
  if (space.multi) {
    return Fail(
        Code::kInvalidArgument,
        "several vectors of a point have no average; the strategies best_score and sum_scores "
        "need none",
        "query.recommend", "unsupported_parameter");
  }
  const auto mean = [&](const std::vector<Example>& examples) -> Result<std::vector<double>> {
    std::vector<double> sum(space.dimensions);
    for (const Example& example : examples) {
      const auto aim = AimOf(collection, space.name, example);
      if (!aim) return Fail(aim.error());
      const std::vector<float>* const vector = &aim->vector;
      if (vector->size() != sum.size()) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("an example has {} dimensions; the collection has {}",
                                vector->size(), sum.size()),
                    "query", "wrong_dimensions");
      }
      double norm = 1;
      if (space.metric == vectors::Metric::kCosine) {
        norm = 0;
        for (const float x : *vector) norm += static_cast<double>(x) * x;
        norm = norm > 0 ? std::sqrt(norm) : 1;
      }
      for (size_t i = 0; i < sum.size(); ++i) {
        sum[i] += (*vector)[i] / norm / static_cast<double>(examples.size());
      }
    }
    return sum;
  };
  const auto positive = mean(recommend.positive);
  if (!positive) return Fail(positive.error());
  const auto negative = mean(recommend.negative);
  if (!negative) return Fail(negative.error());
  std::vector<float> target(space.dimensions);
  for (size_t i = 0; i < target.size(); ++i) {
    const double away = recommend.negative.empty() ? 0 : (*positive)[i] - (*negative)[i];
    target[i] = static_cast<float>((*positive)[i] + away);
  }
  return Aim{.vector = std::move(target)};
}

using Examples = std::vector<qdrant::Example>;

Result<std::vector<Aim>> AimsOf(const Collection& collection, const std::string& space,
                                const Examples& examples) {
  std::vector<Aim> aims;
  for (const Example& example : examples) {
    auto aim = AimOf(collection, space, example);
    if (!aim) return Fail(std::move(aim.error()));
    aims.push_back(std::move(*aim));
  }
  return aims;
}

// How a recommendation is asked of the database: near to an average, or like all of its examples.
Result<vectors::Query> AskedBy(const Collection& collection, const vectors::Space& space,
                               const Recommend& recommend) {
  vectors::Query query;
  if (!recommend.by) {
    auto aim = AverageOf(collection, space, recommend);
    if (!aim) return Fail(std::move(aim.error()));
    query.vector = std::move(aim->vector);
    query.sparse = std::move(aim->sparse);
    return query;
  }
  auto like = AimsOf(collection, space.name, recommend.positive);
  if (!like) return Fail(std::move(like.error()));
  auto unlike = AimsOf(collection, space.name, recommend.negative);
  if (!unlike) return Fail(std::move(unlike.error()));
  query.likeness = vectors::Likeness{*recommend.by, std::move(*like), std::move(*unlike)};
  return query;
}

Result<std::vector<Scored>> Search(const Running& running, const QueryAsk& ask,
                                   vectors::Query query, vectors::Filter filter, Parts parts,
                                   size_t limit, size_t offset) {
  query.space = ask.space;
  query.k = limit;
  query.offset = offset;
  query.filter = std::move(filter);
  query.score_limit = ask.score_threshold;
  query.search = ask.exact ? vectors::Search::kExact : vectors::Search::kAuto;
  query.width = ask.width;
  query.parts = parts;
  auto hits = running.collection.Query(query);
  if (!hits) return Fail(std::move(hits.error()));
  std::vector<Scored> scored;
  for (vectors::Hit& hit : *hits) scored.push_back({hit.score, std::move(hit.point), {}});
  return scored;
}

// Points of several lists by id, with the sum of what each list gives them.
class Fused {
 public:
  void Add(const std::string& id, double score) {
    const auto [at, added] = places_.try_emplace(id, scores_.size());
    if (added) scores_.push_back({id, 0});
    scores_[at->second].second += score;
  }
  // The best first; equal ones in the order in which they came.
  std::vector<std::pair<std::string, double>> Take() {
    std::sort(scores_.begin(), scores_.end(), [this](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : places_.at(a.first) < places_.at(b.first);
    });
    return std::move(scores_);
  }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::vector<std::pair<std::string, double>> scores_;
};

// Scores between three standard deviations below and above the mean become 0 to 1.
void AddByDistribution(Fused& fused, const std::vector<Scored>& list, bool smaller_is_better) {
  double mean = 0, squares = 0;
  const auto count = static_cast<double>(list.size());
  for (const Scored& one : list) mean += one.score / count;
  for (const Scored& one : list) squares += (one.score - mean) * (one.score - mean);
  const double deviation = list.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  for (const Scored& one : list) {
    double share = 0.5;
    if (deviation > 0)
      share = std::clamp((one.score - mean + 3 * deviation) / (6 * deviation), 0.0, 1.0);
    fused.Add(one.point.id, smaller_is_better ? 1 - share : share);
  }
}

Result<std::vector<Scored>> Fuse(const Running& running, const QueryAsk& ask, const Fusion& fusion,
                                 Parts parts, size_t limit, size_t offset) {
  Fused fused;
  for (size_t i = 0; i < ask.prefetch.size(); ++i) {
    const QueryAsk& prefetch = ask.prefetch[i];
    const auto list = RunOne(running, prefetch, {}, prefetch.limit, 0);
    if (!list) return Fail(list.error());
    if (fusion.by_distribution) {
      const auto space = SpaceOf(running.collection, prefetch.space);
      const Recommend* recommend = std::get_if<Recommend>(&prefetch.query);
      const bool distances = space && (*space)->metric == vectors::Metric::kL2 &&
                             (std::holds_alternative<Nearest>(prefetch.query) ||
                              (recommend != nullptr && !recommend->by));
      AddByDistribution(fused, *list, distances);
      continue;
    }
    const double weight = fusion.weights.empty() ? 1 : fusion.weights[i];
    for (size_t rank = 0; rank < list->size(); ++rank) {
      fused.Add((*list)[rank].point.id,
                weight / (static_cast<double>(fusion.k) + static_cast<double>(rank)));
    }
  }
  std::vector<Scored> scored;
  std::vector<std::string> ids;
  const auto best = fused.Take();
  // The filter of a fusion holds for what comes out of it.
  std::optional<std::vector<std::string>> allowed;
  if (!ask.filter.empty()) {
    vectors::HasId has;
    for (const auto& [id, score] : best) has.ids.push_back(id);
    vectors::Filter filter{.must = {has, ask.filter}};
    auto page = running.collection.Scroll(
        {.limit = std::max<size_t>(1, std::min(best.size(), Limits::kResults)),
         .filter = filter,
         .parts = {}});
    if (!page) return Fail(std::move(page.error()));
    allowed.emplace();
    for (const Point& point : page->points) allowed->push_back(point.id);
    std::sort(allowed->begin(), allowed->end());
  }
  size_t skipped = 0;
  for (const auto& [id, score] : best) {
    if (scored.size() == limit) break;
    if (ask.score_threshold && score < *ask.score_threshold) break;
    if (allowed && !std::binary_search(allowed->begin(), allowed->end(), id)) continue;
    if (skipped++ < offset) continue;
    scored.push_back({static_cast<float>(score), {.id = id}, {}});
    ids.push_back(id);
  }
  if (!parts.any() || ids.empty()) return scored;
  auto points = running.collection.Get(ids, parts);
  if (!points) return Fail(std::move(points.error()));
  std::unordered_map<std::string, Point> by_id;
  for (Point& point : *points) by_id[point.id] = std::move(point);
  std::vector<Scored> there;  // what was deleted meanwhile is left out
  for (Scored& one : scored) {
    const auto found = by_id.find(one.point.id);
    if (found == by_id.end()) continue;
    one.point = std::move(found->second);
    there.push_back(std::move(one));
  }
  return there;
}

// With prefetches the query is asked among what they found.
Result<vectors::Filter> Among(const Running& running, const QueryAsk& ask) {
  if (ask.prefetch.empty()) return ask.filter;
  vectors::HasId found;
  for (const QueryAsk& prefetch : ask.prefetch) {
    const auto list = RunOne(running, prefetch, {}, prefetch.limit, 0);
    if (!list) return Fail(list.error());
    for (const Scored& one : *list) found.ids.push_back(one.point.id);
  }
  vectors::Filter filter;
  filter.must.push_back(std::move(found));
  if (!ask.filter.empty()) filter.must.push_back(ask.filter);
  return filter;
}

Result<std::vector<Scored>> ByIds(const Running& running, vectors::Filter filter, Parts parts,
                                  size_t limit, size_t offset) {
  auto page = running.collection.Scroll(
      {.limit = limit + offset, .filter = std::move(filter), .parts = parts});
  if (!page) return Fail(std::move(page.error()));
  std::vector<Scored> scored;
  for (size_t i = offset; i < page->points.size(); ++i)
    scored.push_back({0, std::move(page->points[i]), {}});
  return scored;
}

Result<std::vector<Scored>> ByChance(const Running& running, const vectors::Filter& filter,
                                     Parts parts, size_t limit) {
  const auto ids = running.collection.Sample(filter, limit);
  if (!ids) return Fail(ids.error());
  auto points = running.collection.Get(*ids, parts);
  if (!points) return Fail(std::move(points.error()));
  std::vector<Scored> scored;
  for (Point& point : *points) scored.push_back({0, std::move(point), {}});
  return scored;
}

vectors::Filter Without(vectors::Filter filter, vectors::HasId ids) {
  if (!ids.ids.empty()) filter.must_not.push_back(std::move(ids));
  return filter;
}

Result<std::vector<Scored>> RunOne(const Running& running, const QueryAsk& ask, Parts parts,
                                   size_t limit, size_t offset) {
  if (const Fusion* fusion = std::get_if<Fusion>(&ask.query))
    return Fuse(running, ask, *fusion, parts, limit, offset);
  auto filter = Among(running, ask);
  if (!filter) return Fail(std::move(filter.error()));
  using Answer = Result<std::vector<Scored>>;
  return std::visit(
      Overloaded{
          [&](const Everything&) -> Answer {
            return ByIds(running, std::move(*filter), parts, limit, offset);
          },
          [&](const Nearest& nearest) -> Answer {
            const auto space = SpaceOf(running.collection, ask.space);
            if (!space) return Fail(space.error());
            auto aim = AimOf(running.collection, (*space)->name, nearest.to);
            if (!aim) return Fail(std::move(aim.error()));
            vectors::HasId left_out;
            LeaveOut(nearest.to, left_out);
            vectors::Query query{.vector = std::move(aim->vector),
                                 .sparse = std::move(aim->sparse),
                                 .multi = std::move(aim->multi)};
            return Search(running, ask, std::move(query), Without(std::move(*filter), left_out),
                          parts, limit, offset);
          },
          [&](const Recommend& recommend) -> Answer {
            const auto space = SpaceOf(running.collection, ask.space);
            if (!space) return Fail(space.error());
            auto query = AskedBy(running.collection, **space, recommend);
            if (!query) return Fail(std::move(query.error()));
            vectors::HasId left_out;
            for (const Example& example : recommend.positive) LeaveOut(example, left_out);
            for (const Example& example : recommend.negative) LeaveOut(example, left_out);
            return Search(running, ask, std::move(*query), Without(std::move(*filter), left_out),
                          parts, limit, offset);
          },
          [&](const Fusion&) -> Answer { return Fail(Code::kInternal, "a fusion of nothing"); },
          [&](const OrderBy& order) -> Answer {
            auto ordered = RunOrder(running.collection, order, *filter, limit + offset, parts,
                                    running.is_time);
            if (ordered)
              ordered->erase(ordered->begin(),
                             ordered->begin() +
                                 static_cast<std::ptrdiff_t>(std::min(offset, ordered->size())));
            return ordered;
          },
          [&](const Sample&) -> Answer { return ByChance(running, *filter, parts, limit); },
      },
      ask.query);
}

// What a point belongs to: its first text or whole number in the field.
std::optional<json::Value> GroupOf(const json::Value& payload, const std::string& field) {
  std::optional<json::Value> group;
  vectors::ForEachAt(payload, field, [&](const json::Value& value) {
    if (!group && (value.AsString() != nullptr || value.AsInt() != nullptr)) group = value;
  });
  return group;
}

}  // namespace

Result<std::vector<Scored>> RunOrder(const Collection& collection, const OrderBy& order,
                                     const vectors::Filter& filter, size_t limit, Parts parts,
                                     const IsTime& is_time) {
  auto points = collection.Order({.path = order.field,
                                  .descending = order.descending,
                                  .from = order.from,
                                  .from_time = order.from_time,
                                  .times = order.from_time.has_value() || is_time(order.field),
                                  .limit = limit,
                                  .filter = filter,
                                  .parts = parts});
  if (!points) return Fail(std::move(points.error()));
  std::vector<Scored> scored;
  for (vectors::OrderedPoint& one : *points) {
    json::Value value = std::visit(
        Overloaded{[](int64_t i) { return json::Value(i); },
                   [](double d) { return json::Value(d); },
                   [](WallTime time) {
                     return json::Value(static_cast<int64_t>(time.time_since_epoch().count()));
                   }},
        one.value);
    scored.push_back({0, std::move(one.point), std::move(value)});
  }
  return scored;
}

Result<std::vector<Scored>> Run(const Collection& collection, const QueryAsk& ask,
                                const IsTime& is_time) {
  return RunOne({collection, is_time}, ask, ask.shown.parts(), ask.limit, ask.offset);
}

void AppendScored(json::Writer& writer, const std::vector<Scored>& scored, const Shown& shown) {
  writer.BeginArray();
  for (const Scored& one : scored) {
    writer.BeginObject();
    AppendPoint(writer, one.point, shown);
    writer.Field("version", 0).Key("score").Float(one.score);
    if (one.order_value) writer.Key("order_value").Tree(*one.order_value);
    writer.EndObject();
  }
  writer.EndArray();
}

// More and more of the best are looked at until the groups are full or there are no more.
Result<std::vector<Group>> RunGroups(const Collection& collection, const QueryAsk& ask,
                                     const IsTime& is_time) {
  const Running running{collection, is_time};
  Parts parts = ask.shown.parts();
  parts.payload = true;
  constexpr size_t kMore = 4;
  for (size_t looked = std::min(ask.limit * ask.group_size * kMore, Limits::kResults);;
       looked = std::min(looked * kMore, Limits::kResults)) {
    auto scored = RunOne(running, ask, parts, looked, 0);
    if (!scored) return Fail(std::move(scored.error()));
    const bool all = scored->size() < looked || looked == Limits::kResults;
    std::vector<Group> groups;
    for (Scored& one : *scored) {
      const auto id = GroupOf(one.point.payload, ask.group_by);
      if (!id) continue;
      auto group = std::ranges::find(groups, *id, &Group::id);
      if (group == groups.end()) {
        if (groups.size() == ask.limit) continue;
        groups.push_back({*id, {}});
        group = groups.end() - 1;
      }
      if (group->hits.size() < ask.group_size) group->hits.push_back(std::move(one));
    }
    const bool full =
        groups.size() == ask.limit && std::ranges::all_of(groups, [&](const Group& group) {
          return group.hits.size() == ask.group_size;
        });
    if (full || all) return groups;
  }
}

}  // namespace weir::qdrant
