#include "gguf/adapter.h"

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "gguf/parsed.h"

namespace weir::gguf {
namespace {

constexpr std::string_view kFirst = ".lora_a";   // into the adapter's rank
constexpr std::string_view kSecond = ".lora_b";  // and out of it
constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr uint64_t kTypeBytesMax = 64;

std::unexpected<Error> Refused(std::string message, const char* reason) {
  return Fail(Code::kUnprocessable, "the adapter is refused: " + std::move(message), "adapter",
              reason);
}

std::unexpected<Error> Mismatch(std::string message) {
  return Refused(std::move(message) + "; it was made for another model", "adapter_mismatch");
}

Result<void> CheckKind(const Parsed& adapter) {
  if (adapter.info.kind != Kind::kAdapter)
    return Refused(adapter.info.kind == Kind::kModel ? "it is a model; adapters are GGUF files of "
                                                       "the type `adapter`"
                                                     : "it is a projector",
                   "not_an_adapter");
  const auto type = adapter.metadata.String("adapter.type", kTypeBytesMax);
  if (!type) return Fail(type.error());
  if (type->value_or("") != "lora")
    return Refused("it is no LoRA, the one kind that engines take", "adapter_kind");
  if (adapter.metadata.Find("adapter.alora.invocation_tokens") != nullptr)
    return Refused("it is switched on by words of the prompt, which engines do not do",
                   "adapter_kind");
  const auto alpha = adapter.metadata.Float("adapter.lora.alpha");
  if (!alpha) return Fail(alpha.error());
  return {};
}

// `first` takes what the tensor takes, and `second` gives what it gives.
bool Fits(std::string_view name, const Shape& tensor, const Shape& first, const Shape& second) {
  for (size_t i = 2; i < kDimensionsMax; ++i) {
    if (first[i] != tensor[i] || second[i] != tensor[i]) return false;
  }
  // Rows are looked up there, not multiplied.
  if (name.ends_with(kEmbedding))
    return first[1] == tensor[1] && second[1] == tensor[0] && first[0] == second[0];
  return first[0] == tensor[0] && second[1] == tensor[1] && first[1] == second[0];
}

Result<void> CheckPair(const Parsed& adapter, const Parsed& model, std::string_view name) {
  const std::string shown = Printable(name);
  const Shape* first = adapter.tensors.Find(std::string(name) + std::string(kFirst));
  const Shape* second = adapter.tensors.Find(std::string(name) + std::string(kSecond));
  if (first == nullptr || second == nullptr)
    return Refused(fmt::format("the pair for {} is not whole", shown), "not_an_adapter");
  const Shape* tensor = model.tensors.Find(name);
  if (tensor == nullptr) return Mismatch(fmt::format("the model has no tensor {}", shown));
  if (!Fits(name, *tensor, *first, *second))
    return Mismatch(fmt::format(
        "{} is {} x {} in the model, and the adapter's pair is {} x {} and {} x {}", shown,
        (*tensor)[0], (*tensor)[1], (*first)[0], (*first)[1], (*second)[0], (*second)[1]));
  return {};
}

Result<void> CheckTensors(const Parsed& adapter, const Parsed& model) {
  for (const auto& [tensor, shape] : adapter.tensors.shapes()) {
    std::string_view name = tensor;
    if (name.ends_with("_norm.weight")) continue;  // libllama leaves them out
    const bool half = name.ends_with(kFirst) || name.ends_with(kSecond);
    if (!half)
      return Refused(fmt::format("{} is neither half of a pair", Printable(name)),
                     "not_an_adapter");
    name.remove_suffix(kFirst.size());
    if (auto fits = CheckPair(adapter, model, name); !fits) return fits;
  }
  return {};
}

}  // namespace

Result<void> CheckAdapter(int adapter, int model) {
  const auto on_top = ParseDescriptor(adapter);
  if (!on_top) return Refused(on_top.error().message, on_top.error().reason.c_str());
  if (auto kind = CheckKind(*on_top); !kind) return kind;
  const auto below = ParseDescriptor(model);
  if (!below) return Fail(below.error());
  if (on_top->info.architecture != below->info.architecture)
    return Mismatch(fmt::format("it is for {} models, and this is a {}", on_top->info.architecture,
                                below->info.architecture));
  return CheckTensors(*on_top, *below);
}

}  // namespace weir::gguf
