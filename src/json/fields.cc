#include "json/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/utf8.h"

namespace weir::json {
namespace {

constexpr size_t kNameShownMax = 64;
constexpr size_t kKnownAtFirst = 16;

// A client's own key, short enough for an error.
std::string_view Shown(std::string_view key) {
  if (key.size() <= kNameShownMax) return key;
  return key.substr(0, CompleteUtf8Prefix(key.substr(0, kNameShownMax)));
}

// Levenshtein's distance, for words of bounded length.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t k = 0; k <= b.size(); ++k) row[k] = k;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t k = 1; k <= b.size(); ++k) {
      const size_t replaced = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);
      diagonal = row[k];
      row[k] = std::min({row[k] + 1, row[k - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::optional<int64_t> AsWhole(const Value& value) {
  if (const int64_t* integer = value.AsInt()) return *integer;
  const double* number = value.AsDouble();
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (number == nullptr || std::floor(*number) != *number || std::abs(*number) > kExact)
    return std::nullopt;
  return static_cast<int64_t>(*number);
}

std::optional<double> AsNumber(const Value& value) {
  if (const int64_t* integer = value.AsInt()) return static_cast<double>(*integer);
  if (const uint64_t* integer = value.AsUint()) return static_cast<double>(*integer);
  if (const double* number = value.AsDouble()) return *number;
  return std::nullopt;
}

}  // namespace

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view best;
  size_t best_distance = word.size() / 3 + 1;  // further away it is another word
  if (word.size() > kNameShownMax) return best;
  for (const std::string_view candidate : known) {
    const bool begins =
        word.size() >= 3 && (candidate.starts_with(word) || word.starts_with(candidate));
    const size_t distance = begins ? 1 : Distance(word, candidate);
    if (distance > best_distance || (distance == best_distance && !best.empty())) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

Fields::Fields(Problem& problem, const Value& value, std::string path)
    : problem_(&problem), path_(std::move(path)) {
  const Object* object = value.AsObject();
  if (object == nullptr) {
    RefuseType("", "an object", value.type());
  } else if (object->size() > kMembersMax) {
    Refuse("", fmt::format("has {} fields; the most is {}", object->size(), kMembersMax));
  } else {
    object_ = object;
    known_.reserve(kKnownAtFirst);
  }
}

const Value* Fields::Take(std::string_view key) {
  const bool required = std::exchange(required_, false);
  known_.push_back(key);
  if (object_ == nullptr || *problem_) return nullptr;
  for (size_t i = 0; i < object_->size(); ++i) {
    const Member& member = (*object_)[i];
    if (member.key != key) continue;
    read_[i] = true;
    if (!member.value.is_null()) return &member.value;
    break;
  }
  if (required) Refuse(key, "is required", Code::kInvalidArgument, "missing_required_parameter");
  return nullptr;
}

std::optional<bool> Fields::Bool(std::string_view key) {
  const Value* value = Take(key);
  if (value == nullptr) return std::nullopt;
  if (const bool* flag = value->AsBool()) return *flag;
  RefuseType(key, "a boolean", value->type());
  return std::nullopt;
}

std::optional<int64_t> Fields::Int(std::string_view key, int64_t min, int64_t max) {
  const Value* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> whole = AsWhole(*value);
  if (whole && *whole >= min && *whole <= max) return whole;
  if (!AsNumber(*value)) {
    RefuseType(key, "an integer", value->type());
  } else if (!whole && value->type() == Type::kDouble) {
    Refuse(key, fmt::format("must be a whole number from {} to {}", min, max));
  } else {
    Refuse(key, fmt::format("is out of range; it must be from {} to {}", min, max));
  }
  return std::nullopt;
}

std::optional<double> Fields::Number(std::string_view key, double min, double max) {
  const Value* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<double> number = AsNumber(*value);
  if (number && *number >= min && *number <= max) return number;
  if (!number) {
    RefuseType(key, "a number", value->type());
  } else {
    Refuse(key, fmt::format("is out of range; it must be from {} to {}", min, max));
  }
  return std::nullopt;
}

std::optional<std::string> Fields::String(std::string_view key, size_t bytes_max) {
  const Value* value = Take(key);
  if (value == nullptr) return std::nullopt;
  const std::string* text = value->AsString();
  if (text == nullptr) {
    RefuseType(key, "a string", value->type());
    return std::nullopt;
  }
  if (text->size() > bytes_max) {
    Refuse(key, fmt::format("has {} bytes; the most is {}", text->size(), bytes_max));
    return std::nullopt;
  }
  return *text;
}

const Array* Fields::List(std::string_view key, size_t count_max) {
  const Value* value = Take(key);
  if (value == nullptr) return nullptr;
  const Array* items = value->AsArray();
  if (items == nullptr) return RefuseType(key, "an array", value->type());
  if (items->size() <= count_max) return items;
  Refuse(key, fmt::format("has {} elements; the most is {}", items->size(), count_max));
  return nullptr;
}

const Object* Fields::Map(std::string_view key, size_t count_max) {
  const Value* value = Take(key);
  if (value == nullptr) return nullptr;
  const Object* members = value->AsObject();
  if (members == nullptr) return RefuseType(key, "an object", value->type());
  if (members->size() <= count_max) return members;
  Refuse(key, fmt::format("has {} fields; the most is {}", members->size(), count_max));
  return nullptr;
}

std::optional<Fields> Fields::Nested(std::string_view key) {
  const Value* value = Take(key);
  if (value == nullptr) return std::nullopt;
  return Fields(*problem_, *value, PathOf(key));
}

std::optional<size_t> Fields::WordIndex(std::string_view key,
                                        std::span<const std::string_view> words) {
  const Value* value = Take(key);
  return value == nullptr ? std::nullopt : WordIndex(key, *value, words);
}

std::optional<size_t> Fields::WordIndex(std::string_view key, const Value& value,
                                        std::span<const std::string_view> words) {
  const std::string* text = value.AsString();
  if (text == nullptr) {
    RefuseType(key, "a string", value.type());
    return std::nullopt;
  }
  const auto found = std::ranges::find(words, std::string_view(*text));
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  Refuse(key, fmt::format("is not known; it must be one of {}", fmt::join(words, ", ")));
  return std::nullopt;
}

std::vector<std::string> Fields::Strings(std::string_view key, size_t count_max, size_t bytes_max) {
  std::vector<std::string> out;
  const Array* items = List(key, count_max);
  if (items == nullptr) return out;
  for (size_t i = 0; i < items->size(); ++i) {
    const std::string* text = (*items)[i].AsString();
    const std::string at = fmt::format("{}[{}]", key, i);
    if (text == nullptr) {
      RefuseType(at, "a string", (*items)[i].type());
      return {};
    }
    if (text->size() > bytes_max) {
      Refuse(at, fmt::format("has {} bytes; the most is {}", text->size(), bytes_max));
      return {};
    }
    out.push_back(*text);
  }
  return out;
}

void Fields::Refuse(std::string_view key, std::string_view what, Code code, std::string reason) {
  std::string at = key.empty() ? path_ : PathOf(key);
  std::string message = fmt::format("{} {}", at.empty() ? "the document" : at, what);
  problem_->Set({code, std::move(message), std::move(at), std::move(reason)});
}

std::nullptr_t Fields::RefuseType(std::string_view key, std::string_view wanted, Type found) {
  Refuse(key, fmt::format("must be {}, but is {}", wanted, TypeName(found)), Code::kInvalidArgument,
         "invalid_type");
  return nullptr;
}

std::vector<std::string_view> Fields::Unread() const {
  std::vector<std::string_view> out;
  for (size_t i = 0; object_ != nullptr && i < object_->size(); ++i) {
    if (!read_[i]) out.push_back((*object_)[i].key);
  }
  return out;
}

void Fields::RefuseUnread(std::span<const std::string_view> ignored) {
  if (*problem_) return;
  for (const std::string_view key : Unread()) {
    if (std::ranges::find(ignored, key) != ignored.end()) continue;
    const std::string_view nearest = Nearest(key, known_);
    const std::string hint =
        nearest.empty() ? "" : fmt::format("; the nearest known field is {}", nearest);
    return Refuse(Shown(key), fmt::format("is not a known field{}", hint), Code::kInvalidArgument,
                  "unknown_parameter");
  }
}

// By hand: each object below the first asks for its path, and few ever show it.
std::string Fields::PathOf(std::string_view key) const {
  std::string path;
  path.reserve(path_.size() + 1 + key.size());
  path += path_;
  if (!path_.empty()) path += '.';
  path += key;
  return path;
}

std::string Fields::PathOf(std::string_view key, size_t index) const {
  char digits[24];
  const auto end = std::to_chars(digits, std::end(digits), index).ptr;
  std::string path = PathOf(key);
  path += '[';
  path.append(digits, end);
  path += ']';
  return path;
}

}  // namespace weir::json
