#include "dialects/ollama/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dialects/ollama/body.h"
#include "json/writer.h"
#include "models/parameters.h"

namespace weir::ollama {
namespace {

constexpr size_t kModelBytesMax = 512;  // with host and namespace
constexpr size_t kFilesMax = 64;
constexpr size_t kLicencesMax = 64;
constexpr size_t kDigestNameBytes = 12;
constexpr std::string_view kAlgorithm = "sha256";

std::string ReadModel(json::Fields& fields) {
  std::string model = fields.String("model", kModelBytesMax).value_or("");
  const std::string older = fields.String("name", kModelBytesMax).value_or("");
  if (model.empty()) model = older;
  if (model.empty()) fields.Refuse("model", "is required");
  return model;
}

// Other words would be lost without anybody noticing.
void RefuseGiven(json::Fields& fields, std::string_view key, std::string_view why) {
  const json::Value* value = fields.Take(key);
  if (value == nullptr) return;
  const bool empty = (value->AsString() != nullptr && value->AsString()->empty()) ||
                     (value->AsArray() != nullptr && value->AsArray()->empty()) ||
                     (value->AsObject() != nullptr && value->AsObject()->empty());
  if (!empty) RefuseUnsupported(fields, key, why);
}

// The digests of blobs that are GGUF files, at most `most`.
std::vector<std::string> ReadDigests(json::Fields& fields, std::string_view key, size_t most,
                                     std::string_view why) {
  const json::Object* files = fields.Map(key, kFilesMax);
  if (files == nullptr || files->empty()) return {};
  const bool foreign = std::ranges::any_of(
      *files, [](const json::Member& file) { return !file.key.ends_with(".gguf"); });
  if (foreign || files->size() > most) {
    RefuseUnsupported(fields, key, why);
    return {};
  }
  std::vector<std::string> out;
  for (const json::Member& file : *files) {
    const std::string* digest = file.value.AsString();
    auto sha256 = ReadDigest(digest == nullptr ? "" : *digest);
    if (!sha256) {
      fields.Refuse(key, sha256.error().message);
      return {};
    }
    out.push_back(std::move(*sha256));
  }
  return out;
}

std::vector<std::string> ReadModelFiles(json::Fields& fields) {
  return ReadDigests(
      fields, "files", 2,
      "one GGUF file makes a model (\"NAME.gguf\": \"sha256:...\"), with its projector beside it "
      "where it sees images; convert and join others first");
}

std::vector<std::string> ReadAdapters(json::Fields& fields) {
  return ReadDigests(
      fields, "adapters", models::kAdaptersMax,
      "up to four LoRA adapters as GGUF files (\"NAME.gguf\": \"sha256:...\") go on a "
      "model; convert others first");
}

std::string ReadTemplate(json::Fields& fields) {
  std::string text = fields.String("template", models::kManifestTextBytesMax).value_or("");
  if (models::IsGoTemplate(text))
    fields.Refuse("template", models::kGoTemplateRefused, Code::kUnprocessable, "go_template");
  return text;
}

// A text, or several.
std::string ReadLicence(json::Fields& fields) {
  const json::Value* licence = fields.Take("license");
  if (licence == nullptr) return "";
  if (licence->AsString() != nullptr)
    return fields.String("license", models::kManifestTextBytesMax).value_or("");
  std::string out;
  for (const std::string& each :
       fields.Strings("license", kLicencesMax, models::kManifestTextBytesMax))
    out += (out.empty() ? "" : "\n") + each;
  if (out.size() > models::kManifestTextBytesMax)
    fields.Refuse("license", fmt::format("has {} bytes; the most is {}", out.size(),
                                         models::kManifestTextBytesMax));
  return out;
}

void ReadParameters(json::Fields& fields, models::Modelfile& out) {
  const json::Object* all = fields.Map("parameters", models::kParametersMax);
  if (all == nullptr) return;
  for (const json::Member& member : *all) {
    if (member.value.is_null()) continue;
    const std::string path = fmt::format("parameters.{}", member.key.substr(0, 32));
    if (models::IsForeignParameter(member.key)) {
      out.notes.push_back(fmt::format("{} says how Ollama's runner works and is left out", path));
      continue;
    }
    auto parameter = models::IsParameter(member.key)
                         ? models::CheckParameter(member.key, member.value)
                         : Fail(Code::kInvalidArgument, "there is no such parameter");
    // A stop may be one text.
    if (!parameter && member.key == "stop" && member.value.AsString() != nullptr)
      parameter = models::CheckParameterText("stop", *member.value.AsString());
    if (!parameter) {
      Error error = parameter.error();
      error.message = fmt::format("{}: {}", path, error.message);
      error.param = path;
      fields.problem().Set(std::move(error));
      return;
    }
    models::PutParameter(out.parameters, std::move(*parameter));
  }
}

void ReadTurns(json::Fields& fields, models::Modelfile& out) {
  const json::Array* all = fields.List("messages", models::kTurnsMax);
  for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
    json::Fields turn(fields.problem(), (*all)[i], fields.PathOf("messages", i));
    constexpr std::string_view kRoles[] = {"system", "user", "assistant"};
    const auto role = turn.Require().WordIndex("role", kRoles);
    RefuseGiven(turn, "images", "a model brings words alone");
    RefuseGiven(turn, "tool_calls", "a model brings words alone");
    out.turns.push_back(
        {std::string(kRoles[role.value_or(0)]),
         turn.Require().String("content", models::kManifestTextBytesMax).value_or("")});
  }
}

void ReadOllamasOwn(json::Fields& fields, models::Modelfile& out) {
  for (const std::string_view key : {"renderer", "parser"}) {
    const auto value = fields.String(key, kModelBytesMax);
    if (value && !value->empty())
      out.notes.push_back(fmt::format("{} is Ollama's own and is left out", key));
  }
}

}  // namespace

Result<PullCall> ReadPull(std::string_view body) {
  return ReadBody<PullCall>(body, [](json::Fields& fields) {
    PullCall call{.model = ReadModel(fields)};
    call.stream = fields.Bool("stream").value_or(true);
    if (fields.Bool("insecure").value_or(false))
      RefuseUnsupported(fields, "insecure", "models come over verified connections alone");
    return call;
  });
}

Result<CreateCall> ReadCreate(std::string_view body) {
  return ReadBody<CreateCall>(body, [](json::Fields& fields) {
    CreateCall call{.model = ReadModel(fields)};
    call.stream = fields.Bool("stream").value_or(true);
    call.file.from = fields.String("from", kModelBytesMax).value_or("");
    call.files = ReadModelFiles(fields);
    call.adapters = ReadAdapters(fields);
    call.file.chat_template = ReadTemplate(fields);
    call.file.system = fields.String("system", models::kManifestTextBytesMax).value_or("");
    call.file.licence = ReadLicence(fields);
    ReadParameters(fields, call.file);
    ReadTurns(fields, call.file);
    ReadOllamasOwn(fields, call.file);
    for (const std::string_view key : {"quantize", "quantization"})
      RefuseGiven(fields, key, "a model is made as it is; get it in the quantisation you want");
    for (const std::string_view key : {"modelfile", "path"})
      RefuseGiven(fields, key, "it is older; give `from`, `system`, `parameters` and the others");
    if (call.file.from.empty() == call.files.empty())
      fields.Refuse("from", "names what the model is made of: give either it or `files`");
    return call;
  });
}

Result<CopyCall> ReadCopy(std::string_view body) {
  return ReadBody<CopyCall>(body, [](json::Fields& fields) {
    return CopyCall{
        .source = fields.Require().String("source", kModelBytesMax).value_or(""),
        .destination = fields.Require().String("destination", kModelBytesMax).value_or("")};
  });
}

Result<std::string> ReadDelete(std::string_view body) {
  return ReadBody<std::string>(body, [](json::Fields& fields) { return ReadModel(fields); });
}

Result<std::string> ReadDigest(std::string_view text) {
  const bool prefixed = text.starts_with(kAlgorithm) && text.size() > kAlgorithm.size() &&
                        (text[kAlgorithm.size()] == ':' || text[kAlgorithm.size()] == '-');
  const std::string_view digits = prefixed ? text.substr(kAlgorithm.size() + 1) : "";
  if (models::IsSha256(digits)) return std::string(digits);
  return Fail(Code::kInvalidArgument, "a digest is sha256: and 64 lower case hexadecimal digits",
              "digest");
}

std::string RenderStatus(std::string_view status) {
  std::string out;
  json::Writer(&out).BeginObject().Field("status", status).EndObject();
  return out + "\n";
}

std::string RenderProgress(std::string_view name, std::string_view sha256, uint64_t total,
                           uint64_t completed) {
  std::string out;
  json::Writer writer(&out);
  const std::string_view shown = sha256.empty() ? name : sha256.substr(0, kDigestNameBytes);
  writer.BeginObject().Field("status", fmt::format("pulling {}", shown));
  // Clients keep a bar for each digest.
  writer.Field("digest", sha256.empty() ? std::string(name) : fmt::format("sha256:{}", sha256));
  if (total > 0) writer.Field("total", total);
  if (completed > 0) writer.Field("completed", completed);
  writer.EndObject();
  return out + "\n";
}

}  // namespace weir::ollama
