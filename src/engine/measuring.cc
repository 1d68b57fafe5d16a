#include "engine/measuring.h"

#include <fmt/format.h>

#include <memory>

#include "base/gpu_build.h"
#include "base/log.h"
#include "engine/outbox.h"
#include "engine/quality.h"
#include "engine/reader.h"
#include "process/sandbox.h"
#include "wire/quality.h"

namespace weir::engine {
namespace {

constexpr float kLoadingShare = 0.1F;
constexpr float kShareStep = 0.002F;  // less is not worth a frame

// Tells a rising share; false when nobody listens any more.
class Teller {
 public:
  explicit Teller(Outbox& outbox) : outbox_(outbox) {}
  bool Tell(float share) {
    if (share - told_ < kShareStep) return true;
    told_ = share;
    outbox_.Put(wire::EngineFrame::kLoading, 0, wire::Loading{share});
    return outbox_.Flush();
  }

 private:
  Outbox& outbox_;
  float told_ = 0;
};

Result<wire::Measure> ReadAsked(int socket) {
  wire::FrameReader frames;
  const auto frame = ReadFrame(socket, frames);
  if (!frame) return Fail(frame.error());
  auto asked = wire::Decode<wire::Measure>(frame->body);
  if (frame->kind != static_cast<uint16_t>(wire::QualityFrame::kMeasure) || !asked)
    return Fail(Code::kBackendFailed, "the first frame of a conversation says what to measure");
  return std::move(*asked);
}

Result<wire::Measured> Measure(const MeasuringOptions& options, Teller& teller) {
  const auto asked = ReadAsked(options.socket);
  if (!asked) return Fail(asked.error());
  llama::StartBackend();
  std::vector<std::unique_ptr<llama::Model>> models;
  const auto count = static_cast<float>(options.models.size());
  for (const int file : options.models) {
    const auto before = static_cast<float>(models.size());
    auto model = llama::Model::Load(
        fmt::format("/proc/self/fd/{}", file), {.on_progress = [&](float fraction) {
          return teller.Tell(kLoadingShare * (before + fraction) / count);
        }});
    if (!model) return Fail(model.error());
    models.push_back(std::move(*model));
  }
  std::vector<const llama::Model*> loaded;
  for (const auto& model : models) loaded.push_back(model.get());
  return MeasureQuality(loaded, *asked, [&](float share) {
    (void)teller.Tell(kLoadingShare + (1 - kLoadingShare) * share);  // whoever went away took
                                                                     // this process along
  });
}

}  // namespace

int RunMeasuring(const MeasuringOptions& options) {
  (void)ApplySandbox(SandboxSpec::Engine(options.models, /*drivers=*/!GpuBuild().empty()));
  Outbox outbox(options.socket);
  Teller teller(outbox);
  const auto measured = Measure(options, teller);
  if (measured) {
    outbox.Put(wire::QualityFrame::kMeasured, 0, *measured);
  } else {
    LogError("{}", measured.error().message);
    outbox.PutFailure(0, measured.error());
  }
  return outbox.Flush() && measured ? 0 : 1;
}

}  // namespace weir::engine
