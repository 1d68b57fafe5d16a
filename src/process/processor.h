// What this machine's processor offers beyond the base of its architecture, as far as packages have
// an engine compiled for it. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

// In the order of what they need; each has what those before it have.
enum class ProcessorLevel : uint8_t {
  kLess,      // x86-64 without AVX2, FMA, F16C or BMI2
  kPortable,  // x86-64 of the last ten years; any other architecture
  kAvx512,    // AVX-512 (F, CD, BW, DQ, VL) with VNNI
  kAmx,       // Intel's matrix extension, with AVX-512's VBMI and BF16
};
std::string_view LevelName(ProcessorLevel level);  // "less", "portable", "avx512", "amx"

// What CPUID and XGETBV say, for the rule to be tested.
struct ProcessorBits {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0;
  uint32_t leaf7_ecx = 0;
  uint32_t leaf7_edx = 0;
  uint32_t leaf7_1_eax = 0;
  uint64_t xcr0 = 0;  // which registers the kernel keeps for each thread
};
ProcessorLevel LevelOf(const ProcessorBits& bits);

ProcessorLevel LevelOfThisProcessor();

}  // namespace weir
