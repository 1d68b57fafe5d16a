// The database against a model that is too simple to be wrong: a map of points, searched one by
// one. Thousands of random operations from a seed, among them closing, and opening what was on the
// disk at that moment as after a loss of power.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include "vectors/filter_match.h"
#include "vectors/store.h"
#include "vectors/test_folder.h"
#include "vectors/words.h"

namespace weir::vectors {
namespace {

const std::vector<Space> kSpaces = {
    {"c", 24, Metric::kCosine}, {"l", 7, Metric::kL2}, {"d", 33, Metric::kDot}};

constexpr size_t kUnlucky = 3;  // neighbours that may be missed in any case

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool OneIn(int n) { return Below(n) == 0; }
  float Normal() { return std::normal_distribution<float>()(random_); }
  std::mt19937& engine() { return random_; }

 private:
  std::mt19937 random_;
};

std::vector<float> RandomVector(Dice& dice, size_t dimensions) {
  std::vector<float> vector(dimensions);
  for (float& x : vector) x = dice.Normal();
  return vector;
}

const char* const kCities[] = {"Kiel", "Bremen", "Husum", "Kappeln"};

json::Value RandomScalar(Dice& dice) {
  switch (dice.Below(8)) {
    case 0:
      return dice.Below(5);
    case 1:
      return dice.Below(20) / 4.0;
    case 2:
      return dice.OneIn(2);
    case 3:
      return nullptr;
    case 4:
      return std::string(300, 'x') + kCities[dice.Below(4)];
    case 5:
      return "202" + std::to_string(dice.Below(9)) + "-0" + std::to_string(1 + dice.Below(9)) +
             "-01";
    default:
      return kCities[dice.Below(4)];
  }
}

json::Value RandomValue(Dice& dice) {
  if (!dice.OneIn(4)) return RandomScalar(dice);
  json::Array array;
  for (int i = dice.Below(4); i > 0; --i) array.push_back(RandomScalar(dice));
  return array;
}

json::Value RandomPayload(Dice& dice) {
  if (dice.OneIn(20)) return {};
  json::Object object;
  for (const char* key : {"a", "b"}) {
    if (!dice.OneIn(4)) object.push_back({key, RandomValue(dice)});
  }
  if (dice.OneIn(2)) {
    json::Array array;
    for (int i = dice.Below(3); i > 0; --i) {
      array.push_back(json::Object{{"a", RandomScalar(dice)}, {"b", RandomValue(dice)}});
    }
    object.push_back({"n", std::move(array)});
  }
  if (dice.OneIn(3)) {
    object.push_back(
        {"place", json::Object{{"lon", dice.Below(360) - 180.0}, {"lat", dice.Below(181) - 90.0}}});
  }
  if (dice.OneIn(40)) object.push_back({"many", json::Array(1'100, json::Value(1))});
  return object;
}

Point RandomPoint(Dice& dice, int ids, const Clock& clock) {
  Point point{.id = std::to_string(dice.Below(ids)), .payload = RandomPayload(dice)};
  if (dice.OneIn(6))
    ExpireAt(point.payload, clock.WallNow() + std::chrono::seconds(dice.Below(20) - 1));
  for (const Space& space : kSpaces) {
    if (!dice.OneIn(10)) point.vectors[space.name] = RandomVector(dice, space.dimensions);
  }
  if (dice.OneIn(2)) {
    point.text = "about";
    for (int i = dice.Below(4); i >= 0; --i)
      point.text += std::string(" ") + kCities[dice.Below(4)];
  }
  return point;
}

std::vector<Scalar> RandomScalars(Dice& dice) {
  std::vector<Scalar> scalars;
  for (int i = dice.Below(3); i >= 0; --i) {
    const json::Value value = RandomScalar(dice);
    if (const int64_t* n = value.AsInt()) scalars.emplace_back(*n);
    if (const double* d = value.AsDouble()) scalars.emplace_back(*d);
    if (const bool* b = value.AsBool()) scalars.emplace_back(*b);
    if (const std::string* s = value.AsString()) scalars.emplace_back(*s);
  }
  return scalars;
}

Filter RandomFilter(Dice& dice, int depth);

Geo RandomGeo(Dice& dice) {
  const auto place = [&]() -> GeoPoint {
    return {static_cast<double>(dice.Below(361) - 180), static_cast<double>(dice.Below(181) - 90)};
  };
  Geo geo{.path = "place", .a = place(), .b = place()};
  geo.shape = static_cast<Geo::Shape>(dice.Below(3));
  geo.radius_m = dice.Below(8'000) * 1'000.0;
  geo.exterior = {place(), place(), place()};
  geo.exterior.push_back(geo.exterior.front());
  return geo;
}

Condition RandomCondition(Dice& dice, int depth) {
  const char* const paths[] = {"a", "b", "n", "n.a", "n[].b", "many", "none"};
  const std::string path = paths[dice.Below(7)];
  const auto bound = [&]() -> std::optional<double> {
    return dice.OneIn(2) ? std::optional(dice.Below(20) / 4.0) : std::nullopt;
  };
  const auto count = [&]() -> std::optional<int64_t> {
    return dice.OneIn(2) ? std::optional<int64_t>(dice.Below(3)) : std::nullopt;
  };
  const auto time = [&]() -> std::optional<WallTime> {
    return dice.OneIn(2) ? ParseTime("202" + std::to_string(dice.Below(9)) + "-05-01")
                         : std::nullopt;
  };
  switch (dice.Below(15)) {
    case 0:
      return Except{path, RandomScalars(dice)};
    case 1:
      return Range{.path = path, .gt = bound(), .lte = bound()};
    case 2:
      return Range{.path = path, .gte = bound(), .lt = bound()};
    case 3:
      return TimeRange{.path = path, .gte = time(), .lt = time()};
    case 4:
      return HasText{path, dice.OneIn(2) ? "e" : "xxKiel"};
    case 5:
      return IsEmpty{path};
    case 6:
      return IsNull{path};
    case 7:
      return ValuesCount{.path = path, .gt = count(), .lte = count()};
    case 8:
      return HasId{{std::to_string(dice.Below(100)), std::to_string(dice.Below(100)), "none"}};
    case 9:
      return HasVector{kSpaces[static_cast<size_t>(dice.Below(3))].name};
    case 10:
      if (dice.OneIn(2)) return OwnTextHas{"t K"};
      return OwnTextPasses{[](std::string_view text) { return text.size() % 3 == 1; }};
    case 11:
      if (depth > 0) return Nested{"n", RandomFilter(dice, depth - 1)};
      break;
    case 12:
      if (depth > 0) return RandomFilter(dice, depth - 1);
      break;
    case 14:
      return RandomGeo(dice);
    case 13:
      return HasWords{path, dice.OneIn(2) ? "KIEL" : "bremen kiel"};
    default:
      break;
  }
  return Match{path, RandomScalars(dice)};
}

Filter RandomFilter(Dice& dice, int depth) {
  Filter filter;
  for (int i = dice.Below(3); i > 0; --i) filter.must.push_back(RandomCondition(dice, depth));
  for (int i = dice.Below(3); i > 0; --i) filter.should.push_back(RandomCondition(dice, depth));
  if (dice.OneIn(3)) filter.must_not.push_back(RandomCondition(dice, depth));
  filter.should_least = static_cast<size_t>(1 + dice.Below(2));
  return filter;
}

class Model {
 public:
  std::map<std::string, Point> points;

  void Expire(WallTime now) {
    std::erase_if(points, [&](const auto& entry) {
      return HasExpired(ExpiryOf(entry.second.payload), AsExpiry(now));
    });
  }
  bool Holds(const Filter& filter, const Point& point) const {
    return Matches(filter, {point.id, point.text, &point.payload, [&](std::string_view s) {
                              return point.vectors.contains(std::string(s));
                            }});
  }
  std::vector<std::string> Matching(const Filter& filter) const {
    std::vector<std::string> ids;
    for (const auto& [id, point] : points) {
      if (Holds(filter, point)) ids.push_back(id);
    }
    return ids;
  }
  // BM25 by its formula.
  double WordScore(const std::vector<std::string>& terms, const std::string& id) const {
    double texts = 0, length = 0;
    std::map<std::string, double> having;
    for (const auto& [other, point] : points) {
      const auto all = AllTermsOf(point.text);
      texts += all.empty() ? 0 : 1;
      length += static_cast<double>(all.size());
      for (const auto& term : terms) having[term] += std::ranges::count(all, term) > 0 ? 1 : 0;
    }
    const auto mine = AllTermsOf(points.at(id).text);
    double score = 0;
    for (const auto& term : terms) {
      const auto times = static_cast<double>(std::ranges::count(mine, term));
      const double factor =
          1.2 * (0.25 + 0.75 * static_cast<double>(mine.size()) / (length / texts));
      score += std::log(1 + (texts - having[term] + 0.5) / (having[term] + 0.5)) * times * 2.2 /
               (times + factor);
    }
    return score;
  }
  static std::vector<std::string> AllTermsOf(std::string_view text) {
    std::vector<std::string> terms;
    ForEachTerm(text, [&](std::string_view term) { terms.emplace_back(term); });
    return terms;
  }
  static double Score(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
    double dot = 0, aa = 0, bb = 0, l2 = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      dot += double{a[i]} * b[i];
      aa += double{a[i]} * a[i];
      bb += double{b[i]} * b[i];
      l2 += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    }
    return metric == Metric::kL2    ? std::sqrt(l2)
           : metric == Metric::kDot ? dot
                                    : dot / std::sqrt(aa * bb);
  }
};

class Trial {
 public:
  explicit Trial(uint32_t seed) : dice_(seed), ids_(dice_.OneIn(4) ? 2'000 : 150) {
    // Later than the machine's: what ends is erased when the course says so, not by the store's
    // own thread while files are copied.
    clock_.SetWall(WallTime(std::chrono::seconds(4'102'444'800)));
    store_ = *Store::Open(Path(), options_);
    c_ = *store_->Create({.name = "c", .spaces = kSpaces});
  }

  void Run(int operations) {
    for (int i = 0; i < operations && !testing::Test::HasFailure(); ++i) {
      model_.Expire(clock_.WallNow());
      switch (dice_.Below(17)) {
        case 16:
          PassTime();
          break;
        case 0:
        case 1:
        case 2:
          Upsert(1);
          break;
        case 3:
        case 4:
          Upsert(dice_.OneIn(5) ? 400 : 30);
          break;
        case 5:
          Delete();
          break;
        case 6:
          if (dice_.OneIn(8)) DeleteByFilter();
          break;
        case 7:
          Count();
          break;
        case 8:
          Scroll();
          break;
        case 9:
          if (dice_.OneIn(6)) Reopen();
          break;
        case 10:
          if (dice_.OneIn(6)) LosePower();
          break;
        case 11:
          QueryByWords();
          break;
        case 12:
          OrderByField();
          CountValues();
          break;
        default:
          Query();
      }
    }
    // Of what the codes pick, nearly everything must be what measuring all would have picked. Which
    // graph answers depends on when it was built, and of few neighbours one is more than a
    // hundredth.
    if (wanted_ > 100) {
      EXPECT_GE(static_cast<double>(found_ + kUnlucky), 0.99 * static_cast<double>(wanted_));
    }
  }

 private:
  std::filesystem::path Path() const { return folder_.path() / std::to_string(generation_); }

  void Upsert(int count) {
    std::vector<Point> points;
    for (int i = 0; i < count; ++i) points.push_back(RandomPoint(dice_, ids_, clock_));
    ASSERT_TRUE(c_->Upsert(points));
    for (Point& point : points) model_.points[point.id] = point;
  }

  void PassTime() {
    clock_.Advance(std::chrono::seconds(1 + dice_.Below(4)));
    if (dice_.OneIn(2)) ASSERT_TRUE(store_->EraseExpired());
  }

  void Delete() {
    std::vector<std::string> ids;
    int64_t there = 0;
    for (int i = dice_.Below(8); i > 0; --i) ids.push_back(std::to_string(dice_.Below(ids_)));
    const auto deleted = c_->Delete(ids);
    for (const auto& id : ids) there += static_cast<int64_t>(model_.points.erase(id));
    EXPECT_EQ(deleted, there);
  }

  void DeleteByFilter() {
    const Filter filter = RandomFilter(dice_, 2);
    const auto ids = model_.Matching(filter);
    if (ids.size() > model_.points.size() / 2) return;
    EXPECT_EQ(c_->Delete(filter), static_cast<int64_t>(ids.size()));
    for (const auto& id : ids) model_.points.erase(id);
  }

  void Count() {
    EXPECT_EQ(c_->Count(), static_cast<int64_t>(model_.points.size()));
    const Filter filter = RandomFilter(dice_, 2);
    EXPECT_EQ(c_->Count(filter), static_cast<int64_t>(model_.Matching(filter).size()));
  }

  // Numbers of a field, by its smallest (or largest) one.
  void OrderByField() {
    const Filter filter = dice_.OneIn(2) ? Filter() : RandomFilter(dice_, 1);
    const OrderQuery query{
        .path = "n.b",
        .descending = dice_.OneIn(2),
        .from = dice_.OneIn(2) ? std::optional(dice_.Below(8) / 2.0) : std::nullopt,
        .limit = static_cast<size_t>(1 + dice_.Below(60)),
        .filter = filter};
    std::vector<double> wanted;
    for (const auto& id : model_.Matching(filter)) {
      std::optional<double> best;
      ForEachAt(model_.points[id].payload, query.path, [&](const json::Value& value) {
        std::optional<double> x;
        if (const int64_t* i = value.AsInt()) x = static_cast<double>(*i);
        if (const double* d = value.AsDouble()) x = *d;
        if (!x || (query.from && (query.descending ? *x > *query.from : *x < *query.from))) return;
        if (!best || (query.descending ? *x > *best : *x < *best)) best = x;
      });
      if (best) wanted.push_back(*best);
    }
    std::ranges::sort(wanted);
    if (query.descending) std::ranges::reverse(wanted);
    if (wanted.size() > query.limit) wanted.resize(query.limit);
    const auto ordered = c_->Order(query);
    ASSERT_TRUE(ordered);
    std::vector<double> values;
    for (const OrderedPoint& one : *ordered) {
      EXPECT_EQ(one.point, model_.points[one.point.id]);
      const int64_t* i = std::get_if<int64_t>(&one.value);
      values.push_back(i != nullptr ? static_cast<double>(*i) : std::get<double>(one.value));
    }
    EXPECT_EQ(values, wanted);
  }

  void CountValues() {
    const Filter filter = dice_.OneIn(2) ? Filter() : RandomFilter(dice_, 1);
    std::map<Scalar, int64_t> wanted;
    for (const auto& id : model_.Matching(filter)) {
      std::map<Scalar, bool> values;
      ForEachAt(model_.points[id].payload, "a", [&](const json::Value& value) {
        if (const int64_t* i = value.AsInt()) values[*i] = true;
        if (const bool* b = value.AsBool()) values[*b] = true;
        if (const std::string* s = value.AsString()) values[*s] = true;
      });
      for (const auto& [value, there] : values) ++wanted[value];
    }
    const auto hits = c_->Facet({.path = "a", .limit = 1'000, .filter = filter});
    ASSERT_TRUE(hits);
    std::map<Scalar, int64_t> found;
    for (const FacetHit& hit : *hits) found[hit.value] = hit.count;
    EXPECT_EQ(found, wanted);
  }

  void Scroll() {
    const Filter filter = dice_.OneIn(2) ? Filter() : RandomFilter(dice_, 2);
    const auto wanted = model_.Matching(filter);
    std::vector<std::string> seen;
    ScrollQuery query{.limit = static_cast<size_t>(1 + dice_.Below(200)), .filter = filter};
    for (;;) {
      const auto page = c_->Scroll(query);
      ASSERT_TRUE(page);
      for (const Point& point : page->points) {
        EXPECT_EQ(point, model_.points[point.id]);
        seen.push_back(point.id);
      }
      if (!page->next) break;
      query.after = *page->next;
    }
    EXPECT_EQ(seen, wanted);
  }

  void Query() {
    const Space& space = kSpaces[static_cast<size_t>(dice_.Below(3))];
    vectors::Query query{.space = space.name,
                         .vector = RandomVector(dice_, space.dimensions),
                         .k = static_cast<size_t>(1 + dice_.Below(dice_.OneIn(8) ? 500 : 20)),
                         .offset = static_cast<size_t>(dice_.OneIn(3) ? dice_.Below(10) : 0)};
    if (dice_.OneIn(2)) query.filter = RandomFilter(dice_, 2);
    const Search searches[] = {Search::kAuto, Search::kExact, Search::kScan, Search::kGraph};
    query.search = searches[dice_.Below(4)];
    std::vector<double> scores;
    for (const auto& [id, point] : model_.points) {
      const auto vector = point.vectors.find(space.name);
      if (vector == point.vectors.end() || !model_.Holds(query.filter, point)) continue;
      scores.push_back(Model::Score(space.metric, query.vector, vector->second));
    }
    std::ranges::sort(scores);
    if (space.metric != Metric::kL2) std::ranges::reverse(scores);
    const auto hits = c_->Query(query);
    ASSERT_TRUE(hits) << hits.error().message;
    const size_t skipped = std::min(scores.size(), query.offset);
    ASSERT_EQ(hits->size(), std::min(query.k, scores.size() - skipped));
    for (size_t i = 0; i < hits->size(); ++i) {
      const Point& point = model_.points[(*hits)[i].point.id];
      ASSERT_TRUE(point.vectors.contains(space.name));
      EXPECT_TRUE(model_.Holds(query.filter, point));
      const float score = (*hits)[i].score;
      EXPECT_NEAR(score, Model::Score(space.metric, query.vector, point.vectors.at(space.name)),
                  1e-4);
      // One that is as good as the last that measuring all gives is among those.
      const double last = scores[skipped + hits->size() - 1];
      ++wanted_;
      found_ += (space.metric == Metric::kL2 ? score <= last + 1e-4 : score >= last - 1e-4) ? 1 : 0;
      if (query.search == Search::kExact) EXPECT_NEAR(score, scores[skipped + i], 1e-4) << i;
    }
  }

  void QueryByWords() {
    // How rare a word is counts what has ended until it is erased.
    ASSERT_TRUE(store_->EraseExpired());
    const char* const texts[] = {"Kiel", "about", "Husum Kappeln", "nothing"};
    vectors::Query query{.text = texts[dice_.Below(4)],
                         .k = static_cast<size_t>(1 + dice_.Below(300))};
    if (dice_.OneIn(2)) query.filter = RandomFilter(dice_, 1);
    const auto terms = TermsOf(query.text);
    size_t matching = 0;
    for (const auto& [id, point] : model_.points) {
      const auto mine = TermsOf(point.text);
      const bool any = std::ranges::any_of(
          terms, [&](const auto& t) { return std::ranges::binary_search(mine, t); });
      matching += any && model_.Holds(query.filter, point) ? 1 : 0;
    }
    const auto hits = c_->Query(query);
    ASSERT_TRUE(hits) << hits.error().message;
    EXPECT_EQ(hits->size(), std::min(query.k, matching));
    for (const Hit& hit : *hits) {
      EXPECT_TRUE(model_.Holds(query.filter, model_.points[hit.point.id]));
    }
    if (!hits->empty()) {
      EXPECT_NEAR(hits->front().score, model_.WordScore(terms, hits->front().point.id), 1e-4);
      EXPECT_NEAR(hits->back().score, model_.WordScore(terms, hits->back().point.id), 1e-4);
    }
    // With a vector beside it every point that has one counts.
    const Space& space = kSpaces[static_cast<size_t>(dice_.Below(3))];
    query.space = space.name;
    query.vector = RandomVector(dice_, space.dimensions);
    size_t eligible = 0;
    for (const auto& [id, point] : model_.points) {
      if (!model_.Holds(query.filter, point)) continue;
      const auto mine = TermsOf(point.text);
      const bool any = std::ranges::any_of(
          terms, [&](const auto& t) { return std::ranges::binary_search(mine, t); });
      eligible += any || point.vectors.contains(space.name) ? 1 : 0;
    }
    const auto both = c_->Query(query);
    ASSERT_TRUE(both) << both.error().message;
    EXPECT_EQ(both->size(), std::min(query.k, eligible));
    for (size_t i = 1; i < both->size(); ++i) EXPECT_LE((*both)[i].score, (*both)[i - 1].score);
  }

  void Reopen() {
    c_.reset();
    store_.reset();
    store_ = *Store::Open(Path(), options_);
    c_ = *store_->Find("c");
  }

  // What has reached the files by now, without the memory that SQLite shares, is what is there
  // after the power came back.
  void LosePower() {
    const auto from = Path();
    ++generation_;
    std::filesystem::create_directory(Path());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
      const auto to = Path() / std::filesystem::relative(entry.path(), from);
      if (entry.is_directory()) std::filesystem::create_directories(to);
      if (!entry.is_regular_file() || entry.path().extension() == ".db-shm") continue;
      // An index file may be renamed just now; the power is lost before it is there then.
      std::error_code failed;
      std::filesystem::copy_file(entry.path(), to, failed);
      EXPECT_TRUE(!failed || entry.path().parent_path().filename() == "index") << failed.message();
    }
    Reopen();
    std::filesystem::remove_all(from);
    EXPECT_EQ(c_->Count(), static_cast<int64_t>(model_.points.size()));
  }

  Dice dice_;
  int ids_;
  Model model_;
  TestFolder folder_;
  FakeClock clock_;
  // Graphs from 60 points on, so that they are built, extended and read again all the time.
  const StoreOptions options_{.graph_points_least = 60, .clock = &clock_};
  int generation_ = 0;
  std::shared_ptr<Store> store_;
  std::shared_ptr<Collection> c_;
  size_t wanted_ = 0;
  size_t found_ = 0;
};

TEST(Model, SeededOperationsGiveWhatTheModelGives) {
  // Each seed is 150 operations; WEIR_SEEDS wants many, for nightly runs.
  const char* seeds = std::getenv("WEIR_SEEDS");
  const int count = seeds != nullptr ? std::max(1, std::atoi(seeds) / 20) : 11;
  for (int seed = 1; seed <= count && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Trial(static_cast<uint32_t>(seed)).Run(150);
  }
}

}  // namespace
}  // namespace weir::vectors
