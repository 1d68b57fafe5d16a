#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gguf/file_builder.h"
#include "gguf/inspect.h"

namespace weir::gguf {
namespace {

Result<Info> Look(const FileBuilder& file) { return InspectBytes(AsBytes(file.Build())); }

FileBuilder Model() { return FileBuilder::Model(); }

TEST(Inspect, ReadsTheFactsOfAModel) {
  const auto info = Look(Model());
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->kind, Kind::kModel);
  EXPECT_EQ(info->version, 3u);
  EXPECT_EQ(info->architecture, "llama");
  EXPECT_EQ(info->name, "Tiny");
  EXPECT_EQ(info->licence, "apache-2.0");
  EXPECT_EQ(info->quantisation, "F32");
  EXPECT_EQ(info->parameters, 16u * 8 + 16 * 16 + 64);
  EXPECT_EQ(info->tensors, 3u);
  EXPECT_EQ(info->tensor_bytes, 512u + 512 + 68);
  EXPECT_EQ(info->layers, 2u);
  EXPECT_EQ(info->context_length, 128u);
  EXPECT_EQ(info->heads, 4u);
  EXPECT_EQ(info->heads_kv, 2u);
  EXPECT_EQ(info->key_length, 4u);
  EXPECT_EQ(info->kv_bytes_per_token, 2u * 2 * (4 + 4) * 2)
      << "layers x heads x (key + value) x 2 bytes";
  EXPECT_EQ(info->tokenizer.model, "llama");
  EXPECT_EQ(info->tokenizer.tokens, 8u);
  EXPECT_EQ(info->tokenizer.merges, 1u);
  EXPECT_EQ(info->tokenizer.longest_token_bytes, 6u);
  EXPECT_EQ(info->tokenizer.special.bos, 1u);
  EXPECT_EQ(info->tokenizer.special.add_bos, true);
  EXPECT_FALSE(info->tokenizer.special.eot.has_value());
  EXPECT_TRUE(info->capabilities.chat);
  EXPECT_FALSE(info->capabilities.tools);
  EXPECT_FALSE(info->capabilities.fim);
}

TEST(Inspect, ReadsVersion2) {
  FileBuilder file = Model();
  file.version = 2;
  EXPECT_TRUE(Look(file));
}

TEST(Inspect, TakesHeadCountsForEachLayer) {
  const auto info =
      Look(Model()
               .Numbers<uint32_t>("llama.attention.head_count", ValueType::kU32, {4, 2})
               .Numbers<uint32_t>("llama.attention.head_count_kv", ValueType::kU32, {4, 1}));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->heads, 4u);
  EXPECT_EQ(info->kv_bytes_per_token, (4u + 1) * (4 + 4) * 2);
}

TEST(Inspect, TakesExplicitHeadLengths) {
  const auto info = Look(Model()
                             .Number("llama.attention.head_count", 3)
                             .Number("llama.attention.head_count_kv", 1)
                             .Number("llama.attention.key_length", 6)
                             .Number("llama.attention.value_length", 10));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->kv_bytes_per_token, 2u * (6 + 10) * 2);
}

TEST(Inspect, RecognisesAnEmbedder) {
  const auto info = Look(Model().Number("llama.pooling_type", 1).Bool("llama.attention.causal", 0));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->pooling, Pooling::kMean);
  EXPECT_STREQ(PoolingName(*info->pooling), "mean");
  EXPECT_TRUE(info->capabilities.embedding);
  EXPECT_FALSE(info->capabilities.chat);
  EXPECT_EQ(info->kv_bytes_per_token, 0u);
}

TEST(Inspect, RecognisesAReranker) {
  const auto info = Look(Model().Number("llama.pooling_type", 4));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->capabilities.rerank);
  EXPECT_FALSE(info->capabilities.embedding);
}

TEST(Inspect, RecognisesARecurrentModelWithoutHeads) {
  const auto info = Look(Model()
                             .Number("llama.attention.head_count", 0)
                             .Remove("llama.attention.head_count_kv")
                             .Remove("llama.rope.dimension_count")
                             .Number("llama.ssm.conv_kernel", 4));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_TRUE(info->recurrent);
  EXPECT_EQ(info->kv_bytes_per_token, 0u);
}

TEST(Inspect, TakesAHybridWhoseFirstLayerHasNoHeads) {
  const auto info =
      Look(Model()
               .Numbers<uint32_t>("llama.attention.head_count", ValueType::kU32, {0, 4})
               .Numbers<uint32_t>("llama.attention.head_count_kv", ValueType::kU32, {0, 2})
               .Number("llama.ssm.conv_kernel", 4));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->heads, 4u);
}

TEST(Inspect, FindsFillInTheMiddleByKeysAndByTexts) {
  const auto by_key = Look(Model()
                               .Number("tokenizer.ggml.fim_pre_token_id", 4)
                               .Number("tokenizer.ggml.fim_suf_token_id", 5)
                               .Number("tokenizer.ggml.fim_mid_token_id", 6));
  ASSERT_TRUE(by_key);
  EXPECT_TRUE(by_key->capabilities.fim);
  EXPECT_EQ(by_key->tokenizer.special.fim_suffix, 5u);
  const auto by_text = Look(
      Model().Strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "<0x0A>", "<|fim_prefix|>",
                                                "<|fim_suffix|>", "<|fim_middle|>", "c"}));
  ASSERT_TRUE(by_text);
  EXPECT_TRUE(by_text->capabilities.fim);
  EXPECT_EQ(by_text->tokenizer.special.fim_middle, 6u);
}

TEST(Inspect, ReadsToolsAndThinkingOutOfTheTemplate) {
  const auto info =
      Look(Model().String("tokenizer.chat_template", "{% if tools %}<think>{% endif %}"));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->capabilities.tools);
  EXPECT_TRUE(info->capabilities.reasoning);
}

TEST(Inspect, ListsFurtherTemplates) {
  const auto info = Look(Model()
                             .Strings("tokenizer.chat_templates", {"tool_use", "rag"})
                             .String("tokenizer.chat_template.tool_use", "{{ tools }}"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->template_names, std::vector<std::string>{"tool_use"});
  EXPECT_TRUE(info->capabilities.tools);
}

TEST(Inspect, RecognisesAProjectorAndAnAdapter) {
  const auto projector = Look(Model().String("general.architecture", "clip"));
  ASSERT_TRUE(projector) << projector.error().message;
  EXPECT_EQ(projector->kind, Kind::kProjector);
  const auto adapter = Look(Model().String("general.type", "adapter"));
  ASSERT_TRUE(adapter);
  EXPECT_EQ(adapter->kind, Kind::kAdapter);
}

TEST(Inspect, RecognisesAPartOfASplitModel) {
  const auto first = Look(Model().Number("split.count", 3).Number("split.no", 0).WithoutTensors());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->split.count, 3u);
  FileBuilder later;
  later.Number("split.count", 3)
      .Number("split.no", 2)
      .Add({.name = "a", .shape = {4}, .type = 0, .bytes = 16});
  const auto third = Look(later);
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(third->split.number, 2u);
}

TEST(Inspect, IgnoresAPaddingTokenBeyondTheVocabulary) {
  const auto info = Look(Model().Number("tokenizer.ggml.padding_token_id", 32000));
  ASSERT_TRUE(info);
  EXPECT_FALSE(info->tokenizer.special.padding.has_value());
}

class Folder : public testing::Test {
 protected:
  Folder() {
    std::string pattern = testing::TempDir() + "gguf.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~Folder() override { std::filesystem::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& content) {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  std::filesystem::path path_;
};

TEST_F(Folder, AFileGivesTheSameAsItsBytes) {
  const auto info = InspectFile(Write("m.gguf", Model().Build()));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->tokenizer.tokens, 8u);
  EXPECT_EQ(info->file_size, Model().Build().size());
}

TEST_F(Folder, AVocabularyLargerThanTheBufferIsReadWhole) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 100'000; ++i) tokens.push_back("token" + std::to_string(i));
  FileBuilder file = Model()
                         .Strings("tokenizer.ggml.tokens", tokens)
                         .Remove("tokenizer.ggml.scores")
                         .Remove("tokenizer.ggml.token_type");
  file.TensorAt(0).shape = {16, 100'000};
  file.TensorAt(0).bytes = 6'400'000;
  const auto info = InspectFile(Write("m.gguf", file.Build()));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->tokenizer.tokens, 100'000u);
  tokens[99'999] = tokens[3];
  EXPECT_EQ(InspectFile(Write("n.gguf", file.Strings("tokenizer.ggml.tokens", tokens).Build()))
                .error()
                .reason,
            "gguf_token_duplicate");
}

TEST_F(Folder, WhatIsNoRegularFileIsRefusedAtOnce) {
  EXPECT_EQ(InspectFile(path_ / "none.gguf").error().code, Code::kNotFound);
  EXPECT_EQ(InspectFile(path_).error().code, Code::kInvalidArgument);
  const std::string pipe = path_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(InspectFile(pipe).error().code, Code::kInvalidArgument);
  EXPECT_EQ(InspectFile("/dev/zero").error().code, Code::kInvalidArgument);
}

TEST_F(Folder, ADescriptorKeepsItsOffset) {
  const int fd = open(Write("m.gguf", Model().Build()).c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(lseek(fd, 7, SEEK_SET), 7);
  EXPECT_TRUE(InspectDescriptor(fd));
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 7);
  close(fd);
}

std::filesystem::path SharedModels() {
  const char* set = std::getenv("WEIR_SHARED_DATA");
  const std::filesystem::path data =
      set != nullptr ? set
                     : std::filesystem::path(WEIR_SOURCE_DIR).parent_path() / "shared" / "data";
  return data / "models";
}

TEST(RealFile, TinyStoriesIsUnderstood) {
  const auto path = SharedModels() / "stories260K" / "stories260K-f32.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared data here";
  const auto info = InspectFile(path);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "llama");
  EXPECT_EQ(info->tokenizer.tokens, 512u);
  EXPECT_EQ(info->layers, 5u);
  EXPECT_EQ(info->heads, 8u);
  EXPECT_EQ(info->heads_kv, 4u);
  EXPECT_EQ(info->embedding_length, 64u);
}

TEST(RealFile, RandomLlamaIsUnderstood) {
  const auto path = SharedModels() / "llama-2-tiny-random" / "llama-2-tiny-random.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared data here";
  const auto info = InspectFile(path);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->tokenizer.tokens, 32000u);
}

std::filesystem::path StoredModels() {
  if (const char* models = std::getenv("WEIR_MODELS")) return models;
  if (const char* data = std::getenv("WEIR_DATA")) return std::filesystem::path(data) / "models";
  if (const char* xdg = std::getenv("XDG_DATA_HOME"))
    return std::filesystem::path(xdg) / "weir" / "models";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/nonexistent") /
         ".local/share/weir/models";
}

Result<Info> Stored(const char* sha256) {
  return InspectFile(StoredModels() / "blobs" / (std::string("sha256-") + sha256));
}

TEST(RealFile, SmolLm2IsUnderstood) {
  const auto info = Stored("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
  if (!info && info.error().code == Code::kNotFound)
    GTEST_SKIP() << "smollm2:135m is not in the store";
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "llama");
  EXPECT_EQ(info->quantisation, "Q4_1");
  EXPECT_EQ(info->tokenizer.model, "gpt2");
  EXPECT_EQ(info->tokenizer.tokens, 49152u);
  EXPECT_EQ(info->layers, 30u);
  EXPECT_EQ(info->kv_bytes_per_token, 30u * 3 * (64 + 64) * 2);
  EXPECT_TRUE(info->capabilities.chat);
  EXPECT_FALSE(info->capabilities.tools);
}

TEST(RealFile, QwenCoderIsUnderstood) {
  const auto info = Stored("1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32");
  if (!info && info.error().code == Code::kNotFound)
    GTEST_SKIP() << "qwen2.5-coder:0.5b is not in the store";
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "qwen2");
  EXPECT_EQ(info->quantisation, "Q4_K_M");
  EXPECT_EQ(info->context_length, 32768u);
  EXPECT_TRUE(info->capabilities.tools);
  EXPECT_TRUE(info->capabilities.fim);
}

TEST(RealFile, MiniLmIsUnderstood) {
  const auto info = Stored("f41069f0fe504712c68334b6434d191a09f757426bb1636d13886c5614bc4a8d");
  if (!info && info.error().code == Code::kNotFound)
    GTEST_SKIP() << "all-minilm:l6 is not in the store";
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "bert");
  EXPECT_EQ(info->quantisation, "F16");
  EXPECT_EQ(info->embedding_length, 384u);
  EXPECT_EQ(info->pooling, Pooling::kMean);
  EXPECT_FALSE(info->causal);
  EXPECT_TRUE(info->capabilities.embedding);
  EXPECT_EQ(info->tokenizer.special.separator, 102u);
}

}  // namespace
}  // namespace weir::gguf
