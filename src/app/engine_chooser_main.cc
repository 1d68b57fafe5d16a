// What stands at bin/weir-engine in a package: becomes the engine that is compiled for the most of
// what this processor has, from lib/weir beside bin. Engines are processes of their own with
// nothing loaded at run time, so the choice is one of programs and not of libraries.
#include <fmt/core.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "process/processor.h"

namespace {

constexpr weir::ProcessorLevel kBestFirst[] = {
    weir::ProcessorLevel::kAmx, weir::ProcessorLevel::kAvx512, weir::ProcessorLevel::kPortable};

}  // namespace

int main(int, char** argv) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    fmt::print(stderr, "weir: cannot find the engine's programs; is /proc mounted?\n");
    return 1;
  }
  const weir::ProcessorLevel level = weir::LevelOfThisProcessor();
  if (level == weir::ProcessorLevel::kLess) {
    fmt::print(stderr,
               "weir: this processor has no AVX2, which the package needs; build Weir on this "
               "machine instead\n");
    return 1;
  }
  const auto folder = self.parent_path().parent_path() / "lib" / "weir";
  for (const weir::ProcessorLevel each : kBestFirst) {
    if (each > level) continue;
    const std::string program = folder / fmt::format("weir-engine-{}", weir::LevelName(each));
    execv(program.c_str(), argv);  // comes back when there is none
  }
  fmt::print(stderr, "weir: there is no engine in {}; install Weir again\n", folder.string());
  return 1;
}
