// The program of docs/vectors.md: keeps notes in a folder and finds the nearest.
//
//   vectors_example FOLDER
#include <fmt/format.h>

#include <cstdio>

#include "vectors/store.h"

namespace {

using namespace weir;

Result<void> Run(const char* folder) {
  auto store = vectors::Store::Open(folder);
  if (!store) return Fail(std::move(store.error()));
  auto notes = (*store)->Find("notes");
  if (!notes) {
    notes = (*store)->Create(
        {.name = "notes", .spaces = {{.dimensions = 3, .metric = vectors::Metric::kCosine}}});
  }
  if (!notes) return Fail(std::move(notes.error()));

  const std::vector<vectors::Point> points = {
      {.id = "harbour",
       .vectors = {{"", {0.9F, 0.1F, 0.0F}}},
       .payload = json::Object{{"city", "Kiel"}, {"year", 2024}},
       .text = "The harbour at dawn"},
      {.id = "museum",
       .vectors = {{"", {0.8F, 0.3F, 0.1F}}},
       .payload = json::Object{{"city", "Bremen"}, {"year", 2021}},
       .text = "The museum of the sea"},
  };
  if (auto kept = (*notes)->Upsert(points); !kept) return kept;

  vectors::Query query{.vector = {1.0F, 0.0F, 0.0F}, .k = 5, .parts = {.payload = true}};
  query.filter.must = {vectors::Range{.path = "year", .gte = 2022}};
  auto hits = (*notes)->Query(query);
  if (!hits) return Fail(std::move(hits.error()));
  for (const auto& hit : *hits) fmt::print("{:.3f} {}\n", hit.score, hit.point.id);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: vectors_example FOLDER\n");
    return 2;
  }
  const auto done = Run(argv[1]);
  if (done) return 0;
  fmt::print(stderr, "vectors_example: {}\n", done.error().message);
  return 1;
}
