#include "models/kernel_choice.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::models {
namespace {

size_t Best(const std::vector<KernelFigures>& measured) { return BestKernel(measured); }

TEST(KernelChoice, TheUsualOneStaysWithoutAClearGain) {
  EXPECT_EQ(Best({}), 0u);
  EXPECT_EQ(Best({{100, 50, 200}}), 0u);
  EXPECT_EQ(Best({{100, 50, 200}, {104, 52, 208}}), 0u);
}

TEST(KernelChoice, TheBestOfSeveralIsTaken) {
  EXPECT_EQ(Best({{100, 50, 200}, {100, 60, 220}, {100, 80, 230}, {90, 50, 200}}), 2u);
}

TEST(KernelChoice, NoFigureMayLoseMuchForTheOthersGain) {
  EXPECT_EQ(Best({{100, 50, 200}, {80, 200, 800}}), 0u);
  EXPECT_EQ(Best({{100, 50, 200}, {86, 80, 250}}), 1u);
}

TEST(KernelChoice, OneThatCouldNotRunIsNotTakenNorComparedWith) {
  EXPECT_EQ(Best({{100, 50, 200}, {0, 0, 0}, {300, 0, 600}}), 0u);
  EXPECT_EQ(Best({{0, 0, 0}, {100, 50, 200}}), 0u);
}

}  // namespace
}  // namespace weir::models
