#include "gguf/adapter.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gguf/file_builder.h"

namespace weir::gguf {
namespace {

// A file without a name.
class File {
 public:
  explicit File(const FileBuilder& builder) : fd_(memfd_create("gguf", MFD_CLOEXEC)) {
    const std::string bytes = builder.Build();
    EXPECT_EQ(write(fd_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

FileBuilder::Tensor Matrix(const std::string& name, uint64_t columns, uint64_t rows) {
  return {.name = name, .shape = {columns, rows}, .type = 0, .bytes = 4 * columns * rows};
}

// For blk.0.attn_q.weight (16 x 16) of FileBuilder::Model, of rank 2.
FileBuilder Lora() {
  FileBuilder file;
  file.String("general.architecture", "llama")
      .String("general.type", "adapter")
      .String("adapter.type", "lora")
      .Float("adapter.lora.alpha", 4);
  file.Add(Matrix("blk.0.attn_q.weight.lora_a", 16, 2))
      .Add(Matrix("blk.0.attn_q.weight.lora_b", 2, 16));
  return file;
}

std::string ReasonOf(const FileBuilder& adapter) {
  const File model(FileBuilder::Model()), file(adapter);
  const auto checked = CheckAdapter(file.get(), model.get());
  return checked ? "" : checked.error().reason;
}

TEST(CheckAdapter, TakesALoraOfItsModel) {
  EXPECT_EQ(ReasonOf(Lora()), "");
  // Rows of the embeddings are looked up, so their pair lies the other way round.
  EXPECT_EQ(ReasonOf(Lora()
                         .Add(Matrix("token_embd.weight.lora_a", 2, 8))
                         .Add(Matrix("token_embd.weight.lora_b", 2, 16))),
            "");
  EXPECT_EQ(ReasonOf(Lora().Add(Matrix("blk.0.attn_norm.weight", 16, 1))), "")
      << "libllama leaves norms out";
}

TEST(CheckAdapter, RefusesOneOfAnotherModel) {
  EXPECT_EQ(ReasonOf(Lora().String("general.architecture", "qwen2")), "adapter_mismatch");
  EXPECT_EQ(ReasonOf(Lora()
                         .Add(Matrix("blk.7.attn_q.weight.lora_a", 16, 2))
                         .Add(Matrix("blk.7.attn_q.weight.lora_b", 2, 16))),
            "adapter_mismatch");
  for (const auto& [columns, rows] : {std::pair<uint64_t, uint64_t>{32, 2}, {16, 3}}) {
    FileBuilder wrong = Lora();
    wrong.TensorAt(0) = Matrix("blk.0.attn_q.weight.lora_a", columns, rows);
    EXPECT_EQ(ReasonOf(wrong), "adapter_mismatch") << columns << " x " << rows;
  }
  FileBuilder layers = Lora();
  layers.TensorAt(0) = {.name = "blk.0.attn_q.weight.lora_a", .shape = {16, 2, 3}, .bytes = 384};
  EXPECT_EQ(ReasonOf(layers), "adapter_mismatch");
}

TEST(CheckAdapter, RefusesWhatIsNoLora) {
  EXPECT_EQ(ReasonOf(FileBuilder::Model()), "not_an_adapter");
  EXPECT_EQ(ReasonOf(Lora().String("adapter.type", "dora")), "adapter_kind");
  EXPECT_EQ(ReasonOf(Lora().Remove("adapter.type")), "adapter_kind");
  EXPECT_EQ(ReasonOf(Lora().Numbers<uint32_t>("adapter.alora.invocation_tokens", ValueType::kU32,
                                              {1, 2})),
            "adapter_kind");
  FileBuilder half = Lora();
  half.TensorAt(1).name = "blk.0.attn_k.weight.lora_b";
  EXPECT_EQ(ReasonOf(half), "not_an_adapter");
  EXPECT_EQ(ReasonOf(Lora().Add(Matrix("blk.0.attn_q.weight", 16, 16))), "not_an_adapter");
}

TEST(CheckAdapter, PassesTheInspectorFirst) {
  FileBuilder cut = Lora();
  cut.TensorAt(1).bytes = 4;
  EXPECT_EQ(ReasonOf(cut), "gguf_tensor_bounds");
}

}  // namespace
}  // namespace weir::gguf
