#include "vectors/payload_block.h"

#include "base/check.h"
#include "vectors/filter_match.h"

namespace weir::vectors {
namespace {

// How many entries a payload would have; stops counting above the limit.
size_t CountEntries(const json::Value& value, size_t limit) {
  size_t entries = 1;
  const auto add = [&](const json::Value& inner) {
    if (entries <= limit) entries += CountEntries(inner, limit - entries);
  };
  if (const json::Array* array = value.AsArray()) {
    for (const json::Value& element : *array) add(element);
  } else if (const json::Object* object = value.AsObject()) {
    for (const json::Member& member : *object) add(member.value);
  }
  return entries;
}

// No path leads to a name with a dot in it or with brackets at its end.
bool IsReachable(std::string_view name) {
  return name.find('.') == std::string_view::npos && !name.ends_with("[]");
}

std::vector<uint16_t> Unique(std::vector<uint16_t> rows) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  rows.shrink_to_fit();
  return rows;
}

}  // namespace

std::string PlainPath(std::string_view path) {
  std::string plain(path);
  for (size_t at; (at = plain.find("[].")) != std::string::npos;) plain.erase(at, 2);
  while (plain.ends_with("[]")) plain.resize(plain.size() - 2);
  return plain;
}

void PayloadBlock::Builder::Add(const json::Value& payload) {
  CHECK(rows_ < kBlockRows, "a block that is full");
  if (CountEntries(payload, kEntriesMax) > kEntriesMax) {
    unsure_.push_back(static_cast<uint16_t>(rows_));
  } else if (const json::Object* object = payload.AsObject()) {
    for (const json::Member& member : *object) {
      if (IsReachable(member.key)) AddValue(member.key, member.value);
    }
  }
  ++rows_;
}

void PayloadBlock::Builder::AddValue(const std::string& path, const json::Value& value) {
  const json::Array* array = value.AsArray();
  const size_t count = array != nullptr ? array->size() : (value.is_null() ? 0 : 1);
  // A row may have several values at one path, in objects of an array; their counts are added up.
  auto& counts = fields_[path].counts;
  const auto row = static_cast<uint16_t>(rows_);
  if (!counts.empty() && counts.back().second == row) {
    counts.back().first += static_cast<uint32_t>(count);
  } else {
    counts.emplace_back(static_cast<uint32_t>(count), row);
  }
  AddElements(path, value);
}

void PayloadBlock::Builder::AddElements(const std::string& path, const json::Value& value) {
  Entries& entries = fields_[path];
  const auto row = static_cast<uint16_t>(rows_);
  switch (value.type()) {
    case json::Type::kNull:
      entries.nulls.push_back(row);
      return;
    case json::Type::kBool:
      entries.bools.emplace_back(*value.AsBool(), row);
      return;
    case json::Type::kInt:
      entries.numbers.emplace_back(
          Number{static_cast<double>(*value.AsInt()), *value.AsInt(), true}, row);
      return;
    case json::Type::kUint:
      entries.numbers.emplace_back(Number{static_cast<double>(*value.AsUint()), 0, false}, row);
      return;
    case json::Type::kDouble:
      entries.numbers.emplace_back(Number{*value.AsDouble(), 0, false}, row);
      return;
    case json::Type::kString:
      if (value.AsString()->size() > kIndexedBytes) {
        entries.unsure.push_back(row);
        return;
      }
      entries.strings.emplace_back(*value.AsString(), row);
      if (const auto time = ParseTime(*value.AsString())) {
        entries.times.emplace_back(time->time_since_epoch().count(), row);
      }
      return;
    case json::Type::kArray:
      for (const json::Value& element : *value.AsArray()) AddElements(path, element);
      return;
    case json::Type::kObject:
      for (const json::Member& member : *value.AsObject()) {
        if (IsReachable(member.key)) AddValue(path + "." + member.key, member.value);
      }
      return;
  }
}

void PayloadBlock::Builder::Append(const PayloadBlock& block) {
  CHECK(rows_ + block.rows_ <= kBlockRows, "a block that is full");
  const auto offset = static_cast<uint16_t>(rows_);
  const auto shift = [offset](uint16_t row) { return static_cast<uint16_t>(row + offset); };
  const auto append = [&](auto& to, const auto& from) {
    from.ForEach([&](const auto& value, uint16_t row) { to.emplace_back(value, shift(row)); });
  };
  for (const auto& [path, field] : block.fields_) {
    Entries& entries = fields_[path];
    append(entries.strings, field.strings);
    append(entries.numbers, field.numbers);
    append(entries.times, field.times);
    append(entries.bools, field.bools);
    append(entries.counts, field.counts);
    for (const uint16_t row : field.nulls) entries.nulls.push_back(shift(row));
    for (const uint16_t row : field.unsure) entries.unsure.push_back(shift(row));
  }
  for (const uint16_t row : block.unsure_) unsure_.push_back(shift(row));
  rows_ += block.rows_;
}

PayloadBlock PayloadBlock::Builder::Build() const {
  PayloadBlock block;
  block.rows_ = rows_;
  block.unsure_ = unsure_;
  block.fields_.reserve(fields_.size());
  for (const auto& [path, entries] : fields_) {
    block.fields_.emplace_back(path, Field{.strings = Postings<std::string>(entries.strings),
                                           .numbers = Postings<Number>(entries.numbers),
                                           .times = Postings<int64_t>(entries.times),
                                           .bools = Postings<bool>(entries.bools),
                                           .counts = Postings<uint32_t>(entries.counts),
                                           .nulls = Unique(entries.nulls),
                                           .unsure = Unique(entries.unsure)});
  }
  return block;
}

const PayloadBlock::Field* PayloadBlock::Find(std::string_view path) const {
  const auto found = std::lower_bound(
      fields_.begin(), fields_.end(), path,
      [](const auto& field, std::string_view wanted) { return field.first < wanted; });
  return found != fields_.end() && found->first == path ? &found->second : nullptr;
}

}  // namespace weir::vectors
