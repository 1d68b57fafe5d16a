// The vector database as bench/vectors.py measures it, beside peers that speak the same: a command
// of JSON in each line of standard input, its answer in a line of standard output.
//
//   {"do": "load", "rows": FILE, "fields": FILE, "dimensions": N}  {"seconds": S}
//   {"do": "build", "threads": N}                                  {"seconds": S}
//   {"do": "search", "queries": FILE, "width": N, "field": "r", "below": N}  {"seconds", "ids":
//   [[]]}
//   {"do": "upserts", "rows": FILE, "single": N, "batches": N}     {"sync us", "p50 us", ...}
//   {"do": "words", "passages": N}                                 {"p50 us", "p99 us"}
//
// rows and queries are f32, fields two int32 a row; ids are the rows' numbers.
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "json/parse.h"
#include "json/writer.h"
#include "vectors/store.h"

namespace weir::vectors {
namespace {

constexpr size_t kBatch = 10'000;

template <class T>
T Must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}
void Must(Result<void> result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

class Clock {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

int64_t IntOf(const json::Value& command, std::string_view name, int64_t otherwise = 0) {
  const json::Value* value = command.Find(name);
  return value != nullptr && value->AsInt() != nullptr ? *value->AsInt() : otherwise;
}
std::string TextOf(const json::Value& command, std::string_view name) {
  const json::Value* value = command.Find(name);
  return value != nullptr && value->AsString() != nullptr ? *value->AsString() : "";
}

template <class T>
std::vector<T> ReadFile(const std::string& path) {
  std::vector<T> values(std::filesystem::file_size(path) / sizeof(T));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(T)));
  return values;
}

double Percentile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

class Subject {
 public:
  explicit Subject(std::filesystem::path folder) : folder_(std::move(folder)) {}

  json::Object Do(const json::Value& command) {
    const std::string what = TextOf(command, "do");
    if (what == "load") return Load(command);
    if (what == "build") return Build(command);
    if (what == "search") return Search(command);
    if (what == "upserts") return Upserts(command);
    if (what == "words") return Words(command);
    return {{"error", "unknown command"}};
  }

 private:
  Point MakePoint(const std::vector<float>& rows, size_t row) const {
    const auto begin = rows.begin() + static_cast<ptrdiff_t>(row * dimensions_);
    return {.id = std::to_string(row),
            .vectors = {{"", {begin, begin + static_cast<ptrdiff_t>(dimensions_)}}}};
  }

  json::Object Load(const json::Value& command) {
    dimensions_ = static_cast<size_t>(IntOf(command, "dimensions"));
    const auto rows = ReadFile<float>(TextOf(command, "rows"));
    std::vector<int32_t> fields;
    if (const auto file = TextOf(command, "fields"); !file.empty())
      fields = ReadFile<int32_t>(file);
    store_ = Must(Store::Open(folder_ / "store", {.build_in_background = false}));
    collection_ = Must(store_->Create(
        {.name = "c", .spaces = {{.dimensions = static_cast<uint32_t>(dimensions_)}}}));
    const size_t count = rows.size() / dimensions_;
    double seconds = 0;
    for (size_t from = 0; from < count; from += kBatch) {
      std::vector<Point> points;
      for (size_t row = from; row < std::min(count, from + kBatch); ++row) {
        points.push_back(MakePoint(rows, row));
        if (fields.empty()) continue;
        points.back().payload = json::Object{{"r", fields[2 * row]}, {"s", fields[2 * row + 1]}};
      }
      const Clock clock;
      Must(collection_->Upsert(points));
      seconds += clock.Seconds();
    }
    return {{"seconds", seconds}};
  }

  json::Object Build(const json::Value& command) {
    const Clock clock;
    Must(collection_->BuildIndexes(static_cast<size_t>(IntOf(command, "threads", 1))));
    const double seconds = clock.Seconds();
    malloc_trim(0);  // what this program used to load is not the library's
    return {{"seconds", seconds}};
  }

  json::Object Search(const json::Value& command) {
    const auto queries = ReadFile<float>(TextOf(command, "queries"));
    Query query{.k = 10, .width = static_cast<size_t>(IntOf(command, "width"))};
    if (const std::string field = TextOf(command, "field"); !field.empty()) {
      query.filter.must = {
          Range{.path = field, .lt = static_cast<double>(IntOf(command, "below"))}};
    }
    const size_t count = queries.size() / dimensions_;
    std::vector<std::vector<Hit>> found(count);
    const Clock clock;
    for (size_t i = 0; i < count; ++i) {
      const auto begin = queries.begin() + static_cast<ptrdiff_t>(i * dimensions_);
      query.vector.assign(begin, begin + static_cast<ptrdiff_t>(dimensions_));
      found[i] = Must(collection_->Query(query));
    }
    const double seconds = clock.Seconds();
    json::Array all;
    for (const auto& hits : found) {
      json::Array ids;
      for (const Hit& hit : hits) ids.emplace_back(std::stoi(hit.point.id));
      all.emplace_back(std::move(ids));
    }
    return {{"seconds", seconds}, {"ids", std::move(all)}};
  }

  // A store of its own, as one is opened that nothing is said about.
  json::Object Upserts(const json::Value& command) {
    dimensions_ = static_cast<size_t>(IntOf(command, "dimensions"));
    const auto rows = ReadFile<float>(TextOf(command, "rows"));
    const size_t count = rows.size() / dimensions_;
    const auto path = folder_ / fmt::format("upserts-{}", ++stores_);
    auto store = Must(Store::Open(path));
    auto collection = Must(store->Create(
        {.name = "c", .spaces = {{.dimensions = static_cast<uint32_t>(dimensions_)}}}));
    size_t row = 0;
    std::vector<double> us;
    for (int64_t i = 0; i < IntOf(command, "single"); ++i, ++row) {
      const Point point = MakePoint(rows, row % count);
      const Clock clock;
      Must(collection->Upsert({&point, 1}));
      us.push_back(clock.Seconds() * 1e6);
    }
    constexpr size_t kPoints = 1'000;
    std::vector<double> rates;
    for (int64_t i = 0; i < IntOf(command, "batches"); ++i) {
      std::vector<Point> points;
      for (size_t j = 0; j < kPoints; ++j, ++row) points.push_back(MakePoint(rows, row % count));
      const Clock clock;
      Must(collection->Upsert(points));
      rates.push_back(kPoints / clock.Seconds());
    }
    collection.reset();
    store.reset();
    std::filesystem::remove_all(path);
    return {{"sync us", SyncUs()},
            {"p50 us", Percentile(us, 0.5)},
            {"p99 us", Percentile(us, 0.99)},
            {"batched/s", Percentile(rates, 0.5)}};
  }

  // What the disk takes for a synced write of two pages: no durable write is quicker.
  double SyncUs() const {
    const auto path = folder_ / "sync";
    const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return 0;
    const std::string pages(8'192, 'x');
    std::vector<double> us;
    for (int i = 0; i < 100; ++i) {
      const Clock clock;
      if (write(file, pages.data(), pages.size()) < 0 || fdatasync(file) != 0) return 0;
      us.push_back(clock.Seconds() * 1e6);
    }
    close(file);
    std::filesystem::remove(path);
    return Percentile(us, 0.5);
  }

  // Texts of made words, as often as words are in texts (Zipf), 60 in each.
  json::Object Words(const json::Value& command) {
    constexpr size_t kVocabulary = 60'000;
    constexpr int kLength = 60;
    std::vector<double> weights(kVocabulary);
    for (size_t i = 0; i < kVocabulary; ++i) weights[i] = 1.0 / static_cast<double>(i + 3);
    std::discrete_distribution<size_t> often(weights.begin(), weights.end());
    std::mt19937 random(20261122);
    // Letters alone: digits would make an identifier of several parts.
    const auto word = [&](size_t number) {
      std::string letters;
      for (uint64_t rest = (number + 1) * 2'654'435'761U % (uint64_t{1} << 32); rest > 0;
           rest /= 20) {
        letters += static_cast<char>('a' + rest % 20);
      }
      return letters;
    };
    const bool there = std::filesystem::exists(folder_ / "words");
    auto store = Must(Store::Open(folder_ / "words"));
    auto collection = Must(there ? store->Find("c") : store->Create({.name = "c"}));
    Must(collection->Count());  // read into memory
    const auto passages = static_cast<size_t>(IntOf(command, "passages"));
    for (size_t from = 0; !there && from < passages; from += kBatch) {
      std::vector<Point> points;
      for (size_t i = from; i < std::min(passages, from + kBatch); ++i) {
        points.push_back({.id = std::to_string(i)});
        for (int j = 0; j < kLength; ++j) points.back().text += word(often(random)) + " ";
      }
      Must(collection->Upsert(points));
    }
    std::vector<double> us;
    for (int i = 0; i < 500; ++i) {
      // As people ask: a few words, one or two of them in very many texts.
      std::string text;
      for (int j = 2 + i % 5; j > 0; --j) text += word(often(random)) + " ";
      const Clock clock;
      Must(collection->Query({.text = text, .k = 10}));
      us.push_back(clock.Seconds() * 1e6);
    }
    return {{"p50 us", Percentile(us, 0.5)}, {"p99 us", Percentile(us, 0.99)}};
  }

  const std::filesystem::path folder_;
  size_t dimensions_ = 0;
  int stores_ = 0;
  std::shared_ptr<Store> store_;
  std::shared_ptr<Collection> collection_;
};

}  // namespace
}  // namespace weir::vectors

int main(int argc, char** argv) {
  using namespace weir;
  if (argc != 2) {
    std::fprintf(stderr, "usage: vectors_bench FOLDER\n");
    return 2;
  }
  vectors::Subject subject(argv[1]);
  for (std::string line; std::getline(std::cin, line);) {
    const auto command = json::Parse(line);
    if (!command) return 2;
    std::cout << json::Print(subject.Do(*command)) << std::endl;
  }
  return 0;
}
