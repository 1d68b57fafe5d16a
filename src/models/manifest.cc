#include "models/manifest.h"

#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::models {
namespace {

constexpr size_t kTextMax = 1024;
constexpr int64_t kSizeMax = int64_t{1} << 50;
constexpr json::Limits kLimits = {.depth = 16, .bytes = kManifestBytesMax, .values = 4096};

Name ReadName(json::Fields& fields) {
  const std::string text = fields.Require().String("name", kTextMax).value_or("");
  if (fields.problem()) return {};
  auto name = ParseName(text);
  if (name && !name->tag.empty()) return *name;
  fields.Refuse("name", "is not name:tag");
  return {};
}

void ReadModel(json::Fields model, Manifest& out) {
  out.sha256 = model.Require().String("sha256", 64).value_or("");
  out.size = static_cast<uint64_t>(model.Require().Int("size", 1, kSizeMax).value_or(0));
  if (!model.problem() && !IsSha256(out.sha256)) {
    model.Refuse("sha256", "is not 64 lower case hexadecimal digits");
  }
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view text) {
  auto document = json::Parse(text, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Manifest out;
  fields.Require().Int("schema", 1, kManifestSchema);
  out.name = ReadName(fields);
  out.format = fields.Require().String("format", kTextMax).value_or("");
  if (auto model = fields.Require().Nested("model")) ReadModel(*model, out);
  out.licence = fields.String("licence", kTextMax).value_or("");
  out.source = fields.String("source", kTextMax).value_or("");
  out.created = fields.String("created", kTextMax).value_or("");
  if (!problem && out.format != "gguf") fields.Refuse("format", "is not gguf");
  if (problem) return Fail(problem.Take());
  return out;
}

std::string PrintManifest(const Manifest& manifest) {
  std::string out;
  json::Writer(&out)
      .BeginObject()
      .Field("schema", kManifestSchema)
      .Field("name", manifest.name.ToString())
      .Field("format", manifest.format)
      .Key("model")
      .BeginObject()
      .Field("sha256", manifest.sha256)
      .Field("size", manifest.size)
      .EndObject()
      .Field("licence", manifest.licence)
      .Field("source", manifest.source)
      .Field("created", manifest.created)
      .EndObject();
  return out + "\n";
}

}  // namespace weir::models
