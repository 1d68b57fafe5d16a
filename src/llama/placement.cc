#include "llama/placement.h"

#include <common.h>
#include <fit.h>
#include <fmt/core.h>
#include <ggml-backend.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/log.h"
#include "base/size_text.h"
#include "llama/context_params.h"

namespace weir::llama {
namespace {

// Of each device's memory this much is left for what else there is.
constexpr size_t kMarginBytes = size_t{1} << 30;

bool IsGpu(ggml_backend_dev_t device) {
  const auto type = ggml_backend_dev_type(device);
  return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

}  // namespace

std::vector<std::string> Gpus() {
  std::vector<std::string> gpus;
  for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    const ggml_backend_dev_t device = ggml_backend_dev_get(i);
    if (!IsGpu(device)) continue;
    size_t free = 0, total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    gpus.push_back(fmt::format("{} ({}, {} of {} free)", ggml_backend_dev_name(device),
                               ggml_backend_dev_description(device), SizeText(free),
                               SizeText(total)));
  }
  return gpus;
}

// llama-server's --n-cpu-moe matches the same.
std::string ExpertsPattern(int32_t layer) { return llm_ffn_block_regex(layer, LLM_FFN_EXPS_REGEX); }

Placement Placement::Of(const std::string& path, const ModelSettings& settings) {
  Placement placement;
  placement.gpu_layers_ = settings.gpu_layers;
  if (!llama_supports_gpu_offload()) return placement;
  if (settings.tensor_split.size() <= llama_max_devices() && !settings.tensor_split.empty()) {
    placement.split_ = settings.tensor_split;
    placement.split_.resize(llama_max_devices(), 0.0F);
  }
  if (settings.cpu_moe_layers > 0) placement.KeepExperts(settings.cpu_moe_layers);
  const bool open =
      settings.gpu_layers < 0 && settings.tensor_split.empty() && settings.cpu_moe_layers < 0;
  if (open && settings.fit_for != nullptr) placement.Fit(path, *settings.fit_for);
  return placement;
}

void Placement::KeepExperts(int32_t layers) {
  cpu_moe_layers_ =
      std::min<int32_t>(layers, static_cast<int32_t>(llama_max_tensor_buft_overrides()) - 1);
  for (int32_t layer = 0; layer < cpu_moe_layers_; ++layer) {
    patterns_.push_back(std::make_unique<std::string>(ExpertsPattern(layer)));
    overrides_.push_back({patterns_.back()->c_str(), ggml_backend_cpu_buffer_type()});
  }
  overrides_.push_back({nullptr, nullptr});
}

// llama.cpp's own search: all layers if they fit; then experts go to the machine's memory, then
// whole layers.
void Placement::Fit(const std::string& path, const ContextSettings& context) {
  llama_model_params model_params = llama_model_default_params();
  llama_context_params context_params = ParamsOf(context);
  std::vector<float> split(llama_max_devices(), 0.0F);
  std::vector<llama_model_tensor_buft_override> overrides(llama_max_tensor_buft_overrides());
  std::vector<size_t> margins(llama_max_devices(), kMarginBytes);
  const auto fitted =
      common_fit_params(path.c_str(), &model_params, &context_params, split.data(),
                        overrides.data(), margins.data(), 0, nullptr, GGML_LOG_LEVEL_ERROR);
  if (fitted != COMMON_PARAMS_FIT_STATUS_SUCCESS) {
    LogWarning("no placement on the GPUs is known to fit their free memory; all layers are tried");
    return;
  }
  gpu_layers_ = model_params.n_gpu_layers;
  if (std::ranges::any_of(split, [](float share) { return share > 0; })) split_ = std::move(split);
  for (const auto& each : overrides) {
    if (each.pattern == nullptr) break;
    // Its bytes lie in a list of llama-common that another call may change.
    patterns_.push_back(std::make_unique<std::string>(each.pattern));
    overrides_.push_back({patterns_.back()->c_str(), each.buft});
    if (ggml_backend_buft_is_host(each.buft)) ++cpu_moe_layers_;
  }
  if (!overrides_.empty()) overrides_.push_back({nullptr, nullptr});
}

void Placement::Apply(llama_model_params& params) const {
  params.n_gpu_layers = gpu_layers_;
  if (!split_.empty()) params.tensor_split = split_.data();
  if (!overrides_.empty()) params.tensor_buft_overrides = overrides_.data();
}

std::vector<float> Placement::tensor_split() const {
  std::vector<float> shares = split_;
  while (!shares.empty() && shares.back() == 0) shares.pop_back();
  return shares;
}

}  // namespace weir::llama
