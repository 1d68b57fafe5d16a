#include "process/processor.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace weir {
namespace {

constexpr ProcessorBits kHaswell = {.leaf1_ecx = 0x7ffafbff, .leaf7_ebx = 0x000027ab, .xcr0 = 0x7};
constexpr ProcessorBits kCascadeLake = {
    .leaf1_ecx = 0x7ffefbff, .leaf7_ebx = 0xd39ffffb, .leaf7_ecx = 0x00000808, .xcr0 = 0xe7};
constexpr ProcessorBits kSapphireRapids = {.leaf1_ecx = 0x7ffefbff,
                                           .leaf7_ebx = 0xf3bfbffb,
                                           .leaf7_ecx = 0x1b415f7e,
                                           .leaf7_edx = 0xffd94432,
                                           .leaf7_1_eax = 0x00001c30,
                                           .xcr0 = 0x602e7};

TEST(Processor, ALevelNeedsItsBitsAndThoseOfTheLevelsBelow) {
  EXPECT_EQ(LevelOf(kHaswell), ProcessorLevel::kPortable);
  EXPECT_EQ(LevelOf(kCascadeLake), ProcessorLevel::kAvx512);
  EXPECT_EQ(LevelOf(kSapphireRapids), ProcessorLevel::kAmx);
  ProcessorBits bits = kHaswell;
  bits.leaf7_ebx &= ~(1u << 5);  // AVX2
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kLess);
  bits = kCascadeLake;
  bits.leaf7_ecx = 0;  // Skylake: no VNNI
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kPortable);
  bits = kSapphireRapids;
  bits.leaf7_edx &= ~(1u << 25);  // AMX-INT8
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kAvx512);
  bits.leaf7_ebx &= ~(1u << 16);  // AVX-512
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kPortable);
}

TEST(Processor, WhatTheKernelDoesNotKeepIsNotThere) {
  ProcessorBits bits = kSapphireRapids;
  bits.xcr0 = 0xe7;
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kAvx512);
  bits.xcr0 = 0x7;
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kPortable);
  bits.xcr0 = 0x3;
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kLess);
  bits = kSapphireRapids;
  bits.leaf1_ecx &= ~(1u << 27);  // nobody can ask
  EXPECT_EQ(LevelOf(bits), ProcessorLevel::kLess);
}

TEST(Processor, ThisOneIsWhatItsKernelSays) {
#if defined(__x86_64__)
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  while (std::getline(file, flags) && !flags.starts_with("flags")) {
  }
  if (!flags.starts_with("flags")) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  const auto has = [&](const std::string& word) {
    std::istringstream words(flags);
    for (std::string each; words >> each;)
      if (each == word) return true;
    return false;
  };
  const bool portable = has("avx2") && has("fma") && has("f16c") && has("bmi2");
  const bool avx512 = portable && has("avx512f") && has("avx512cd") && has("avx512bw") &&
                      has("avx512dq") && has("avx512vl") && has("avx512_vnni");
  const bool amx = avx512 && has("avx512vbmi") && has("avx512_bf16") && has("amx_tile") &&
                   has("amx_int8") && has("amx_bf16");
  EXPECT_EQ(LevelOfThisProcessor(), amx        ? ProcessorLevel::kAmx
                                    : avx512   ? ProcessorLevel::kAvx512
                                    : portable ? ProcessorLevel::kPortable
                                               : ProcessorLevel::kLess);
#else
  EXPECT_EQ(LevelOfThisProcessor(), ProcessorLevel::kPortable);
#endif
}

}  // namespace
}  // namespace weir
