#include "process/captured.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr Duration kLong = std::chrono::seconds(60);

ChildSpec Shell(std::string script) {
  return ChildSpec{.program = "/bin/sh", .arguments = {"-c", std::move(script)}};
}

TEST(Captured, GivesWhatWasPrintedAndHowItEnded) {
  const auto done = Capture(Shell("echo out; echo err >&2; exit 3"), 100, kLong);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->output, "out\n");
  EXPECT_EQ(done->errors, "err\n");
  EXPECT_EQ(done->end.code, 3);
}

TEST(Captured, MoreThanIsAllowedEndsTheProgram) {
  const auto done = Capture(Shell("while :; do echo more and more; done"), 100'000, kLong);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "program_output_too_large");
}

TEST(Captured, OfErrorsTheLastAreKept) {
  const auto done = Capture(
      Shell("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done"), 10, kLong);
  ASSERT_TRUE(done);
  EXPECT_LE(done->errors.size(), 2 * kErrorBytesMax);
  EXPECT_TRUE(done->errors.ends_with("line 1999\n"));
}

TEST(Captured, AProgramThatDoesNotEndIsEnded) {
  for (const char* script : {"exec sleep 1000", "exec sleep 1000 >/dev/null 2>&1"}) {
    const auto done = Capture(Shell(script), 10, std::chrono::milliseconds(100));
    ASSERT_FALSE(done) << script;
    EXPECT_EQ(done.error().reason, "program_too_slow");
  }
}

TEST(Captured, ProgramsAreFoundOnThePath) {
  EXPECT_NE(ProgramInPath("sh"), "");
  EXPECT_EQ(ProgramInPath("no-such-program-of-weir"), "");
}

}  // namespace
}  // namespace weir
