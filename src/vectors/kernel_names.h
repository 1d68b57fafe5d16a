// For tests: what of the kernels this machine can run, as the report of a test tells it, so that a
// test on an emulated processor sees what it ran ("avx2 portable").
#pragma once

#include <string>

namespace weir::vectors {

template <class Kernels>
std::string NamesOf(const Kernels& kernels) {
  std::string names;
  for (const auto& kernel : kernels) {
    if (!names.empty()) names += ' ';
    names += kernel.name;
  }
  return names;
}

}  // namespace weir::vectors
