// The program weir-engine: one model, started by the launcher with its descriptors in place
// (wire/control.h), or by `weir quantize` to make one file out of another.
#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/quantizing.h"
#include "wire/control.h"

namespace {

using weir::engine::QuantizingOptions;

// quantize TYPE THREADS once|again OUTPUT
std::optional<QuantizingOptions> ReadArguments(int argc, char** argv) {
  constexpr int kCount = 6;
  if (argc != kCount || argv[1] != std::string_view("quantize")) return std::nullopt;
  const auto read = [](std::string_view text, auto& into) {
    const auto done = std::from_chars(text.data(), text.data() + text.size(), into);
    return done.ec == std::errc() && done.ptr == text.data() + text.size();
  };
  QuantizingOptions options{.socket = weir::wire::kEngineSocketFd,
                            .model = weir::wire::kEngineFileFdFirst,
                            .output = argv[5],
                            .again = argv[4] == std::string_view("again")};
  if (!read(argv[2], options.type) || !read(argv[3], options.threads)) return std::nullopt;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const char* level = std::getenv("WEIR_LOG_LEVEL");
  const std::string_view otherwise = argc == 1 ? "info" : "off";
  weir::SetUpLog("engine", weir::LogLevelFromName(level == nullptr ? otherwise : level));
  if (argc == 1) {
    return weir::engine::RunEngine(
        {.socket = weir::wire::kEngineSocketFd, .model = weir::wire::kEngineFileFdFirst});
  }
  const auto quantizing = ReadArguments(argc, argv);
  if (!quantizing) {
    fmt::print(stderr, "weir: this program is started by 'weir serve' and 'weir quantize'\n");
    return 2;
  }
  return weir::engine::RunQuantizing(*quantizing);
}
