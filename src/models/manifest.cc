#include "models/manifest.h"

#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::models {
namespace {

constexpr size_t kTextMax = 1024;
constexpr int64_t kSizeMax = int64_t{1} << 50;
constexpr json::Limits kLimits = {.depth = 16, .bytes = kManifestBytesMax, .values = 16384};

Name ReadName(json::Fields& fields) {
  const std::string text = fields.Require().String("name", kTextMax).value_or("");
  if (fields.problem()) return {};
  auto name = ParseName(text);
  if (name && !name->tag.empty()) return *name;
  fields.Refuse("name", "is not name:tag");
  return {};
}

StoredFile ReadFile(json::Fields file) {
  StoredFile out{file.Require().String("sha256", 64).value_or(""),
                 static_cast<uint64_t>(file.Require().Int("size", 1, kSizeMax).value_or(0))};
  if (!file.problem() && !IsSha256(out.sha256)) {
    file.Refuse("sha256", "is not 64 lower case hexadecimal digits");
  }
  return out;
}

std::vector<StoredFile> ReadAdapters(json::Fields& fields) {
  std::vector<StoredFile> out;
  const json::Array* all = fields.List("adapters", kAdaptersMax);
  for (size_t i = 0; all != nullptr && i < all->size(); ++i)
    out.push_back(
        ReadFile(json::Fields(fields.problem(), (*all)[i], fields.PathOf("adapters", i))));
  return out;
}

std::vector<Parameter> ReadParameters(json::Fields& fields) {
  std::vector<Parameter> out;
  const json::Object* all = fields.Map("parameters", kParametersMax);
  if (all == nullptr) return out;
  for (const json::Member& member : *all) out.push_back({member.key, json::Print(member.value)});
  return out;
}

std::vector<Turn> ReadTurns(json::Fields& fields) {
  std::vector<Turn> out;
  const json::Array* all = fields.List("messages", kTurnsMax);
  if (all == nullptr) return out;
  for (size_t i = 0; i < all->size(); ++i) {
    json::Fields turn(fields.problem(), (*all)[i], fields.PathOf("messages", i));
    out.push_back({turn.Require().String("role", 16).value_or(""),
                   turn.Require().String("content", kManifestTextBytesMax).value_or("")});
  }
  return out;
}

void WriteFile(json::Writer& writer, const StoredFile& file) {
  writer.BeginObject().Field("sha256", file.sha256).Field("size", file.size).EndObject();
}

void WriteExtras(json::Writer& writer, const Manifest& manifest) {
  const auto text = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) writer.Field(key, value);
  };
  text("revision", manifest.revision);
  text("template", manifest.chat_template);
  text("system", manifest.system);
  text("licence_text", manifest.licence_text);
  if (!manifest.parameters.empty()) {
    writer.Key("parameters").BeginObject();
    for (const Parameter& each : manifest.parameters) writer.Key(each.name).Raw(each.value);
    writer.EndObject();
  }
  if (!manifest.turns.empty()) {
    writer.Key("messages").BeginArray();
    for (const Turn& turn : manifest.turns) {
      writer.BeginObject().Field("role", turn.role).Field("content", turn.content).EndObject();
    }
    writer.EndArray();
  }
  if (!manifest.adapters.empty()) {
    writer.Key("adapters").BeginArray();
    for (const StoredFile& each : manifest.adapters) WriteFile(writer, each);
    writer.EndArray();
  }
  if (!manifest.projector) return;
  writer.Key("projector");
  WriteFile(writer, *manifest.projector);
}

int SchemaOf(const Manifest& manifest) {
  if (manifest.projector) return kManifestSchema;
  return manifest.adapters.empty() ? 1 : 2;
}

}  // namespace

std::vector<StoredFile> FilesBeside(const Manifest& manifest) {
  std::vector<StoredFile> files = manifest.adapters;
  if (manifest.projector) files.push_back(*manifest.projector);
  return files;
}

std::vector<StoredFile> FilesOf(const Manifest& manifest) {
  std::vector<StoredFile> files = FilesBeside(manifest);
  files.insert(files.begin(), {manifest.sha256, manifest.size});
  return files;
}

Result<Manifest> ParseManifest(std::string_view text) {
  auto document = json::Parse(text, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Manifest out;
  fields.Require().Int("schema", 1, kManifestSchema);
  out.name = ReadName(fields);
  out.format = fields.Require().String("format", kTextMax).value_or("");
  if (auto model = fields.Require().Nested("model")) {
    StoredFile file = ReadFile(*model);
    out.sha256 = std::move(file.sha256);
    out.size = file.size;
  }
  out.licence = fields.String("licence", kTextMax).value_or("");
  out.source = fields.String("source", kTextMax).value_or("");
  out.created = fields.String("created", kTextMax).value_or("");
  out.revision = fields.String("revision", kTextMax).value_or("");
  out.chat_template = fields.String("template", kManifestTextBytesMax).value_or("");
  out.system = fields.String("system", kManifestTextBytesMax).value_or("");
  out.licence_text = fields.String("licence_text", kManifestTextBytesMax).value_or("");
  out.parameters = ReadParameters(fields);
  out.turns = ReadTurns(fields);
  out.adapters = ReadAdapters(fields);
  if (auto projector = fields.Nested("projector")) out.projector = ReadFile(*projector);
  if (!problem && out.format != "gguf") fields.Refuse("format", "is not gguf");
  if (problem) return Fail(problem.Take());
  return out;
}

std::string PrintManifest(const Manifest& manifest) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject()
      .Field("schema", SchemaOf(manifest))
      .Field("name", manifest.name.ToString())
      .Field("format", manifest.format)
      .Key("model");
  WriteFile(writer, {manifest.sha256, manifest.size});
  writer.Field("licence", manifest.licence)
      .Field("source", manifest.source)
      .Field("created", manifest.created);
  WriteExtras(writer, manifest);
  writer.EndObject();
  return out + "\n";
}

}  // namespace weir::models
