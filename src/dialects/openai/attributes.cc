#include "dialects/openai/attributes.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "json/writer.h"

namespace weir::openai {
namespace {

using chat::AttributeFilter;
using chat::AttributeValue;
using Kind = AttributeFilter::Kind;
using Limits = chat::AttributeLimits;

// Half of the largest chunk, which is what OpenAI means by "auto".
constexpr int64_t kOverlapDefault = 400;

constexpr size_t kMetadataPairsMax = 16;
constexpr size_t kMetadataKeyMax = 64;
constexpr size_t kMetadataValueMax = 512;

size_t CharactersOf(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

// Nothing, and what is wrong in `why`, for what is no attribute's value.
std::optional<AttributeValue> ValueOf(const json::Value& value, std::string& why) {
  why = "takes a text, a number or a boolean";
  if (const bool* b = value.AsBool()) return *b;
  if (const int64_t* i = value.AsInt()) return *i;
  if (const uint64_t* u = value.AsUint()) return static_cast<double>(*u);
  if (const double* d = value.AsDouble()) return *d;
  const std::string* text = value.AsString();
  if (text == nullptr) return std::nullopt;
  if (CharactersOf(*text) <= Limits::kValueCharacters) return *text;
  why = fmt::format("takes at most {} characters", Limits::kValueCharacters);
  return std::nullopt;
}

bool IsNumber(const AttributeValue& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

class FilterReader {
 public:
  AttributeFilter Read(json::Fields fields, size_t depth) {
    AttributeFilter filter;
    if (depth > Limits::kFilterDepth) {
      fields.Refuse("", fmt::format("is over {} levels deep", Limits::kFilterDepth));
      return filter;
    }
    if (++parts_ > Limits::kFilterParts) {
      fields.Refuse("", fmt::format("is one of over {} conditions", Limits::kFilterParts));
      return filter;
    }
    filter.kind = fields.Require()
                      .Word<Kind>("type", {{"eq", Kind::kEqual},
                                           {"ne", Kind::kNotEqual},
                                           {"gt", Kind::kGreater},
                                           {"gte", Kind::kGreaterOrEqual},
                                           {"lt", Kind::kLess},
                                           {"lte", Kind::kLessOrEqual},
                                           {"in", Kind::kIn},
                                           {"nin", Kind::kNotIn},
                                           {"and", Kind::kAnd},
                                           {"or", Kind::kOr}})
                      .value_or(Kind::kAnd);
    const bool compound = filter.kind == Kind::kAnd || filter.kind == Kind::kOr;
    compound ? ReadParts(fields, filter, depth) : ReadComparison(fields, filter);
    fields.RefuseUnread();
    return filter;
  }

 private:
  void ReadParts(json::Fields& fields, AttributeFilter& filter, size_t depth) {
    const json::Array* parts = fields.Require().List("filters", Limits::kFilterParts);
    if (parts == nullptr) return;
    if (parts->empty()) return fields.Refuse("filters", "is empty");
    for (size_t i = 0; i < parts->size() && !fields.problem(); ++i) {
      filter.parts.push_back(Read(
          json::Fields(fields.problem(), (*parts)[i], fields.PathOf("filters", i)), depth + 1));
    }
  }

  static void ReadComparison(json::Fields& fields, AttributeFilter& filter) {
    filter.key = fields.Require().String("key", Limits::kKeyBytes).value_or("");
    if (filter.key.empty()) return fields.Refuse("key", "is empty");
    const json::Value* value = fields.Require().Take("value");
    if (value == nullptr) return;
    const bool several = filter.kind == Kind::kIn || filter.kind == Kind::kNotIn;
    if (several) return ReadValues(fields, *value, filter);
    std::string why;
    const auto one = ValueOf(*value, why);
    if (!one) return fields.Refuse("value", why);
    const bool ordered = filter.kind != Kind::kEqual && filter.kind != Kind::kNotEqual;
    if (ordered && !IsNumber(*one)) return fields.Refuse("value", "of this type takes a number");
    filter.values.push_back(*one);
  }

  static void ReadValues(json::Fields& fields, const json::Value& value, AttributeFilter& filter) {
    const json::Array* list = value.AsArray();
    if (list == nullptr) return fields.Refuse("value", "of this type takes an array");
    if (list->empty() || list->size() > Limits::kFilterValues) {
      return fields.Refuse("value", fmt::format("takes 1 to {} values", Limits::kFilterValues));
    }
    for (const json::Value& each : *list) {
      std::string why;
      auto one = ValueOf(each, why);
      if (!one) return fields.Refuse("value", why);
      filter.values.push_back(std::move(*one));
    }
  }

  size_t parts_ = 0;
};

}  // namespace

std::optional<chat::Attributes> ReadAttributes(json::Fields& fields, std::string_view key) {
  const json::Object* pairs = fields.Map(key, Limits::kCount);
  if (pairs == nullptr) return std::nullopt;
  chat::Attributes attributes;
  for (const json::Member& pair : *pairs) {
    std::string why;
    auto value = ValueOf(pair.value, why);
    if (pair.key.empty() || pair.key.size() > Limits::kKeyBytes) {
      why = fmt::format("takes names of 1 to {} bytes", Limits::kKeyBytes);
      value.reset();
    }
    if (!value) {
      fields.Refuse(key, why);
      return std::nullopt;
    }
    attributes.insert_or_assign(pair.key, std::move(*value));
  }
  return attributes;
}

chat::AttributeFilter ReadFilter(json::Fields& fields, std::string_view key) {
  auto nested = fields.Nested(key);
  return nested ? FilterReader().Read(std::move(*nested), 1) : chat::AttributeFilter();
}

chat::Chunking ReadChunking(json::Fields& fields, std::string_view key) {
  using chat::Chunking;
  auto strategy = fields.Nested(key);
  if (!strategy) return {};
  Chunking chunking;
  const bool fixed =
      strategy->Require().Word<bool>("type", {{"auto", false}, {"static", true}}).value_or(false);
  if (fixed) {
    auto sizes = strategy->Require().Nested("static");
    if (!sizes) return {};
    chunking.tokens = sizes->Require()
                          .Int("max_chunk_size_tokens", Chunking::kTokensMin, Chunking::kTokensMax)
                          .value_or(Chunking::kTokensMin);
    chunking.overlap = sizes->Int("chunk_overlap_tokens", 0, Chunking::kTokensMax)
                           .value_or(std::min(kOverlapDefault, chunking.tokens / 2));
    if (chunking.overlap > chunking.tokens / 2)
      sizes->Refuse("chunk_overlap_tokens", "is over half of max_chunk_size_tokens");
    sizes->RefuseUnread();
  }
  strategy->RefuseUnread();
  return chunking;
}

namespace {

// Of valid UTF-8, as all of JSON's is.
size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::optional<std::string> ReadMetadata(json::Fields& fields) {
  const json::Object* pairs = fields.Map("metadata", kMetadataPairsMax);
  if (pairs == nullptr) return std::nullopt;
  for (const json::Member& pair : *pairs) {
    const std::string* value = pair.value.AsString();
    if (value == nullptr || Characters(pair.key) > kMetadataKeyMax ||
        Characters(*value) > kMetadataValueMax) {
      fields.Refuse("metadata",
                    fmt::format("takes names of at most {} characters, and strings of at most {}",
                                kMetadataKeyMax, kMetadataValueMax));
      return std::nullopt;
    }
  }
  return json::Print(json::Value(*pairs));
}

}  // namespace weir::openai
