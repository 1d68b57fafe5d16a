#include "cli/model_source.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "cli/model_path.h"
#include "gguf/inspect.h"
#include "gguf/quantisation.h"

namespace weir::cli {

Result<ModelSource> OpenModelSource(const Common& common, const std::string& model) {
  ModelSource source;
  if (IsModelPath(model)) {
    auto opened = models::OpenModelFile(model);
    if (!opened) return Fail(opened.error());
    source.opened = std::move(*opened);
    source.manifest.format = "gguf";
  } else {
    const models::Store store(common.folders.models, PlacesOfUser());
    auto manifest = store.Resolve(model);
    auto opened = store.Open(model);
    if (!manifest || !opened) return Fail(manifest ? opened.error() : manifest.error());
    source.manifest = std::move(*manifest);
    source.opened = std::move(*opened);
  }
  auto info = gguf::InspectDescriptor(source.opened.fd.get());
  if (!info) {
    Error error = info.error();
    error.message = fmt::format("{} is no good model file; {}", source.opened.name, error.message);
    return Fail(std::move(error));
  }
  source.info = std::move(*info);
  return source;
}

std::string QuantisedName(const ModelSource& source, const std::string& type) {
  std::string lower = type;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return source.name() + (source.stored() ? "-" : ":") + lower;
}

Error UnknownQuantisation(const std::string& type) {
  std::string all;
  for (const std::string_view each : gguf::Quantisations())
    all += (all.empty() ? "" : ", ") + std::string(each);
  return {Code::kInvalidArgument,
          fmt::format("'{}' is no type to quantise to; there are {}", type, all), "type"};
}

}  // namespace weir::cli
