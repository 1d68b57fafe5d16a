#include "policy/engine_settings.h"

#include <algorithm>

#include "models/footprint.h"
#include "models/rates.h"
#include "policy/model_defaults.h"

namespace weir::policy {
namespace {

int32_t OrZero(const config::Optional<int64_t>& setting) {
  return static_cast<int32_t>(setting.value.value_or(0));
}

}  // namespace

const config::Model* ModelSettingsOf(const config::Settings& settings, const std::string& model) {
  const auto found = std::ranges::find(settings.model_settings, model, &config::Model::name);
  return found == settings.model_settings.end() ? nullptr : &*found;
}

MemoryBudget MemoryBudgetOf(const config::Settings& settings, const Machine& machine) {
  const int64_t chosen = *settings.engine.memory;
  if (chosen > 0) return {.bytes = static_cast<uint64_t>(chosen)};
  return {.bytes = models::DefaultMemoryBudget(machine), .is_default = true};
}

wire::EngineSettings EngineSettingsOf(const config::Settings& settings, const models::Store& store,
                                      const std::string& model, const models::OpenedModel& opened) {
  wire::EngineSettings chosen;
  if (const auto manifest = store.Resolve(model); manifest && manifest->sha256 == opened.sha256) {
    chosen.defaults = DefaultsOf(*manifest);
    chosen.chat_template = manifest->chat_template;
    chosen.context_tokens = ContextTokensOf(*manifest);
    chosen.dimensions_min = DimensionsMinOf(*manifest);
  }
  chosen.waiting_max = static_cast<int32_t>(*settings.limits.queue);
  chosen.waiting_max_per_key = static_cast<int32_t>(*settings.limits.queue_per_key);
  chosen.max_tokens_default = static_cast<int32_t>(*settings.limits.output_tokens);
  // What was measured, unless somebody has written otherwise.
  if (const auto kernel = models::KernelOf(*settings.data, model, opened.sha256)) {
    chosen.micro_batch_tokens = static_cast<int32_t>(kernel->micro_batch);
    chosen.flash_attention = kernel->flash_attention ? wire::Switch::kOn : wire::Switch::kOff;
  }
  if (const config::Model* written = ModelSettingsOf(settings, model)) {
    if (written->context.value) chosen.context_tokens = OrZero(written->context);
    chosen.sequences = OrZero(written->parallel);
    chosen.batch_tokens = OrZero(written->batch);
    if (written->micro_batch.value) {
      chosen.micro_batch_tokens = OrZero(written->micro_batch);
    }
    if (const auto& flash = written->flash_attention.value) {
      chosen.flash_attention = *flash ? wire::Switch::kOn : wire::Switch::kOff;
    }
    if (const auto& lookup = written->prompt_lookup.value) {
      chosen.prompt_lookup = *lookup ? wire::Switch::kOn : wire::Switch::kOff;
    }
    chosen.kv_type_k = *written->kv_type_k;
    chosen.kv_type_v = *written->kv_type_v;
    chosen.threads = OrZero(written->threads);
    chosen.gpu_layers = static_cast<int32_t>(written->gpu_layers.value.value_or(-1));
    chosen.tensor_split.assign(written->tensor_split->begin(), written->tensor_split->end());
    chosen.cpu_moe_layers = static_cast<int32_t>(written->cpu_moe_layers.value.value_or(-1));
  }
  return chosen;
}

}  // namespace weir::policy
