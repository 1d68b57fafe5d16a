#include "dialects/chroma/collection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "json/fields.h"
#include "json/writer.h"

namespace weir::chroma {
namespace {

using vectors::Metric;

constexpr size_t kNameLeast = 3;
constexpr size_t kNameMost = 512;

constexpr std::string_view MetricWord(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kDot:
      return "ip";
    case Metric::kL2:
      return "l2";
  }
  return "";
}

std::optional<Metric> MetricAt(json::Fields& fields, std::string_view key) {
  return fields.Word<Metric>(
      key, {{"l2", Metric::kL2}, {"cosine", Metric::kCosine}, {"ip", Metric::kDot}});
}

// Keys of our own stand beside a client's metadata nowhere, so any object of plain values is good.
json::Value ReadMetadata(json::Fields& fields, std::string_view key) {
  const json::Value* metadata = fields.Take(key);
  if (metadata == nullptr) return {};
  const json::Object* object = metadata->AsObject();
  if (object == nullptr) fields.Refuse(key, "must be an object");
  for (const json::Member& member : object != nullptr ? *object : json::Object()) {
    if (member.value.AsObject() != nullptr)
      fields.Refuse(key, "must hold strings, numbers, booleans and arrays of them");
  }
  return *metadata;
}

json::Value ReadConfiguration(json::Fields& fields, std::string_view key,
                              std::optional<Metric>& metric) {
  const json::Value* value = fields.Take(key);
  if (value == nullptr) return {};
  json::Fields configuration(fields.problem(), *value, fields.PathOf(key));
  for (const char* index : {"hnsw", "spann"}) {
    auto nested = configuration.Nested(index);
    if (nested && !metric) metric = MetricAt(*nested, "space");
  }
  return *value;
}

json::Value Member(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  return found != nullptr ? *found : json::Value();
}

}  // namespace

Result<void> CheckName(std::string_view name, std::string_view what) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_good = [&](char c) { return is_word(c) || c == '.' || c == '_' || c == '-'; };
  if (name.size() >= kNameLeast && name.size() <= kNameMost && is_word(name.front()) &&
      is_word(name.back()) && std::ranges::all_of(name, is_good)) {
    return {};
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("the name of a {} takes {} to {} letters, digits, dots, underscores and "
                          "hyphens, and begins and ends with a letter or a digit",
                          what, kNameLeast, kNameMost),
              "name", "invalid_name");
}

Result<std::string> ReadName(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  std::string name = fields.Require().String("name", kNameMost).value_or("");
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return name;
}

Result<CollectionAsk> ReadCreate(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  CollectionAsk ask;
  ask.name = fields.Require().String("name", kNameMost).value_or("");
  ask.metadata = ReadMetadata(fields, "metadata");
  std::optional<Metric> metric;
  ask.configuration = ReadConfiguration(fields, "configuration", metric);
  if (!metric && ask.metadata.Find("hnsw:space") != nullptr) {
    json::Fields metadata(problem, ask.metadata, "metadata");
    metric = MetricAt(metadata, "hnsw:space");
  }
  ask.metric = metric.value_or(Metric::kL2);
  if (fields.Take("schema") != nullptr) {
    fields.Refuse("schema",
                  "is not supported: all metadata is indexed, and configuration says "
                  "what distance there is",
                  Code::kInvalidArgument, "unsupported_parameter");
  }
  ask.get_or_create = fields.Bool("get_or_create").value_or(false);
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  if (auto ok = CheckName(ask.name, "collection"); !ok) return Fail(std::move(ok.error()));
  return ask;
}

Result<CollectionChange> ReadChange(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  CollectionChange change;
  change.name = fields.String("new_name", kNameMost);
  if (json::Value metadata = ReadMetadata(fields, "new_metadata"); !metadata.is_null())
    change.metadata = std::move(metadata);
  std::optional<Metric> metric;
  change.configuration = ReadConfiguration(fields, "new_configuration", metric);
  if (metric) fields.Refuse("new_configuration", "cannot change the distance");
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  if (change.name) {
    if (auto ok = CheckName(*change.name, "collection"); !ok) return Fail(std::move(ok.error()));
  }
  return change;
}

json::Value AboutOf(const CollectionAsk& ask) {
  return json::Object{{"chroma", json::Object{{"metric", std::string(MetricWord(ask.metric))},
                                              {"metadata", ask.metadata},
                                              {"configuration", ask.configuration}}}};
}

json::Value WithChange(const json::Value& about, const CollectionChange& change) {
  const json::Value ours = Member(about, "chroma");
  json::Value configuration = Member(ours, "configuration");
  if (const json::Object* changes = change.configuration.AsObject()) {
    if (configuration.AsObject() == nullptr) configuration = json::Object();
    json::Object& members = *configuration.AsObject();
    for (const json::Member& member : *changes) {
      std::erase_if(members, [&](const auto& old) { return old.key == member.key; });
      members.push_back(member);
    }
  }
  json::Object out;
  if (const json::Object* members = about.AsObject()) {
    for (const json::Member& member : *members) {
      if (member.key != "chroma") out.push_back(member);
    }
  }
  out.push_back(
      {"chroma", json::Object{{"metric", Member(ours, "metric")},
                              {"metadata", change.metadata.value_or(Member(ours, "metadata"))},
                              {"configuration", std::move(configuration)}}});
  return out;
}

Metric MetricOf(const vectors::CollectionSpec& spec) {
  if (!spec.spaces.empty()) return spec.spaces.front().metric;
  const json::Value word = Member(Member(spec.about, "chroma"), "metric");
  for (const Metric metric : {Metric::kCosine, Metric::kDot}) {
    if (word.AsString() != nullptr && *word.AsString() == MetricWord(metric)) return metric;
  }
  return Metric::kL2;
}

// Version 8: a UUID of the maker's own kind.
std::string UuidOf(int64_t id) {
  return fmt::format("77656972-0000-8000-8000-{:012x}", static_cast<uint64_t>(id));
}

std::optional<int64_t> IdOf(std::string_view uuid) {
  constexpr std::string_view kPrefix = "77656972-0000-8000-8000-";
  if (uuid.size() != kPrefix.size() + 12 || !uuid.starts_with(kPrefix)) return std::nullopt;
  uuid.remove_prefix(kPrefix.size());
  int64_t id = 0;
  const auto [end, error] = std::from_chars(uuid.data(), uuid.data() + uuid.size(), id, 16);
  if (error != std::errc() || end != uuid.data() + uuid.size()) return std::nullopt;
  return id;
}

std::string UuidOfText(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("77656972-0001-8000-8{:03x}-{:012x}", hash >> 52, hash & 0xffffffffffff);
}

std::string RenderCollection(const vectors::CollectionSpec& spec, std::string_view name,
                             std::string_view tenant, std::string_view database) {
  const json::Value ours = Member(spec.about, "chroma");
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("id", UuidOf(spec.id)).Field("name", name);
  writer.Key("configuration_json").BeginObject().Key("hnsw").BeginObject();
  // Chroma's defaults but for the distance; clients read them, nothing here depends on them.
  writer.Field("space", MetricWord(MetricOf(spec)))
      .Field("ef_construction", 100)
      .Field("ef_search", 100)
      .Field("max_neighbors", 16)
      .Field("resize_factor", 1.2)
      .Field("sync_threshold", 1000)
      .EndObject();
  writer.Key("spann").Null().Key("embedding_function");
  writer.Tree(Member(Member(ours, "configuration"), "embedding_function")).EndObject();
  writer.Key("metadata").Tree(Member(ours, "metadata")).Key("dimension");
  if (spec.spaces.empty()) {
    writer.Null();
  } else {
    writer.Int(spec.spaces.front().dimensions);
  }
  writer.Field("tenant", tenant).Field("database", database);
  writer.Field("log_position", 0).Field("version", 0).Key("schema").Null().EndObject();
  return out;
}

}  // namespace weir::chroma
