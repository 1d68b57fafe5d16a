// Any bytes as a configuration file: problems or settings, never a crash; and what was accepted can
// be shown and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/parse.h"
#include "config/show.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::config;
  Settings settings;
  Problems problems;
  ParseInto(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.toml", settings,
            problems);
  if (!problems.empty()) return 0;
  // load.h fills the folders that nobody named.
  if (settings.data->empty()) settings.data.value = "/data";
  if (settings.models->empty()) settings.models.value = "/data/models";
  const std::string shown = Show(settings);
  Settings again;
  Problems none;
  ParseInto(shown, "fuzz.toml", again, none);
  CHECK(none.empty() || shown.size() > (1 << 20), "what is shown can be read");
  return 0;
}
