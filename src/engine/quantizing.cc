#include "engine/quantizing.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/log.h"
#include "engine/outbox.h"
#include "llama/quantize.h"
#include "process/sandbox.h"
#include "wire/engine.h"

namespace weir::engine {
namespace {

SandboxSpec SpecOf(const QuantizingOptions& options) {
  const std::string folder = std::filesystem::path(options.output).parent_path();
  SandboxSpec spec = SandboxSpec::Fetch({folder}, /*network=*/false, /*ca_file=*/{});
  spec.read_only_files = {options.model};
  return spec;
}

}  // namespace

int RunQuantizing(const QuantizingOptions& options) {
  (void)ApplySandbox(SpecOf(options));
  Outbox outbox(options.socket);
  const auto done = llama::Quantize(
      fmt::format("/proc/self/fd/{}", options.model), options.output,
      {.type = options.type, .threads = options.threads, .again = options.again}, [&](float share) {
        outbox.Put(wire::EngineFrame::kLoading, 0, wire::Loading{share});
        (void)outbox.Flush();  // whoever went away took this process along
      });
  if (done) return 0;
  LogError("{}", done.error().message);
  outbox.PutFailure(0, done.error());
  (void)outbox.Flush();
  return 1;
}

}  // namespace weir::engine
