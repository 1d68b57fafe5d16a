#include "base/gpu_build.h"

namespace weir {

std::string_view GpuBuild() { return WEIR_GPU; }

}  // namespace weir
