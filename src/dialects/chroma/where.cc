#include "dialects/chroma/where.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "dialects/chroma/patterns.h"
#include "vectors/types.h"

namespace weir::chroma {
namespace {

using vectors::Condition;
using vectors::Filter;
using vectors::Scalar;

constexpr std::string_view kDocument = "#document";

void Refuse(json::Problem& problem, const std::string& path, std::string_view what,
            std::string reason = "invalid_value") {
  problem.Set({Code::kInvalidArgument, fmt::format("{} {}", path, what), path, std::move(reason)});
}

Filter Not(Condition condition) {
  Filter filter;
  filter.must_not.push_back(std::move(condition));
  return filter;
}

std::optional<Scalar> ScalarOf(const json::Value& value) {
  if (const std::string* s = value.AsString()) return *s;
  if (const int64_t* i = value.AsInt()) return *i;
  if (const double* d = value.AsDouble()) return *d;
  if (const bool* b = value.AsBool()) return *b;
  return std::nullopt;
}

std::vector<Scalar> ScalarsOf(json::Problem& problem, const json::Value& value,
                              const std::string& path) {
  std::vector<Scalar> scalars;
  const json::Array* list = value.AsArray();
  if (list == nullptr || list->empty() || list->size() > Filter::kValuesMax) {
    Refuse(problem, path, fmt::format("must be an array of 1 to {} values", Filter::kValuesMax));
    return scalars;
  }
  for (const json::Value& element : *list) {
    auto scalar = ScalarOf(element);
    if (!scalar) {
      Refuse(problem, path, "must hold strings, numbers or booleans");
      return scalars;
    }
    scalars.push_back(std::move(*scalar));
  }
  return scalars;
}

Condition PatternAt(json::Problem& problem, Patterns& patterns, const json::Value& value,
                    const std::string& path) {
  const std::string* text = value.AsString();
  auto test = patterns.Add(text != nullptr ? *text : "", path);
  if (test) return vectors::OwnTextPasses{std::move(*test)};
  problem.Set(std::move(test.error()));
  return Filter();
}

Condition TextAt(json::Problem& problem, Patterns& patterns, const std::string& op,
                 const json::Value& value, const std::string& path) {
  const std::string* text = value.AsString();
  if (op == "$regex") return PatternAt(problem, patterns, value, path);
  if (op == "$not_regex") return Not(PatternAt(problem, patterns, value, path));
  if (op != "$contains" && op != "$not_contains") {
    Refuse(problem, path,
           "is not a known operator; $contains, $not_contains, $regex, $not_regex, $and and $or "
           "are",
           "unknown_operator");
    return Filter();
  }
  if (text == nullptr || text->empty() || text->size() > vectors::Limits::kQueryTextBytes) {
    Refuse(problem, path,
           fmt::format("must be a string of 1 to {} bytes", vectors::Limits::kQueryTextBytes));
    return Filter();
  }
  Condition has = vectors::OwnTextHas{*text};
  return op == "$contains" ? has : Condition(Not(std::move(has)));
}

// {"$gt": 3} of one key.
Condition OperatorAt(json::Problem& problem, const std::string& key, const std::string& op,
                     const json::Value& value, const std::string& path) {
  if (op == "$in") return vectors::Match{key, ScalarsOf(problem, value, path)};
  if (op == "$nin") return Not(vectors::Match{key, ScalarsOf(problem, value, path)});
  const bool equal = op == "$eq" || op == "$contains";
  if (equal || op == "$ne" || op == "$not_contains") {
    auto scalar = ScalarOf(value);
    if (!scalar) {
      Refuse(problem, path, "must be a string, a number or a boolean");
      return Filter();
    }
    Condition same = vectors::Match{key, {std::move(*scalar)}};
    return equal ? same : Condition(Not(std::move(same)));
  }
  std::optional<double> number;
  if (const int64_t* i = value.AsInt()) number = static_cast<double>(*i);
  if (const double* d = value.AsDouble()) number = *d;
  vectors::Range range{.path = key};
  if (op == "$gt") {
    range.gt = number;
  } else if (op == "$gte") {
    range.gte = number;
  } else if (op == "$lt") {
    range.lt = number;
  } else if (op == "$lte") {
    range.lte = number;
  } else {
    Refuse(problem, path,
           "is not a known operator; $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $contains, "
           "$not_contains, $and and $or are",
           "unknown_operator");
    return Filter();
  }
  if (!number) Refuse(problem, path, "must be a number");
  return range;
}

// One level: {"$and": [...]}, {"$or": [...]}, or {NAME: WHAT}, which `leaf` reads.
template <class Leaf>
Filter LevelAt(json::Problem& problem, const json::Value& value, const std::string& path,
               size_t depth, const Leaf& leaf) {
  Filter filter;
  if (depth > Filter::kDepthMax) {
    Refuse(problem, path, fmt::format("is nested over {} levels deep", Filter::kDepthMax),
           "filter_too_deep");
    return filter;
  }
  const json::Object* object = value.AsObject();
  if (object == nullptr || object->size() > 1) {
    Refuse(problem, path, "must be an object with one key; join several with $and or $or");
    return filter;
  }
  for (const json::Member& member : *object) {
    const std::string at = path + "." + member.key;
    if (member.key != "$and" && member.key != "$or") {
      filter.must.push_back(leaf(member.key, member.value, at));
      continue;
    }
    const json::Array* list = member.value.AsArray();
    if (list == nullptr || list->empty() || list->size() > Filter::kConditionsMax) {
      Refuse(problem, at,
             fmt::format("must be an array of 1 to {} conditions", Filter::kConditionsMax));
      return filter;
    }
    auto& conditions = member.key == "$and" ? filter.must : filter.should;
    for (size_t i = 0; i < list->size() && !problem; ++i) {
      conditions.push_back(
          LevelAt(problem, (*list)[i], fmt::format("{}[{}]", at, i), depth + 1, leaf));
    }
  }
  return filter;
}

Condition LeafAt(json::Problem& problem, Patterns& patterns, const std::string& key,
                 const json::Value& value, const std::string& path) {
  const json::Object* object = value.AsObject();
  if (key.starts_with('$')) {
    Refuse(problem, path, "is not a known operator; $and and $or are", "unknown_operator");
    return Filter();
  }
  if (key != kDocument && (key.empty() || key.size() > vectors::Limits::kNameBytes ||
                           key.find('.') != std::string::npos || key.ends_with("[]"))) {
    Refuse(problem, path,
           fmt::format("cannot be filtered by: a key takes 1 to {} bytes, no dots and no [] at its "
                       "end",
                       vectors::Limits::kNameBytes),
           "invalid_path");
    return Filter();
  }
  if (object == nullptr) return OperatorAt(problem, key, "$eq", value, path);
  if (object->size() != 1) {
    Refuse(problem, path, "must have one operator");
    return Filter();
  }
  const json::Member& member = object->front();
  const std::string at = path + "." + member.key;
  return key == kDocument ? TextAt(problem, patterns, member.key, member.value, at)
                          : OperatorAt(problem, key, member.key, member.value, at);
}

}  // namespace

Filter ReadWhere(json::Fields& fields) {
  json::Problem& problem = fields.problem();
  Patterns patterns;
  Filter both;
  if (const json::Value* where = fields.Take("where")) {
    Filter filter =
        LevelAt(problem, *where, fields.PathOf("where"), 1,
                [&](const std::string& key, const json::Value& value, const std::string& path) {
                  return LeafAt(problem, patterns, key, value, path);
                });
    if (!filter.empty()) both.must.push_back(std::move(filter));
  }
  if (const json::Value* where = fields.Take("where_document")) {
    Filter filter =
        LevelAt(problem, *where, fields.PathOf("where_document"), 1,
                [&](const std::string& op, const json::Value& value, const std::string& path) {
                  return TextAt(problem, patterns, op, value, path);
                });
    if (!filter.empty()) both.must.push_back(std::move(filter));
  }
  return both;
}

}  // namespace weir::chroma
