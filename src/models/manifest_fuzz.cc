// Whatever ParseManifest accepts must be safe to build paths from and must survive printing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "models/catalogue.h"
#include "models/folder.h"
#include "models/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::models;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = ParseName(text)) {
    const auto again = ParseName(name->ToString());
    if (!again || *again != *name) std::abort();
    const std::string folder = FolderOf(name->model);
    if (folder.find('/') != std::string::npos || folder.front() == '.') std::abort();
    if (ModelInFolder(folder) != name->model) std::abort();
  }
  if (const auto manifest = ParseManifest(text)) {
    if (!IsSha256(manifest->sha256) || manifest->name.tag.empty()) std::abort();
    const auto again = ParseManifest(PrintManifest(*manifest));
    if (!again || again->sha256 != manifest->sha256 || again->name != manifest->name) std::abort();
  }
  if (const auto catalogue = Catalogue::Parse(text)) {
    for (const Entry& entry : catalogue->entries()) {
      if (catalogue->Find(entry.name.ToString()) != &entry) std::abort();
    }
  }
  return 0;
}
