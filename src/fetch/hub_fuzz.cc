// The hub's and the registry's answers are somebody else's: whatever they are, what comes out keeps
// the grammar.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fetch/hub.h"
#include "fetch/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto choice = fetch::ChooseFiles(text, "")) {
    CHECK(fetch::IsRepositoryPath(choice->revision), "a revision is a path segment");
    for (const fetch::HubFile& file : choice->files) {
      CHECK(fetch::IsRepositoryPath(file.path), "a file's path stays in its repository");
      CHECK(file.sha256.empty() || models::IsSha256(file.sha256), "a digest is one");
    }
  }
  if (const auto manifest = fetch::ParseRegistryManifest(text))
    CHECK(models::IsSha256(manifest->model.sha256), "a digest is one");
  (void)fetch::ParseRegistryParameters(text);
  return 0;
}
