// create: a model of one's own out of another, by Ollama's Modelfile.
#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/exit_code.h"
#include "cli/model_path.h"
#include "cli/options.h"
#include "cli/pull.h"
#include "gguf/adapter.h"
#include "models/modelfile.h"
#include "models/writer.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

Result<std::string> ReadModelfile(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  if (!file || !fs::is_regular_file(path, error))
    return Fail(Code::kNotFound, fmt::format("there is no Modelfile {}; name one with -f", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string Expanded(std::string from, const std::string& modelfile) {
  if (from.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    return (home == nullptr ? "" : std::string(home)) + from.substr(1);
  }
  if (from.starts_with('/') || modelfile == "-") return from;
  return fs::path(modelfile).parent_path() / from;  // as seen from the Modelfile
}

// What FROM names, under the new name: a file, a model that is there, or one that can be pulled.
Result<models::Manifest> Base(const Common& common, models::Writer& writer,
                              const models::Modelfile& file, const std::string& modelfile,
                              const models::Name& name) {
  std::string reference = file.from;
  if (IsModelPath(file.from) && file.from.find("://") == std::string::npos) {
    reference = "file:" + Expanded(file.from, modelfile);
  } else {
    auto there = models::Store(common.folders.models, PlacesOfUser()).Resolve(file.from);
    if (there && there->path.empty()) {
      there->name = name;
      return there;
    }
    if (there) reference = "file:" + there->path;
  }
  PullDisplay display(common.json);
  const auto pulled =
      Pull({.reference = reference, .name = name.ToString(), .store = common.folders.models},
           [&](const fetch::Event& event) { display.Show(event); });
  if (!pulled) return Fail(pulled.error());
  return writer.store().Resolve(name.ToString());
}

// What lies beside the model, copied into the store.
struct Beside {
  std::vector<models::StoredFile> adapters = {};
  std::optional<models::StoredFile> projector = {};
};

Result<Beside> TakeAllBeside(const Common& common, const models::Store& store,
                             const models::Modelfile& file, const std::string& modelfile) {
  const auto take = [&](fetch::Work work, const std::string& path) -> Result<models::StoredFile> {
    const auto taken =
        TakeBeside(work, Expanded(path, modelfile), store.root(), [&](const auto& event) {
          if (common.json) fmt::print("{}\n", fetch::PrintEvent(event));
        });
    if (!taken) return Fail(taken.error());
    return models::StoredFile{taken->sha256, taken->total};
  };
  Beside beside;
  for (const std::string& path : file.adapters) {
    auto adapter = take(fetch::Work::kAdapter, path);
    if (!adapter) return Fail(adapter.error());
    beside.adapters.push_back(std::move(*adapter));
  }
  if (file.projector.empty()) return beside;
  auto projector = take(fetch::Work::kProjector, file.projector);
  if (!projector) return Fail(projector.error());
  beside.projector = std::move(*projector);
  return beside;
}

// Adapters on top of those that the base has, a projector in place of its.
Result<void> AddBeside(const models::Store& store, const Beside& beside,
                       models::Manifest& manifest) {
  for (const models::StoredFile& file : beside.adapters) {
    const auto adapter = store.OpenBlob(file.sha256);
    const auto model = store.OpenBlob(manifest.sha256);
    if (!adapter || !model) return Fail(adapter ? model.error() : adapter.error());
    if (auto fits = gguf::CheckAdapter(adapter->get(), model->get()); !fits) return fits;
    manifest.adapters.push_back(file);
  }
  if (beside.projector) manifest.projector = beside.projector;
  return models::CheckAdapterCount(manifest);
}

void DropBeside(const models::Writer& writer, const Beside& beside) {
  for (const models::StoredFile& adapter : beside.adapters) writer.DropIfLoose(adapter.sha256);
  if (beside.projector) writer.DropIfLoose(beside.projector->sha256);
}

bool IsThere(const models::Store& store, const models::Name& name) {
  const auto model = store.Resolve(name.ToString());
  return model && model->name == name && model->path.empty();
}

}  // namespace

int CreateModel(const Common& common, const CreateOptions& options) {
  auto name = models::ParseName(options.name);
  if (!name) return Report(name.error());
  if (name->tag.empty()) name->tag = models::kDefaultTag;
  const auto text = ReadModelfile(options.modelfile);
  if (!text) return Report(text.error());
  const auto file = models::ParseModelfile(*text);
  if (!file) return Report(file.error());
  for (const std::string& note : file->notes) fmt::print(stderr, "weir: {}\n", note);
  auto writer = models::Writer::Open(common.folders.models, SystemClock().WallNow());
  if (!writer) return Report(writer.error());
  const auto beside = TakeAllBeside(common, writer->store(), *file, options.modelfile);
  if (!beside) return Report(beside.error());
  const bool was_there = IsThere(writer->store(), *name);
  auto manifest = Base(common, *writer, *file, options.modelfile, *name);
  auto laid = manifest ? models::Overlay(*file, *manifest) : Fail(manifest.error());
  if (laid) laid = AddBeside(writer->store(), *beside, *manifest);
  if (!laid) {
    // What was pulled is not the model that was asked for.
    if (!was_there && IsThere(writer->store(), *name)) (void)writer->Remove(*name);
    DropBeside(*writer, *beside);
    return Report(laid.error());
  }
  if (auto named = writer->GiveName(*manifest, false); !named) return Report(named.error());
  fmt::print("{} created\n", name->ToString());
  return 0;
}

}  // namespace weir::cli
