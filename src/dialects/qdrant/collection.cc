#include "dialects/qdrant/collection.h"

#include <fmt/format.h>

#include <algorithm>

#include "dialects/qdrant/shared_fields.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::qdrant {
namespace {

using vectors::Codes;
using vectors::Components;
using vectors::Metric;
using vectors::Space;

// They say how Qdrant stores and looks, not what it answers.
constexpr std::string_view kTuning[] = {"hnsw_config",
                                        "optimizers_config",
                                        "wal_config",
                                        "quantization_config",
                                        "on_disk_payload",
                                        "on_disk",
                                        "memory",
                                        "payload",
                                        "id_tracker",
                                        "shard_number",
                                        "replication_factor",
                                        "write_consistency_factor",
                                        "init_from",
                                        "sharding_method",
                                        "strict_mode_config",
                                        "sparse_vectors",
                                        "timeout",
                                        "datatype"};

constexpr std::string_view kBinary = R"({"binary":{"always_ram":true}})";

std::string_view DistanceName(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "Cosine";
    case Metric::kDot:
      return "Dot";
    case Metric::kL2:
      return "Euclid";
  }
  return "";
}

// Binary quantisation with one bit is the only kind that means something here. Of the others, whose
// codes would be as fine as ours or coarser, nothing is to be seen but in memory and speed.
std::optional<Codes> ReadCodes(json::Fields& fields) {
  const json::Value* config = fields.Take("quantization_config");
  if (config == nullptr || config->AsObject() == nullptr) return std::nullopt;
  const json::Value* binary = config->Find("binary");
  if (binary == nullptr) return Codes::kBytes;
  json::Fields inner(fields.problem(), *binary, fields.PathOf("quantization_config") + ".binary");
  const auto encoding = inner.String("encoding", 32);
  return !encoding || *encoding == "one_bit" ? Codes::kBits : Codes::kBytes;
}

Space ReadSpace(json::Fields& fields, std::string name, Codes of_all) {
  Space space{.name = std::move(name)};
  space.dimensions =
      static_cast<uint32_t>(fields.Require()
                                .Int("size", 1, static_cast<int64_t>(vectors::Limits::kDimensions))
                                .value_or(0));
  if (const json::Value* distance = fields.Require().Take("distance")) {
    if (distance->AsString() != nullptr && *distance->AsString() == "Manhattan") {
      RefuseUnsupported(fields, "distance", "Manhattan is not there; Cosine, Dot and Euclid are");
    }
  }
  space.metric = fields
                     .Word<Metric>("distance", {{"Cosine", Metric::kCosine},
                                                {"Dot", Metric::kDot},
                                                {"Euclid", Metric::kL2}})
                     .value_or(Metric::kCosine);
  if (auto multi = fields.Nested("multivector_config")) {
    multi->Require().Word<bool>("comparator", {{"max_sim", true}});
    multi->RefuseUnread();
    space.multi = true;
  }
  space.components = fields
                         .Word<Components>("datatype", {{"float32", Components::kF32},
                                                        {"float16", Components::kF16},
                                                        {"uint8", Components::kU8}})
                         .value_or(Components::kF32);
  const Codes codes = ReadCodes(fields).value_or(of_all);
  if (!space.multi) space.codes = codes;  // those are measured without
  fields.RefuseUnread(kTuning);
  return space;
}

std::vector<Space> ReadSpaces(json::Fields& fields) {
  std::vector<Space> spaces;
  const Codes of_all = ReadCodes(fields).value_or(Codes::kBytes);
  const json::Value* vectors = fields.Take("vectors");
  if (vectors == nullptr) return spaces;
  json::Fields named(fields.problem(), *vectors, fields.PathOf("vectors"));
  const json::Value* size = vectors->Find("size");
  if (size != nullptr && size->AsObject() == nullptr) {
    spaces.push_back(ReadSpace(named, "", of_all));
    return spaces;
  }
  const json::Object* members = vectors->AsObject();
  for (const json::Member& member : members != nullptr ? *members : json::Object()) {
    json::Fields one(fields.problem(), member.value, named.PathOf(member.key));
    spaces.push_back(ReadSpace(one, member.key, of_all));
    if (fields.problem()) break;
  }
  if (spaces.size() > vectors::Limits::kSpaces) {
    fields.Refuse("vectors", fmt::format("has {} names; the most is {}", spaces.size(),
                                         vectors::Limits::kSpaces));
  }
  return spaces;
}

// {"name": {"modifier": "idf"}}
void ReadSparseSpaces(json::Fields& fields, std::vector<Space>& spaces) {
  const json::Object* members = fields.Map("sparse_vectors", vectors::Limits::kSpaces);
  for (const json::Member& member : members != nullptr ? *members : json::Object()) {
    json::Fields one(fields.problem(), member.value,
                     fields.PathOf("sparse_vectors") + "." + member.key);
    Space space{.name = member.key, .metric = Metric::kDot, .sparse = true};
    space.idf = one.Word<bool>("modifier", {{"none", false}, {"idf", true}}).value_or(false);
    // How Qdrant's index of them lies on the disk.
    constexpr std::string_view kIndex[] = {"index", "on_disk"};
    one.RefuseUnread(kIndex);
    spaces.push_back(std::move(space));
  }
}

json::Value ReadMetadata(json::Fields& fields) {
  const json::Value* metadata = fields.Take("metadata");
  if (metadata == nullptr) return {};
  if (metadata->AsObject() == nullptr) fields.Refuse("metadata", "must be an object");
  return *metadata;
}

void RefuseOtherServers(json::Fields& fields) {
  for (const char* key : {"shard_number", "replication_factor", "write_consistency_factor"}) {
    const auto number = fields.Int(key, 1, INT32_MAX);
    if (number && *number > 1) RefuseUnsupported(fields, key, "there is one server, and one shard");
  }
  const auto sharding = fields.String("sharding_method", 32);
  if (sharding && *sharding != "auto")
    RefuseUnsupported(fields, "sharding_method", "there is one server, and one shard");
  if (const json::Object* strict = fields.Map("strict_mode_config", 1024);
      strict != nullptr && !strict->empty())
    RefuseUnsupported(fields, "strict_mode_config", "limits are the server's own");
}

json::Value Member(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  return found != nullptr ? *found : json::Value();
}

std::string TextOf(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  return found != nullptr && found->AsString() != nullptr ? *found->AsString() : "";
}

void AppendSpace(json::Writer& writer, const Space& space) {
  writer.BeginObject()
      .Field("size", space.dimensions)
      .Field("distance", DistanceName(space.metric));
  if (space.components == Components::kF16) writer.Field("datatype", "float16");
  if (space.components == Components::kU8) writer.Field("datatype", "uint8");
  if (space.codes == Codes::kBits) writer.Key("quantization_config").Raw(kBinary);
  if (space.multi) writer.Key("multivector_config").Raw(R"({"comparator":"max_sim"})");
  writer.EndObject();
}

void AppendSpaces(json::Writer& writer, const std::vector<Space>& spaces) {
  std::vector<Space> dense;
  std::vector<Space> sparse;
  for (const Space& space : spaces) (space.sparse ? sparse : dense).push_back(space);
  writer.Key("vectors");
  if (dense.size() == 1 && dense[0].name.empty()) {
    AppendSpace(writer, dense[0]);
  } else {
    writer.BeginObject();
    for (const Space& space : dense) {
      writer.Key(space.name);
      AppendSpace(writer, space);
    }
    writer.EndObject();
  }
  if (sparse.empty()) return;
  writer.Key("sparse_vectors").BeginObject();
  for (const Space& space : sparse) {
    writer.Key(space.name).BeginObject();
    if (space.idf) writer.Field("modifier", "idf");
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace

Result<void> CheckName(std::string_view name) {
  constexpr size_t kBytesMax = 255;
  const auto is_bad = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 ||
           std::string_view("<>:\"/\\|?*\x7f").find(c) != std::string_view::npos;
  };
  if (name.size() <= kBytesMax && std::ranges::none_of(name, is_bad)) return {};
  return Fail(Code::kUnprocessable,
              fmt::format("a collection's name takes 1 to {} bytes without < > : \" / \\ | ? * and "
                          "control characters",
                          kBytesMax),
              "collection_name", "invalid_name");
}

Result<CollectionAsk> ReadCreate(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  CollectionAsk ask;
  ask.spaces = ReadSpaces(fields);
  ReadSparseSpaces(fields, ask.spaces);
  ask.metadata = ReadMetadata(fields);
  RefuseOtherServers(fields);
  if (fields.Take("init_from") != nullptr)
    RefuseUnsupported(fields, "init_from", "write the points into it");
  fields.RefuseUnread(kTuning);
  if (problem) return Fail(problem.Take());
  return ask;
}

Result<std::optional<json::Value>> ReadChange(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  std::optional<json::Value> metadata;
  if (json::Value read = ReadMetadata(fields); !read.is_null()) metadata = std::move(read);
  RefuseOtherServers(fields);
  if (const json::Object* sparse = fields.Map("sparse_vectors", vectors::Limits::kSpaces);
      sparse != nullptr && !sparse->empty())
    RefuseUnsupported(fields, "sparse_vectors", "they are chosen when the collection is made");
  if (auto params = fields.Nested("params")) {
    RefuseOtherServers(*params);
    params->RefuseUnread(kTuning);
  }
  // Of vectors only tuning can change.
  if (const json::Object* members = fields.Map("vectors", vectors::Limits::kSpaces)) {
    for (const json::Member& member : *members) {
      json::Fields one(problem, member.value, fields.PathOf("vectors") + "." + member.key);
      one.RefuseUnread(kTuning);
    }
  }
  fields.RefuseUnread(kTuning);
  if (problem) return Fail(problem.Take());
  return metadata;
}

Result<FieldIndex> ReadFieldIndex(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  FieldIndex index;
  index.field = fields.Require().String("field_name", vectors::Limits::kNameBytes).value_or("");
  if (index.field.empty()) fields.Refuse("field_name", "is empty");
  constexpr std::string_view kTypes[] = {"keyword", "integer", "float",    "geo",
                                         "text",    "bool",    "datetime", "uuid"};
  const json::Value* schema = fields.Take("field_schema");
  if (schema != nullptr && schema->AsObject() != nullptr) {
    json::Fields inner(problem, *schema, "field_schema");
    if (const auto type = inner.Require().WordIndex("type", kTypes)) index.type = kTypes[*type];
    index.params = *schema;
  } else if (schema != nullptr) {
    if (const auto type = fields.WordIndex("field_schema", kTypes)) index.type = kTypes[*type];
  } else {
    index.type = "keyword";
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return index;
}

About AboutOf(const json::Value& about) {
  const json::Value ours = Member(about, "qdrant");
  About read{.metadata = Member(ours, "metadata")};
  const json::Value indexes = Member(ours, "indexes");
  for (const json::Value& index :
       indexes.AsArray() != nullptr ? *indexes.AsArray() : json::Array()) {
    read.indexes.push_back(
        {TextOf(index, "field"), TextOf(index, "type"), Member(index, "params")});
  }
  return read;
}

json::Value WithAbout(const json::Value& about, const About& ours) {
  json::Array indexes;
  for (const FieldIndex& index : ours.indexes) {
    indexes.push_back(
        json::Object{{"field", index.field}, {"type", index.type}, {"params", index.params}});
  }
  json::Object out;
  if (const json::Object* members = about.AsObject()) {
    for (const json::Member& member : *members) {
      if (member.key != "qdrant") out.push_back(member);
    }
  }
  out.push_back(
      {"qdrant", json::Object{{"metadata", ours.metadata}, {"indexes", std::move(indexes)}}});
  return out;
}

std::string RenderCollection(const CollectionFacts& facts) {
  const About about = AboutOf(facts.spec.about);
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject()
      .Field("status", "green")
      .Field("optimizer_status", "ok")
      .Field("indexed_vectors_count", facts.points * static_cast<int64_t>(facts.spec.spaces.size()))
      .Field("points_count", facts.points)
      .Field("segments_count", 1);
  writer.Key("config").BeginObject().Key("params").BeginObject();
  AppendSpaces(writer, facts.spec.spaces);
  writer.Field("shard_number", 1)
      .Field("replication_factor", 1)
      .Field("write_consistency_factor", 1)
      .Field("on_disk_payload", true)
      .EndObject();
  // Qdrant's defaults; clients read them, nothing here depends on them.
  writer.Key("hnsw_config")
      .Raw(R"({"m":16,"ef_construct":100,"full_scan_threshold":10000,"max_indexing_threads":0,)"
           R"("on_disk":false})");
  writer.Key("optimizer_config")
      .Raw(R"({"deleted_threshold":0.2,"vacuum_min_vector_number":1000,)"
           R"("default_segment_number":0,"max_segment_size":null,"memmap_threshold":null,)"
           R"("indexing_threshold":16384,"flush_interval_sec":0,"max_optimization_threads":null})");
  writer.Key("wal_config").Raw(R"({"wal_capacity_mb":32,"wal_segments_ahead":0})");
  const bool bits =
      !facts.spec.spaces.empty() && std::ranges::all_of(facts.spec.spaces, [](const Space& space) {
        return space.codes == Codes::kBits;
      });
  writer.Key("quantization_config").Raw(bits ? kBinary : "null");
  if (!about.metadata.is_null()) writer.Key("metadata").Tree(about.metadata);
  writer.EndObject().Key("payload_schema").BeginObject();
  for (const FieldIndex& index : about.indexes) {
    writer.Key(index.field).BeginObject().Field("data_type", index.type);
    if (!index.params.is_null()) writer.Key("params").Tree(index.params);
    const auto points = facts.indexed.find(index.field);
    writer.Field("points", points != facts.indexed.end() ? points->second : 0).EndObject();
  }
  writer.EndObject().EndObject();
  return out;
}

Result<std::vector<AliasChange>> ReadAliasChanges(const json::Value& body) {
  constexpr size_t kBytes = vectors::Limits::kNameBytes;
  json::Problem problem;
  json::Fields fields(problem, body);
  std::vector<AliasChange> changes;
  const json::Array* actions = fields.Require().List("actions", vectors::Limits::kAliases);
  for (size_t i = 0; actions != nullptr && i < actions->size() && !problem; ++i) {
    json::Fields action(problem, (*actions)[i], fields.PathOf("actions", i));
    AliasChange change;
    size_t kinds = 0;
    if (auto create = action.Nested("create_alias")) {
      ++kinds;
      change.kind = AliasChange::Kind::kCreate;
      change.alias = create->Require().String("alias_name", kBytes).value_or("");
      change.collection = create->Require().String("collection_name", kBytes).value_or("");
      create->RefuseUnread();
    }
    if (auto remove = action.Nested("delete_alias")) {
      ++kinds;
      change.kind = AliasChange::Kind::kDelete;
      change.alias = remove->Require().String("alias_name", kBytes).value_or("");
      remove->RefuseUnread();
    }
    if (auto rename = action.Nested("rename_alias")) {
      ++kinds;
      change.kind = AliasChange::Kind::kRename;
      change.alias = rename->Require().String("old_alias_name", kBytes).value_or("");
      change.new_alias = rename->Require().String("new_alias_name", kBytes).value_or("");
      rename->RefuseUnread();
    }
    action.RefuseUnread();
    if (kinds != 1)
      action.Refuse("", "takes exactly one of create_alias, delete_alias, rename_alias");
    changes.push_back(std::move(change));
  }
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return changes;
}

}  // namespace weir::qdrant
