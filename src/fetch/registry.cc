#include "fetch/registry.h"

#include <fmt/core.h>

#include "hash/hash.h"
#include "json/fields.h"
#include "json/parse.h"
#include "models/parameters.h"

namespace weir::fetch {
namespace {

constexpr size_t kManifestBytesMax = size_t{1} << 20;
constexpr size_t kLayersMax = 64;
constexpr size_t kTextMax = 256;
constexpr int64_t kSizeMax = int64_t{1} << 50;
constexpr std::string_view kDigest = "sha256:";
constexpr std::string_view kType = "application/vnd.ollama.image.";

Layer ReadLayer(json::Fields& layer) {
  const std::string digest = layer.Require().String("digest", kTextMax).value_or("");
  Layer out;
  out.size = static_cast<uint64_t>(layer.Require().Int("size", 0, kSizeMax).value_or(0));
  if (layer.problem()) return out;
  if (digest.starts_with(kDigest) && models::IsSha256(digest.substr(kDigest.size())))
    out.sha256 = digest.substr(kDigest.size());
  else
    layer.Refuse("digest", "is not sha256: and 64 lower case hexadecimal digits");
  return out;
}

std::unexpected<Error> Unreadable(std::string_view why) {
  return Fail(Code::kBackendFailed,
              fmt::format("the registry's answer cannot be read ({}); choose another model", why),
              {}, "hub_failed");
}

}  // namespace

Result<RegistryManifest> ParseRegistryManifest(std::string_view text) {
  auto document = json::Parse(text, {.depth = 16, .bytes = kManifestBytesMax, .values = 4096});
  if (!document) return Unreadable("it is no JSON");
  json::Problem problem;
  json::Fields fields(problem, *document);
  RegistryManifest out{.digest = Sha256::Of(text)};
  int found = 0;
  if (const json::Array* layers = fields.Require().List("layers", kLayersMax)) {
    for (size_t i = 0; i < layers->size(); ++i) {
      json::Fields layer(problem, (*layers)[i], fields.PathOf("layers", i));
      const std::string type = layer.Require().String("mediaType", kTextMax).value_or("");
      const Layer read = ReadLayer(layer);
      if (problem || !type.starts_with(kType)) continue;
      const std::string_view kind = std::string_view(type).substr(kType.size());
      if (kind == "model" && ++found == 1) out.model = read;
      if (kind == "template") out.templates.push_back(read);
      if (kind == "system") out.systems.push_back(read);
      if (kind == "params") out.parameters.push_back(read);
      if (kind == "license") out.licences.push_back(read);
      if (kind == "adapter") out.adapters.push_back(read);
      if (kind == "projector") out.projector = read;
    }
  }
  if (problem) return Unreadable(problem.error().message);
  if (out.adapters.size() > models::kAdaptersMax)
    return Fail(
        Code::kUnprocessable,
        fmt::format("this model brings {} adapters, and at most {} are taken; choose another",
                    out.adapters.size(), models::kAdaptersMax),
        "model", "too_many_adapters");
  if (found != 1 || out.model.size == 0)
    return Fail(Code::kUnprocessable,
                "this model of the registry is not one GGUF file; choose another", "model",
                "not_gguf");
  return out;
}

Result<std::vector<models::Parameter>> ParseRegistryParameters(std::string_view text) {
  auto document =
      json::Parse(text, {.depth = 4, .bytes = models::kManifestTextBytesMax, .values = 1024});
  if (!document) return Unreadable("its parameters are no JSON");
  json::Problem problem;
  json::Fields fields(problem, *document);
  if (problem) return Unreadable(problem.error().message);
  std::vector<models::Parameter> out;
  for (const json::Member& member : *document->AsObject()) {
    if (!models::IsParameter(member.key)) continue;
    auto parameter = models::CheckParameter(member.key, member.value);
    if (!parameter) return Unreadable(parameter.error().message);
    if (out.size() < models::kParametersMax) out.push_back(std::move(*parameter));
  }
  return out;
}

Result<RegistryManifest> AskRegistry(http::Downloads& downloads, const std::string& registry,
                                     const FromRegistry& from) {
  const auto answer = downloads.Get(
      {.url = fmt::format("{}/v2/{}/manifests/{}", registry, from.repository, from.tag),
       .accept = "application/vnd.docker.distribution.manifest.v2+json"},
      kManifestBytesMax);
  if (!answer) return Fail(answer.error());
  if (answer->head.status != 200) return Fail(http::StatusError("the registry", answer->head));
  return ParseRegistryManifest(answer->body);
}

std::string LayerUrl(const std::string& registry, const FromRegistry& from, const Layer& layer) {
  return fmt::format("{}/v2/{}/blobs/sha256:{}", registry, from.repository, layer.sha256);
}

Result<std::string> FetchLayer(http::Downloads& downloads, const std::string& registry,
                               const FromRegistry& from, const Layer& layer) {
  auto answer =
      downloads.Get({.url = LayerUrl(registry, from, layer)}, models::kManifestTextBytesMax);
  if (!answer) return Fail(answer.error());
  if (answer->head.status != 200) return Fail(http::StatusError("the registry", answer->head));
  if (Sha256::Of(answer->body) != layer.sha256)
    return Fail(Code::kUnprocessable,
                "a part of the model does not have the sha256 that the registry promised; it is "
                "refused",
                {}, "wrong_sha256");
  return std::move(answer->body);
}

}  // namespace weir::fetch
