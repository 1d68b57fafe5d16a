// Which GPUs the engines of this build can use, as `WEIR_GPU=... make build` chose.
#pragma once

#include <string_view>

namespace weir {

// "cuda", "vulkan", "metal", "hip"; empty: the engines compute on the CPU alone.
std::string_view GpuBuild();

}  // namespace weir
