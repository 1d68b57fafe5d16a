// Where the parts of a model lie: which layers on GPUs, how they are parted among several, whose
// experts stay in the machine's memory. Of a build for the CPU alone nothing of it is asked.
//
// Private to this folder. One thread, before the model is loaded.
#pragma once

#include <llama.h>

#include <memory>
#include <string>
#include <vector>

#include "llama/context.h"
#include "llama/model.h"

namespace weir::llama {

class Placement {
 public:
  // As `settings` asks; where they leave all of it open, as the free memory of the devices allows.
  static Placement Of(const std::string& path, const ModelSettings& settings);

  // `params` point into this afterwards.
  void Apply(llama_model_params& params) const;

  int32_t gpu_layers() const { return gpu_layers_; }
  std::vector<float> tensor_split() const;  // without the zeros of devices that are not there
  int32_t cpu_moe_layers() const { return cpu_moe_layers_; }

 private:
  void KeepExperts(int32_t layers);
  void Fit(const std::string& path, const ContextSettings& context);

  int32_t gpu_layers_ = -1;
  int32_t cpu_moe_layers_ = 0;
  std::vector<float> split_ = {};  // empty, or one for each of llama_max_devices()
  // Owned apart: the overrides point to their bytes wherever this object goes.
  std::vector<std::unique_ptr<std::string>> patterns_ = {};
  std::vector<llama_model_tensor_buft_override> overrides_ = {};  // empty, or ended by a null
};

// Matches the names of the experts' tensors of one layer.
std::string ExpertsPattern(int32_t layer);

}  // namespace weir::llama
