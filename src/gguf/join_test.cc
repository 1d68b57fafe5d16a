#include "gguf/join.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gguf/file_builder.h"
#include "gguf/inspect.h"

namespace weir::gguf {
namespace {

int FileOf(const std::string& bytes) {
  const int fd = memfd_create("part", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return fd;
}

void MarkSplit(FileBuilder& file, uint32_t number, uint32_t count) {
  file.Number("split.no", number).Number("split.count", count).Number("split.tensors.count", 3);
}

std::string First(uint32_t count) {
  FileBuilder file = FileBuilder::Model();
  file.WithoutTensors().Add(
      {.name = "token_embd.weight", .shape = {16, 8}, .type = 0, .bytes = 512});
  MarkSplit(file, 0, count);
  return file.Build();
}

std::string Second(uint32_t number = 1) {
  FileBuilder file;
  MarkSplit(file, number, 2);
  file.Add({.name = "blk.0.attn_q.weight", .shape = {16, 16}, .type = 1, .bytes = 512})
      .Add({.name = "blk.1.ffn_up.weight", .shape = {32, 2}, .type = 8, .bytes = 68});
  return file.Build();
}

std::string Joined(const std::vector<std::string>& parts, const JoinPlan& plan) {
  std::string out;
  for (const Run& run : plan.runs) {
    out += run.text.empty() ? parts.at(run.part).substr(run.offset, run.count) : run.text;
  }
  return out;
}

TEST(JoinTest, TwoPartsBecomeTheModelTheyWere) {
  const std::vector<std::string> parts = {First(2), Second()};
  const std::vector<int> files = {FileOf(parts[0]), FileOf(parts[1])};
  const auto plan = PlanJoin(files);
  ASSERT_TRUE(plan) << plan.error().message;
  const std::string whole = Joined(parts, *plan);
  EXPECT_EQ(whole.size(), plan->size);
  EXPECT_EQ(whole, FileBuilder::Model().Build());
  const auto info = InspectBytes(AsBytes(whole));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->split.count, 1u);
  EXPECT_EQ(info->tensors, 3u);
}

TEST(JoinTest, PartsOfDifferentModelsAreRefused) {
  const std::vector<int> order = {FileOf(Second()), FileOf(First(2))};
  EXPECT_FALSE(PlanJoin(order));
  const std::vector<int> missing = {FileOf(First(3)), FileOf(Second())};
  EXPECT_FALSE(PlanJoin(missing));
  const std::vector<int> twice = {FileOf(First(2)), FileOf(Second(0))};
  EXPECT_FALSE(PlanJoin(twice));
}

}  // namespace
}  // namespace weir::gguf
