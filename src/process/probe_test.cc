#include "process/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace weir {
namespace {

using testing::ElementsAre;

TEST(CpuFeatures, NamesThoseThatMatterAndNoOthers) {
  EXPECT_THAT(CpuFeatures("processor\t: 0\nflags\t\t: fpu avx avx2x avx2 fma\n\nprocessor\t: 1\n"
                          "flags\t\t: avx512f\n"),
              ElementsAre("avx", "avx2", "fma"));
  EXPECT_THAT(CpuFeatures("processor: 0\nFeatures\t: fp asimd i8mm\n"),
              ElementsAre("asimd", "i8mm"));
  EXPECT_THAT(CpuFeatures("flags"), ElementsAre());
  EXPECT_THAT(CpuFeatures(""), ElementsAre());
}

TEST(MemoryField, IsInBytesAndAbsentWhenUnreadable) {
  const char* text = "MemTotal:       2048 kB\nMemFree:  many kB\nHuge: 18446744073709551615 kB\n";
  EXPECT_EQ(MemoryField(text, "MemTotal"), 2048u * 1024);
  EXPECT_EQ(MemoryField(text, "MemFree"), std::nullopt);
  EXPECT_EQ(MemoryField(text, "Huge"), std::nullopt);
  EXPECT_EQ(MemoryField(text, "Mem"), std::nullopt);
}

TEST(MemoryLimit, MaxAndAbsurdNumbersMeanNone) {
  EXPECT_EQ(MemoryLimit("1073741824\n"), 1073741824u);
  EXPECT_EQ(MemoryLimit("max\n"), std::nullopt);
  EXPECT_EQ(MemoryLimit("9223372036854771712\n"), std::nullopt);
  EXPECT_EQ(MemoryLimit("-5\n"), std::nullopt);
  EXPECT_EQ(MemoryLimit(""), std::nullopt);
}

TEST(CpuQuota, IsInCores) {
  EXPECT_EQ(CpuQuota("150000 100000\n"), 1.5);
  EXPECT_EQ(CpuQuota("max 100000\n"), std::nullopt);
  EXPECT_EQ(CpuQuota("100000 0\n"), std::nullopt);
  EXPECT_EQ(CpuQuota("100000"), std::nullopt);
}

TEST(ProbeMachine, FindsThisMachinePlausible) {
  const Machine machine = ProbeMachine();
  EXPECT_FALSE(machine.kernel.empty());
  EXPECT_GE(machine.cores, 1);
  ASSERT_TRUE(machine.memory_bytes);
  ASSERT_TRUE(machine.memory_available_bytes);
  EXPECT_LE(*machine.memory_available_bytes, *machine.memory_bytes);
  if (machine.cpu_quota_cores) {
    EXPECT_GT(*machine.cpu_quota_cores, 0.0);
  }
}

}  // namespace
}  // namespace weir
