#include "json/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"

namespace weir::json {
namespace {

// What the value of a keyword must be.
enum class Form : uint8_t {
  kAnything,
  kTypes,      // one, or some
  kReference,  // to what is there
  kList,
  kNames,
  kNumber,
  kStep,  // a number over 0
  kCount,
  kBool,
  kSchema,
  kSchemas,    // an array
  kSchemaMap,  // an object
};

enum class Word : uint8_t {
  kNote,
  kType,
  kEnum,
  kConst,
  kRequired,
  kProperties,
  kAdditionalProperties,
  kMinProperties,
  kMaxProperties,
  kItems,
  kPrefixItems,
  kMinItems,
  kMaxItems,
  kUniqueItems,
  kMinLength,
  kMaxLength,
  kMinimum,
  kMaximum,
  kExclusiveMinimum,
  kExclusiveMaximum,
  kMultipleOf,
  kAnyOf,
  kOneOf,
  kAllOf,
  kNot,
  kRef,
};

struct Keyword {
  std::string_view name;
  Word word;
  Form form;
};

constexpr Keyword kKeywords[] = {
    {"type", Word::kType, Form::kTypes},
    {"enum", Word::kEnum, Form::kList},
    {"const", Word::kConst, Form::kAnything},
    {"required", Word::kRequired, Form::kNames},
    {"properties", Word::kProperties, Form::kSchemaMap},
    {"additionalProperties", Word::kAdditionalProperties, Form::kSchema},
    {"minProperties", Word::kMinProperties, Form::kCount},
    {"maxProperties", Word::kMaxProperties, Form::kCount},
    {"items", Word::kItems, Form::kSchema},
    {"prefixItems", Word::kPrefixItems, Form::kSchemas},
    {"minItems", Word::kMinItems, Form::kCount},
    {"maxItems", Word::kMaxItems, Form::kCount},
    {"uniqueItems", Word::kUniqueItems, Form::kBool},
    {"minLength", Word::kMinLength, Form::kCount},
    {"maxLength", Word::kMaxLength, Form::kCount},
    {"minimum", Word::kMinimum, Form::kNumber},
    {"maximum", Word::kMaximum, Form::kNumber},
    {"exclusiveMinimum", Word::kExclusiveMinimum, Form::kNumber},
    {"exclusiveMaximum", Word::kExclusiveMaximum, Form::kNumber},
    {"multipleOf", Word::kMultipleOf, Form::kStep},
    {"anyOf", Word::kAnyOf, Form::kSchemas},
    {"oneOf", Word::kOneOf, Form::kSchemas},
    {"allOf", Word::kAllOf, Form::kSchemas},
    {"not", Word::kNot, Form::kSchema},
    {"$ref", Word::kRef, Form::kReference},
    {"$defs", Word::kNote, Form::kSchemaMap},
    {"definitions", Word::kNote, Form::kSchemaMap},
    {"title", Word::kNote, Form::kAnything},
    {"description", Word::kNote, Form::kAnything},
    {"default", Word::kNote, Form::kAnything},
    {"example", Word::kNote, Form::kAnything},
    {"examples", Word::kNote, Form::kAnything},
    {"$schema", Word::kNote, Form::kAnything},
    {"$id", Word::kNote, Form::kAnything},
    {"$comment", Word::kNote, Form::kAnything},
    {"deprecated", Word::kNote, Form::kAnything},
    {"readOnly", Word::kNote, Form::kAnything},
    {"writeOnly", Word::kNote, Form::kAnything},
    {"discriminator", Word::kNote, Form::kAnything},
};

constexpr std::string_view kTypes[] = {"object",  "array",  "string", "boolean",
                                       "integer", "number", "null"};

const Keyword* Find(std::string_view name) {
  const auto* found = std::ranges::find(kKeywords, name, &Keyword::name);
  return found == std::end(kKeywords) ? nullptr : found;
}

// Holds every number that JSON's parser gives, exactly.
using Number = long double;
static_assert(std::numeric_limits<Number>::digits >= 64);

std::optional<Number> NumberOf(const Value& value) {
  if (const int64_t* number = value.AsInt()) return static_cast<Number>(*number);
  if (const uint64_t* number = value.AsUint()) return static_cast<Number>(*number);
  if (const double* number = value.AsDouble()) return static_cast<Number>(*number);
  return std::nullopt;
}

bool IsWhole(Number number) { return std::trunc(number) == number; }

// A step that has a fraction has one that binary numbers only come near to: 0.3 is three of 0.1.
bool IsMultiple(Number number, Number step) {
  if (step == 0) return false;
  if (IsWhole(step)) return std::fmod(number, step) == 0;
  const Number times = number / step;
  return std::abs(times - std::round(times)) <= 1e-12L * std::max(Number{1}, std::abs(times));
}

bool Is(const Value& value, std::string_view type) {
  if (type == "object") return value.AsObject() != nullptr;
  if (type == "array") return value.AsArray() != nullptr;
  if (type == "string") return value.AsString() != nullptr;
  if (type == "boolean") return value.AsBool() != nullptr;
  if (type == "null") return value.is_null();
  const auto number = NumberOf(value);
  return number && (type == "number" || (type == "integer" && IsWhole(*number)));
}

int64_t CodePoints(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

size_t SizeOf(const Value& list) { return list.AsArray() == nullptr ? 0 : list.AsArray()->size(); }

// What a walk may still spend. Once it is over its bound it stays there: no answer counts.
class Steps {
 public:
  bool Spend(size_t steps) {
    left_ -= std::min(left_, static_cast<int64_t>(steps));
    return left_ > 0;
  }
  void End() { left_ = 0; }
  bool are_over() const { return left_ == 0; }

 private:
  int64_t left_ = kSchemaStepsMax;
};

const Value* MemberOf(const Value& value, std::string_view name, Steps& steps) {
  const Object* members = value.AsObject();
  if (members == nullptr || !steps.Spend(members->size())) return nullptr;
  return value.Find(name);
}

// Null for a reference that leads elsewhere.
const Value* Follow(const Value& root, std::string_view reference, Steps& steps) {
  if (reference == "#") return &root;
  for (const std::string_view place : {"#/$defs/", "#/definitions/"}) {
    if (!reference.starts_with(place)) continue;
    const Value* names = root.Find(place.substr(2, place.size() - 3));
    return names == nullptr ? nullptr : MemberOf(*names, reference.substr(place.size()), steps);
  }
  return nullptr;
}

class Check {
 public:
  explicit Check(const Value& root) : root_(root) {}

  bool Holds(const Value& value) { return Meets(value, root_, 0) && !steps_.are_over(); }

 private:
  bool Meets(const Value& value, const Value& schema, int depth) {
    if (const bool* any = schema.AsBool()) return *any;
    if (depth > kSchemaNestingMax) steps_.End();
    if (!steps_.Spend(1)) return false;
    const Object* said = schema.AsObject();
    return said == nullptr || std::ranges::all_of(*said, [&](const Member& member) {
             const Keyword* keyword = Find(member.key);
             return keyword == nullptr ||
                    (steps_.Spend(1) && Meets(value, keyword->word, member.value, schema, depth));
           });
  }

  // Where the value is of a type that the keyword does not bind, it is met; a keyword's value that
  // is not of its form binds nothing.
  bool Meets(const Value& value, Word word, const Value& said, const Value& schema, int depth) {
    switch (word) {
      case Word::kNote:
        return true;
      case Word::kType:
        return MeetsType(value, said);
      case Word::kEnum:
        return Any(said, [&](const Value& one) { return AreSame(value, one); });
      case Word::kConst:
        return AreSame(value, said);
      case Word::kRequired:
        return HasAll(value, said);
      case Word::kProperties:
        return MeetsProperties(value, said, depth);
      case Word::kAdditionalProperties:
        return MeetsAdditional(value, said, schema, depth);
      case Word::kItems:
        return MeetsItems(value, said, schema, depth);
      case Word::kPrefixItems:
        return MeetsPrefix(value, said, depth);
      case Word::kUniqueItems:
        return said.AsBool() == nullptr || !*said.AsBool() || IsUnique(value);
      case Word::kMinProperties:
        return IsAtLeast(Members(value), said);
      case Word::kMaxProperties:
        return IsAtMost(Members(value), said);
      case Word::kMinItems:
        return IsAtLeast(Items(value), said);
      case Word::kMaxItems:
        return IsAtMost(Items(value), said);
      case Word::kMinLength:
        return IsAtLeast(Length(value), said);
      case Word::kMaxLength:
        return IsAtMost(Length(value), said);
      case Word::kMinimum:
        return IsAtLeast(NumberOf(value), said);
      case Word::kMaximum:
        return IsAtMost(NumberOf(value), said);
      case Word::kExclusiveMinimum:
        return !NumberOf(value) || !NumberOf(said) || *NumberOf(value) > *NumberOf(said);
      case Word::kExclusiveMaximum:
        return !NumberOf(value) || !NumberOf(said) || *NumberOf(value) < *NumberOf(said);
      case Word::kMultipleOf:
        return !NumberOf(value) || !NumberOf(said) || IsMultiple(*NumberOf(value), *NumberOf(said));
      case Word::kAnyOf:
        return Any(said, [&](const Value& one) { return Meets(value, one, depth + 1); });
      case Word::kOneOf:
        return said.AsArray() == nullptr ||
               std::ranges::count_if(*said.AsArray(), [&](const Value& one) {
                 return Meets(value, one, depth + 1);
               }) == 1;
      case Word::kAllOf:
        return All(said, [&](const Value& one) { return Meets(value, one, depth + 1); });
      case Word::kNot:
        return !Meets(value, said, depth + 1);
      case Word::kRef: {
        const Value* target =
            said.AsString() == nullptr ? nullptr : Follow(root_, *said.AsString(), steps_);
        return target == nullptr || Meets(value, *target, depth + 1);
      }
    }
    CHECK(false, "keyword out of range");
  }

  template <typename Test>
  static bool Any(const Value& list, Test&& test) {
    return list.AsArray() == nullptr || std::ranges::any_of(*list.AsArray(), test);
  }
  template <typename Test>
  static bool All(const Value& list, Test&& test) {
    return list.AsArray() == nullptr || std::ranges::all_of(*list.AsArray(), test);
  }

  static bool MeetsType(const Value& value, const Value& type) {
    if (const std::string* one = type.AsString()) return Is(value, *one);
    return Any(type, [&](const Value& one) {
      return one.AsString() != nullptr && Is(value, *one.AsString());
    });
  }

  bool HasAll(const Value& value, const Value& names) {
    if (value.AsObject() == nullptr) return true;
    return All(names, [&](const Value& name) {
      return name.AsString() == nullptr || MemberOf(value, *name.AsString(), steps_) != nullptr;
    });
  }

  bool MeetsProperties(const Value& value, const Value& properties, int depth) {
    if (value.AsObject() == nullptr) return true;
    return std::ranges::all_of(*value.AsObject(), [&](const Member& member) {
      const Value* of = MemberOf(properties, member.key, steps_);
      return of == nullptr || Meets(member.value, *of, depth + 1);
    });
  }

  bool MeetsAdditional(const Value& value, const Value& others, const Value& schema, int depth) {
    const Value* properties = schema.Find("properties");
    if (value.AsObject() == nullptr) return true;
    return std::ranges::all_of(*value.AsObject(), [&](const Member& member) {
      const bool named = properties != nullptr && MemberOf(*properties, member.key, steps_);
      return named || Meets(member.value, others, depth + 1);
    });
  }

  bool MeetsItems(const Value& value, const Value& rest, const Value& schema, int depth) {
    const Value* prefix = schema.Find("prefixItems");
    const Array* list = value.AsArray();
    if (list == nullptr) return true;
    for (size_t i = prefix == nullptr ? 0 : SizeOf(*prefix); i < list->size(); ++i) {
      if (!Meets((*list)[i], rest, depth + 1)) return false;
    }
    return true;
  }

  bool MeetsPrefix(const Value& value, const Value& prefix, int depth) {
    for (size_t i = 0; i < std::min(SizeOf(value), SizeOf(prefix)); ++i) {
      if (!Meets((*value.AsArray())[i], (*prefix.AsArray())[i], depth + 1)) return false;
    }
    return true;
  }

  bool IsUnique(const Value& value) {
    for (size_t i = 0; i < SizeOf(value); ++i) {
      for (size_t k = 0; k < i; ++k) {
        if (AreSame((*value.AsArray())[i], (*value.AsArray())[k])) return false;
      }
      if (steps_.are_over()) return false;
    }
    return true;
  }

  // As JSON Schema means it: 1 is 1.0, and members have no order.
  bool AreSame(const Value& a, const Value& b) {
    if (!steps_.Spend(1)) return false;
    if (const auto number = NumberOf(a)) return number == NumberOf(b);
    if (const std::string* text = a.AsString())
      return steps_.Spend(text->size() / 64 + 1) && a == b;
    if (const Array* list = a.AsArray()) {
      const Array* other = b.AsArray();
      return other != nullptr &&
             std::ranges::equal(*list, *other, [&](const Value& one, const Value& two) {
               return AreSame(one, two);
             });
    }
    if (const Object* object = a.AsObject()) {
      const Object* other = b.AsObject();
      if (other == nullptr || object->size() != other->size()) return false;
      return std::ranges::all_of(*object, [&](const Member& member) {
        const Value* found = MemberOf(b, member.key, steps_);
        return found != nullptr && AreSame(member.value, *found);
      });
    }
    return a == b;
  }

  static bool IsAtLeast(std::optional<Number> number, const Value& least) {
    return !number || !NumberOf(least) || *number >= *NumberOf(least);
  }
  static bool IsAtMost(std::optional<Number> number, const Value& most) {
    return !number || !NumberOf(most) || *number <= *NumberOf(most);
  }
  static std::optional<Number> Members(const Value& value) {
    if (value.AsObject() == nullptr) return std::nullopt;
    return static_cast<Number>(value.AsObject()->size());
  }
  static std::optional<Number> Items(const Value& value) {
    if (value.AsArray() == nullptr) return std::nullopt;
    return static_cast<Number>(value.AsArray()->size());
  }
  std::optional<Number> Length(const Value& value) {
    const std::string* text = value.AsString();
    if (text == nullptr || !steps_.Spend(text->size() / 64 + 1)) return std::nullopt;
    return static_cast<Number>(CodePoints(*text));
  }

  const Value& root_;
  Steps steps_ = {};
};

// Paths are made on the way back: a schema that is held in full costs none.
class Search {
 public:
  explicit Search(const Value& root) : root_(root) {}

  std::optional<Unheld> In(const Value& schema, int depth) {
    if (schema.AsBool() != nullptr) return std::nullopt;
    if (schema.AsObject() == nullptr) return Unheld{"", "must be a schema"};
    if (depth > kSchemaNestingMax)
      return Unheld{"", fmt::format("is nested over {} deep", kSchemaNestingMax)};
    for (const Member& member : *schema.AsObject()) {
      auto unheld = InKeyword(member, depth);
      if (steps_.are_over()) unheld = Unheld{"", "is too large to be checked"};
      if (unheld) return At(member.key, std::move(*unheld));
    }
    return std::nullopt;
  }

 private:
  static Unheld At(std::string_view step, Unheld unheld) {
    unheld.path = fmt::format("/{}{}", step, unheld.path);
    return unheld;
  }

  std::optional<Unheld> InKeyword(const Member& member, int depth) {
    const Keyword* keyword = Find(member.key);
    if (keyword == nullptr || !steps_.Spend(1)) return Unheld{"", "cannot be checked"};
    const Value& said = member.value;
    const auto must = [](bool good, const char* be) {
      return good ? std::nullopt : std::optional(Unheld{"", fmt::format("must be {}", be)});
    };
    switch (keyword->form) {
      case Form::kAnything:
        return std::nullopt;
      case Form::kTypes:
        return must(IsType(said) || IsListOf(said, IsType), "a type, or an array of types");
      case Form::kReference:
        return must(
            said.AsString() != nullptr && Follow(root_, *said.AsString(), steps_) != nullptr,
            "\"#\", or lead to one of the schema's $defs");
      case Form::kList:
        return must(said.AsArray() != nullptr, "an array");
      case Form::kNames:
        return must(IsListOf(said, [](const Value& one) { return one.AsString() != nullptr; }),
                    "an array of strings");
      case Form::kNumber:
        return must(NumberOf(said).has_value(), "a number");
      case Form::kStep:
        return must(NumberOf(said).value_or(0) > 0, "a number over 0");
      case Form::kCount:
        return must(NumberOf(said) && IsWhole(*NumberOf(said)) && *NumberOf(said) >= 0,
                    "a whole number from 0");
      case Form::kBool:
        return must(said.AsBool() != nullptr, "a boolean");
      case Form::kSchema:
        return In(said, depth + 1);
      case Form::kSchemas:
        if (SizeOf(said) == 0) return must(false, "an array of at least one schema");
        for (size_t i = 0; i < SizeOf(said); ++i) {
          if (auto unheld = In((*said.AsArray())[i], depth + 1))
            return At(fmt::to_string(i), std::move(*unheld));
        }
        return std::nullopt;
      case Form::kSchemaMap:
        if (said.AsObject() == nullptr) return must(false, "an object");
        for (const Member& one : *said.AsObject()) {
          if (auto unheld = In(one.value, depth + 1)) return At(one.key, std::move(*unheld));
        }
        return std::nullopt;
    }
    CHECK(false, "form out of range");
  }

  static bool IsType(const Value& said) {
    return said.AsString() != nullptr &&
           std::ranges::find(kTypes, *said.AsString()) != std::end(kTypes);
  }
  template <typename Test>
  static bool IsListOf(const Value& said, Test&& test) {
    return said.AsArray() != nullptr && std::ranges::all_of(*said.AsArray(), test);
  }

  const Value& root_;
  Steps steps_ = {};
};

}  // namespace

bool Fits(const Value& value, const Value& schema) { return Check(schema).Holds(value); }

std::optional<Unheld> UnheldIn(const Value& schema) { return Search(schema).In(schema, 0); }

}  // namespace weir::json
