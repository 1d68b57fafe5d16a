// A model that a command works on without a server: opened, and past the inspector.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/options.h"
#include "gguf/info.h"
#include "models/manifest.h"
#include "models/store.h"

namespace weir::cli {

struct ModelSource {
  models::OpenedModel opened = {};
  models::Manifest manifest = {};  // what a file by its path has none of is empty
  gguf::Info info = {};

  bool stored() const { return !manifest.name.model.empty(); }
  std::string name() const { return stored() ? manifest.name.ToString() : opened.name; }
};

// `model` is a name of the store, or a path (model_path.h).
Result<ModelSource> OpenModelSource(const Common& common, const std::string& model);

// What a quantisation of it is called where nobody chose: "smollm2:135m" and Q4_0 are
// "smollm2:135m-q4_0".
std::string QuantisedName(const ModelSource& source, const std::string& type);

// That nothing can be quantised to `type`, and what there is.
Error UnknownQuantisation(const std::string& type);

}  // namespace weir::cli
