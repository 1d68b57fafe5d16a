#include "process/processor.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace weir {
namespace {

constexpr uint32_t Bit(int number) { return uint32_t{1} << number; }

constexpr uint32_t kLeaf1Portable = Bit(12) | Bit(29);  // FMA, F16C
constexpr uint32_t kXgetbv = Bit(27);                   // OSXSAVE: XCR0 can be read
constexpr uint32_t kLeaf7Portable = Bit(5) | Bit(8);    // AVX2, BMI2
constexpr uint32_t kLeaf7Avx512 = Bit(16) | Bit(17) | Bit(28) | Bit(30) | Bit(31);
constexpr uint32_t kVnni = Bit(11);
constexpr uint32_t kVbmi = Bit(1);
constexpr uint32_t kAmx = Bit(22) | Bit(24) | Bit(25);  // BF16, tiles, INT8
constexpr uint32_t kBf16 = Bit(5);
constexpr uint64_t kAvxState = 0x6;
constexpr uint64_t kAvx512State = kAvxState | 0xE0;
constexpr uint64_t kAmxState = kAvx512State | 0x60000;

constexpr bool Has(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

}  // namespace

std::string_view LevelName(ProcessorLevel level) {
  switch (level) {
    case ProcessorLevel::kLess:
      return "less";
    case ProcessorLevel::kPortable:
      return "portable";
    case ProcessorLevel::kAvx512:
      return "avx512";
    case ProcessorLevel::kAmx:
      return "amx";
  }
  return "less";
}

ProcessorLevel LevelOf(const ProcessorBits& bits) {
  if (!Has(bits.leaf1_ecx, kLeaf1Portable | kXgetbv) || !Has(bits.leaf7_ebx, kLeaf7Portable) ||
      !Has(bits.xcr0, kAvxState)) {
    return ProcessorLevel::kLess;
  }
  if (!Has(bits.leaf7_ebx, kLeaf7Avx512) || !Has(bits.leaf7_ecx, kVnni) ||
      !Has(bits.xcr0, kAvx512State)) {
    return ProcessorLevel::kPortable;
  }
  if (!Has(bits.leaf7_ecx, kVbmi) || !Has(bits.leaf7_edx, kAmx) || !Has(bits.leaf7_1_eax, kBf16) ||
      !Has(bits.xcr0, kAmxState)) {
    return ProcessorLevel::kAvx512;
  }
  return ProcessorLevel::kAmx;
}

#if defined(__x86_64__)
ProcessorLevel LevelOfThisProcessor() {
  ProcessorBits bits;
  uint32_t eax = 0;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return ProcessorLevel::kLess;
  bits.leaf1_ecx = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return ProcessorLevel::kLess;
  bits.leaf7_ebx = ebx;
  bits.leaf7_ecx = ecx;
  bits.leaf7_edx = edx;
  if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) bits.leaf7_1_eax = eax;
  if (Has(bits.leaf1_ecx, kXgetbv)) {
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    bits.xcr0 = (uint64_t{high} << 32) | low;
  }
  return LevelOf(bits);
}
#else
ProcessorLevel LevelOfThisProcessor() { return ProcessorLevel::kPortable; }
#endif

}  // namespace weir
