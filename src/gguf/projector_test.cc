#include "gguf/projector.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gguf/file_builder.h"

namespace weir::gguf {
namespace {

// Empty: it is taken.
std::string ReasonOf(const FileBuilder& builder) {
  const std::string bytes = builder.Build();
  const int file = memfd_create("gguf", MFD_CLOEXEC);
  EXPECT_EQ(write(file, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  const auto checked = CheckProjector(file);
  close(file);
  return checked ? "" : checked.error().reason;
}

FileBuilder Projector(const char* key, const char* type) {
  FileBuilder file;
  file.String("general.architecture", "clip").Bool("clip.has_vision_encoder", true);
  if (key != nullptr) file.String(key, type);
  file.Add({.name = "mm.0.weight", .shape = {8, 16}, .type = 0, .bytes = 4 * 8 * 16});
  return file;
}

TEST(CheckProjector, TakesWhatEnginesCompute) {
  EXPECT_EQ(ReasonOf(Projector("clip.projector_type", "idefics3")), "");
  EXPECT_EQ(ReasonOf(Projector("clip.vision.projector_type", "pixtral")), "");
  EXPECT_EQ(ReasonOf(Projector("clip.projector_type", "gemma3")), "");
  EXPECT_EQ(ReasonOf(Projector("clip.projector_type", "qwen2.5vl_merger")), "");
  EXPECT_EQ(ReasonOf(Projector(nullptr, "")), "") << "the oldest files are of the kind mlp";
}

TEST(CheckProjector, RefusesKindsWithPositionsOfTheirOwn) {
  EXPECT_EQ(ReasonOf(Projector("clip.projector_type", "hunyuanvl")), "projector_kind");
  EXPECT_EQ(ReasonOf(Projector("clip.projector_type", "cogvlm")), "projector_kind");
}

TEST(CheckProjector, RefusesWhatIsNone) {
  EXPECT_EQ(ReasonOf(FileBuilder::Model()), "not_a_projector");
  FileBuilder hears;
  hears.String("general.architecture", "clip").Bool("clip.has_audio_encoder", true);
  hears.Add({.name = "mm.0.weight", .shape = {8, 16}, .type = 0, .bytes = 4 * 8 * 16});
  EXPECT_EQ(ReasonOf(hears), "projector_kind");
}

}  // namespace
}  // namespace weir::gguf
