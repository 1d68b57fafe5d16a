#include "dialects/qdrant/vector_values.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "base/overloaded.h"

namespace weir::qdrant {
namespace {

using vectors::Limits;

bool IsSparse(const json::Value& value) { return value.Find("indices") != nullptr; }

// A list of lists.
bool IsMulti(const json::Value& value) {
  const json::Array* array = value.AsArray();
  return array != nullptr && !array->empty() && array->front().AsArray() != nullptr;
}

// {"indices": [...], "values": [...]}
vectors::SparseVector ReadSparse(json::Problem& problem, const json::Value& value,
                                 const std::string& path) {
  json::Fields fields(problem, value, path);
  vectors::SparseVector vector;
  const json::Array* indices = fields.Require().List("indices", Limits::kSparseValues);
  for (size_t i = 0; indices != nullptr && i < indices->size() && !problem; ++i) {
    const int64_t* index = (*indices)[i].AsInt();
    if (index == nullptr || *index < 0 || *index > std::numeric_limits<uint32_t>::max()) {
      fields.Refuse(fmt::format("indices[{}]", i), "must be a whole number from 0 to 4294967295",
                    Code::kInvalidArgument);
      break;
    }
    vector.indices.push_back(static_cast<uint32_t>(*index));
  }
  const json::Value* values = fields.Require().Take("values");
  const json::Array* list = values != nullptr ? values->AsArray() : nullptr;
  // Its own length is told; an empty one is fine here.
  if (values != nullptr && !problem && (list == nullptr || !list->empty()))
    vector.values = ReadVector(problem, *values, fields.PathOf("values"));
  if (!problem && vector.values.size() != vector.indices.size()) {
    fields.Refuse("values",
                  fmt::format("must be as many as there are indices, {}, but are {}",
                              vector.indices.size(), vector.values.size()),
                  Code::kInvalidArgument);
  }
  fields.RefuseUnread();
  return vector;
}

vectors::MultiVector ReadMulti(json::Problem& problem, const json::Value& value,
                               const std::string& path) {
  const json::Array& list = *value.AsArray();
  vectors::MultiVector several;
  if (list.size() > Limits::kMultiVectors) {
    problem.Set({Code::kInvalidArgument,
                 fmt::format("{} has {} vectors; it takes 1 to {}", path, list.size(),
                             Limits::kMultiVectors),
                 path, "too_many_vectors"});
    return several;
  }
  several.reserve(list.size());
  for (size_t i = 0; i < list.size() && !problem; ++i)
    several.push_back(ReadVector(problem, list[i], fmt::format("{}[{}]", path, i)));
  return several;
}

}  // namespace

std::vector<float> ReadVector(json::Problem& problem, const json::Value& value,
                              const std::string& path) {
  std::vector<float> vector;
  const auto refuse = [&](std::string what, std::string reason) {
    problem.Set({Code::kInvalidArgument, path + " " + std::move(what), path, std::move(reason)});
    return std::vector<float>();
  };
  const json::Array* array = value.AsArray();
  if (value.AsObject() != nullptr) {
    return value.Find("indices") != nullptr
               ? refuse("is a sparse vector, which needs the name of one", "invalid_value")
               : refuse("is not supported: send the vector itself, this server computes none here",
                        "unsupported_parameter");
  }
  if (array == nullptr)
    return refuse(
        fmt::format("must be an array of numbers, but is {}", json::TypeName(value.type())),
        "invalid_type");
  if (array->empty() || array->size() > Limits::kDimensions)
    return refuse(
        fmt::format("has {} dimensions; it takes 1 to {}", array->size(), Limits::kDimensions),
        "wrong_dimensions");
  vector.reserve(array->size());
  for (const json::Value& component : *array) {
    double number = 0;
    if (const double* d = component.AsDouble()) {
      number = *d;
    } else if (const int64_t* i = component.AsInt()) {
      number = static_cast<double>(*i);
    } else if (const uint64_t* u = component.AsUint()) {
      number = static_cast<double>(*u);
    } else if (component.AsArray() != nullptr) {
      return refuse("holds a list; it takes numbers alone", "invalid_component");
    } else {
      return refuse(
          fmt::format("holds {}; components are finite numbers", json::TypeName(component.type())),
          "invalid_component");
    }
    if (std::fabs(number) > std::numeric_limits<float>::max())
      return refuse("holds a number beyond the range of float32", "invalid_component");
    vector.push_back(static_cast<float>(number));
  }
  return vector;
}

VectorValue ReadVectorValue(json::Problem& problem, const json::Value& value,
                            const std::string& path) {
  if (IsSparse(value)) return ReadSparse(problem, value, path);
  if (IsMulti(value)) return ReadMulti(problem, value, path);
  return ReadVector(problem, value, path);
}

void ReadVectorOf(json::Problem& problem, const json::Value& value, const std::string& path,
                  const std::string& space, vectors::Point& point) {
  // Qdrant's collections, too, have sparse vectors by name alone; ReadVector says so.
  if (space.empty() && IsSparse(value)) {
    ReadVector(problem, value, path);
    return;
  }
  std::visit(
      Overloaded{[&](std::vector<float>&& dense) { point.vectors[space] = std::move(dense); },
                 [&](vectors::SparseVector&& sparse) { point.sparse[space] = std::move(sparse); },
                 [&](vectors::MultiVector&& several) { point.multi[space] = std::move(several); }},
      ReadVectorValue(problem, value, path));
}

void ReadVectors(json::Problem& problem, const json::Value& value, const std::string& path,
                 vectors::Point& point) {
  const json::Object* named = value.AsObject();
  if (named == nullptr || IsSparse(value)) return ReadVectorOf(problem, value, path, "", point);
  if (named->size() > Limits::kSpaces) {
    problem.Set(
        {Code::kInvalidArgument,
         fmt::format("{} has {} names; the most is {}", path, named->size(), Limits::kSpaces), path,
         "invalid_value"});
    return;
  }
  for (const json::Member& member : *named) {
    if (problem) break;
    ReadVectorOf(problem, member.value, path + "." + member.key, member.key, point);
  }
}

}  // namespace weir::qdrant
