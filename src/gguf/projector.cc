#include "gguf/projector.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "gguf/parsed.h"

namespace weir::gguf {
namespace {

constexpr uint64_t kTypeBytesMax = 64;
constexpr auto kComputed = std::to_array<std::string_view>(
    {"adapter", "gemma3", "idefics3", "internvl", "janus_pro", "ldp", "ldpv2", "lfm2", "llama4",
     "lightonocr", "mlp", "phi4", "pixtral", "qwen2.5vl_merger", "qwen2vl_merger", "qwen3vl_merger",
     "resampler"});

std::unexpected<Error> Refused(std::string message, const char* reason) {
  return Fail(Code::kUnprocessable, "the projector is refused: " + std::move(message), "projector",
              reason);
}

// Older files have one word for all encoders, newer ones a word for each.
Result<std::string> TypeOf(const Metadata& metadata) {
  for (const char* key : {"clip.vision.projector_type", "clip.projector_type"}) {
    auto type = metadata.String(key, kTypeBytesMax);
    if (!type) return Fail(type.error());
    if (*type) return std::move(**type);
  }
  return std::string("mlp");
}

}  // namespace

Result<void> CheckProjector(int projector) {
  const auto file = ParseDescriptor(projector);
  if (!file) return Refused(file.error().message, file.error().reason.c_str());
  if (file->info.kind != Kind::kProjector)
    return Refused(fmt::format("it is {}; name a GGUF file of the kind that is called mmproj",
                               file->info.kind == Kind::kModel ? "a model" : "an adapter"),
                   "not_a_projector");
  const auto sees = file->metadata.Bool("clip.has_vision_encoder");
  if (!sees) return Fail(sees.error());
  if (!sees->value_or(false))
    return Refused("it has no encoder for images; the model runs without it", "projector_kind");
  const auto type = TypeOf(file->metadata);
  if (!type) return Fail(type.error());
  if (std::ranges::find(kComputed, *type) != kComputed.end()) return {};
  return Refused(fmt::format("it is of the kind {}, whose images engines do not compute yet; the "
                             "model runs without it",
                             Printable(*type)),
                 "projector_kind");
}

}  // namespace weir::gguf
