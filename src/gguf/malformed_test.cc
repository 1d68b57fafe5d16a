// One test for each class of malformed file, most of them once a crash or worse in a real loader.
#include <gtest/gtest.h>

#include <limits>

#include "gguf/file_builder.h"
#include "gguf/inspect.h"
#include "gguf/metadata.h"
#include "gguf/model.h"
#include "gguf/vocabulary.h"

namespace weir::gguf {
namespace {

Result<Info> Look(const FileBuilder& file) { return InspectBytes(AsBytes(file.Build())); }

// The reason of the refusal, or "accepted".
std::string Verdict(const std::string& file) {
  const auto info = InspectBytes(AsBytes(file));
  return info ? "accepted" : info.error().reason;
}
std::string Verdict(const FileBuilder& file) { return Verdict(file.Build()); }

FileBuilder Model() { return FileBuilder::Model(); }

// Header.
TEST(Malformed, RefusesAnEmptyFile) { EXPECT_EQ(Verdict(std::string()), "gguf_magic"); }
TEST(Malformed, RefusesAnotherMagic) {
  FileBuilder file = Model();
  file.magic = "GGML";
  EXPECT_EQ(Verdict(file), "gguf_magic");
}
TEST(Malformed, RefusesVersions0And1And4) {
  for (uint32_t version : {0u, 1u, 4u, 0xffffffffu}) {
    FileBuilder file = Model();
    file.version = version;
    EXPECT_EQ(Verdict(file), "gguf_version") << version;
  }
}
TEST(Malformed, RefusesABigEndianFile) {
  FileBuilder file = Model();
  file.version = 3u << 24;
  EXPECT_EQ(Verdict(file), "gguf_endian");
}
TEST(Malformed, RefusesMoreKeysThanTheFileHolds) {
  for (int64_t count : {int64_t{1} << 40, int64_t{-30}, int64_t{5000}}) {
    FileBuilder file = Model();
    file.pair_count_change = count;
    EXPECT_EQ(Verdict(file), "gguf_key_count") << count;
  }
}
TEST(Malformed, RefusesMoreTensorsThanTheFileHolds) {
  for (int64_t count : {int64_t{1} << 40, int64_t{-4}, std::numeric_limits<int64_t>::max()}) {
    FileBuilder file = Model();
    file.tensor_count_change = count;
    EXPECT_EQ(Verdict(file), "gguf_tensor_count") << count;
  }
}
TEST(Malformed, RefusesAFileCutAtEveryByte) {
  const std::string file = Model().Build();
  ASSERT_EQ(Verdict(file), "accepted");
  // The last tensor's padding may be missing; nothing else may.
  const size_t data_end = file.size() - 28;
  EXPECT_EQ(Verdict(file.substr(0, data_end)), "accepted");
  for (size_t size = 0; size < data_end; ++size) {
    ASSERT_NE(Verdict(file.substr(0, size)), "accepted") << size;
  }
}

// Keys and values.
TEST(Malformed, RefusesADuplicateKey) {
  EXPECT_EQ(
      Verdict(Model().Append("llama.block_count", ValueType::kU32, FileBuilder::Raw<uint32_t>(3))),
      "gguf_key_duplicate");
}
TEST(Malformed, RefusesAnEmptyKeyAndOneThatIsNotText) {
  EXPECT_EQ(Verdict(Model().Number("", 1)), "gguf_key_empty");
  EXPECT_EQ(Verdict(Model().Number("\xff\xfe", 1)), "gguf_key_text");
}
TEST(Malformed, RefusesAKeyThatIsTooLong) {
  EXPECT_EQ(Verdict(Model().Number(std::string(kKeyBytesMax + 1, 'k'), 1)), "gguf_string_length");
  EXPECT_EQ(Verdict(Model().Number(std::string(kKeyBytesMax, 'k'), 1)), "accepted");
}
TEST(Malformed, RefusesAnUnknownValueType) {
  EXPECT_EQ(Verdict(Model().Put("x", static_cast<ValueType>(13), "")), "gguf_value_type");
  EXPECT_EQ(Verdict(Model().Put("x", static_cast<ValueType>(0xffffffff), "")), "gguf_value_type");
}
TEST(Malformed, RefusesABoolThatIsNeitherTrueNorFalse) {
  EXPECT_EQ(Verdict(Model().Bool("x", 2)), "gguf_bool");
}
TEST(Malformed, RefusesAStringLongerThanTheFile) {
  for (uint64_t length : {uint64_t{1} << 20, uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 7}) {
    EXPECT_EQ(Verdict(Model().Append("x", ValueType::kString, FileBuilder::Raw(length))),
              "gguf_string_length");
  }
}
TEST(Malformed, RefusesAStringThatIsTooLong) {
  const std::string text(kStringBytesMax + 1, 'x');
  EXPECT_EQ(Verdict(Model().String("x", text)), "gguf_string_length");
}
TEST(Malformed, RefusesAnArrayInsideAnArray) {
  const std::string body =
      FileBuilder::Raw(static_cast<uint32_t>(ValueType::kArray)) + FileBuilder::Raw<uint64_t>(1) +
      FileBuilder::Raw(static_cast<uint32_t>(ValueType::kU8)) + FileBuilder::Raw<uint64_t>(1) + "x";
  EXPECT_EQ(Verdict(Model().Put("x", ValueType::kArray, body)), "gguf_array_nested");
}
TEST(Malformed, RefusesAnArrayLargerThanTheFile) {
  for (uint64_t count : {uint64_t{1} << 20, uint64_t{1} << 62, UINT64_MAX}) {
    for (ValueType type : {ValueType::kU8, ValueType::kU64, ValueType::kString}) {
      const std::string body =
          FileBuilder::Raw(static_cast<uint32_t>(type)) + FileBuilder::Raw(count);
      EXPECT_EQ(Verdict(Model().Append("x", ValueType::kArray, body)), "gguf_array_count") << count;
    }
  }
}
TEST(Malformed, RefusesAnAlignmentThatIsNoPowerOfTwoOrOutOfBounds) {
  for (uint32_t alignment : {0u, 1u, 4u, 33u, 48u, 1u << 20, 0x80000000u}) {
    EXPECT_EQ(Verdict(Model().Number("general.alignment", alignment)), "gguf_alignment")
        << alignment;
  }
}
TEST(Malformed, RefusesAnAlignmentOfAnotherType) {
  EXPECT_EQ(Verdict(Model().String("general.alignment", "32")), "gguf_key_type");
}
TEST(Inspect, FollowsAnotherAlignment) {
  FileBuilder file = Model().Number("general.alignment", 1024);
  EXPECT_NE(Verdict(file), "accepted") << "the layout has 32";
  file.alignment = 1024;
  EXPECT_EQ(Verdict(file), "accepted");
}

// Tensors.
TEST(Malformed, RefusesATensorWithTooManyDimensions) {
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {1, 1, 1, 1, 1}, .type = 0, .bytes = 4})),
            "gguf_tensor_shape");
}
TEST(Malformed, RefusesADimensionOfZeroOrBelow) {
  for (uint64_t length : {uint64_t{0}, UINT64_MAX, uint64_t{1} << 63}) {
    EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {length, 2}, .type = 0})),
              "gguf_tensor_shape")
        << length;
  }
}
TEST(Malformed, RefusesDimensionsThatOverflow) {
  const uint64_t big = uint64_t{1} << 32;
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {big, big}, .type = 0})),
            "gguf_tensor_overflow");
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {big, big, big, big}, .type = 0})),
            "gguf_tensor_overflow");
  EXPECT_EQ(
      Verdict(Model().Add({.name = "x", .shape = {uint64_t{1} << 31, big - 1, 4}, .type = 0})),
      "gguf_tensor_overflow");
}
TEST(Malformed, RefusesASizeInBytesThatOverflows) {
  const uint64_t most = uint64_t{INT64_MAX};
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {most}, .type = 28})),
            "gguf_tensor_overflow")
      << "F64";
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {most - most % 2}, .type = 1})),
            "gguf_tensor_overflow")
      << "its end overflows";
}
TEST(Malformed, RefusesUnknownAndRemovedTensorTypes) {
  for (uint32_t type : {4u, 5u, 31u, 36u, 43u, 1000u, 0xffffffffu}) {
    EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {32}, .type = type})), "gguf_tensor_type")
        << type;
  }
}
TEST(Malformed, RefusesRowsThatDoNotFillBlocks) {
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {33}, .type = 8})), "gguf_tensor_block");
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {128, 2}, .type = 12})),
            "gguf_tensor_block");
}
TEST(Malformed, RefusesADuplicateTensor) {
  EXPECT_EQ(
      Verdict(Model().Add({.name = "token_embd.weight", .shape = {4}, .type = 0, .bytes = 16})),
      "gguf_tensor_duplicate");
}
TEST(Malformed, RefusesATensorNameThatIsEmptyOrTooLongOrNoText) {
  EXPECT_EQ(Verdict(Model().Add({.name = "", .shape = {4}, .type = 0, .bytes = 16})),
            "gguf_tensor_name");
  EXPECT_EQ(Verdict(Model().Add({.name = "\xff", .shape = {4}, .type = 0, .bytes = 16})),
            "gguf_tensor_name");
  EXPECT_EQ(
      Verdict(Model().Add({.name = std::string(64, 'n'), .shape = {4}, .type = 0, .bytes = 16})),
      "gguf_string_length");
  EXPECT_EQ(
      Verdict(Model().Add({.name = std::string(63, 'n'), .shape = {4}, .type = 0, .bytes = 16})),
      "accepted");
}
TEST(Malformed, RefusesAnOffsetThatIsNotAligned) {
  FileBuilder file = Model();
  file.TensorAt(1).offset_change = 4;
  EXPECT_EQ(Verdict(file), "gguf_tensor_alignment");
}
TEST(Malformed, RefusesOverlappingTensors) {
  FileBuilder file = Model();
  file.TensorAt(1).offset_change = -32;
  EXPECT_EQ(Verdict(file), "gguf_tensor_offset");
}
TEST(Malformed, RefusesAGapBetweenTensorsAndAnOffsetBeyondTheFile) {
  for (int64_t change : {int64_t{32}, int64_t{1} << 40, std::numeric_limits<int64_t>::min()}) {
    FileBuilder file = Model();
    file.TensorAt(2).offset_change = change;
    EXPECT_EQ(Verdict(file), "gguf_tensor_offset") << change;
  }
}
// CVE-2026-7482: the shape says more than the file has.
TEST(Malformed, RefusesATensorLargerThanTheFile) {
  EXPECT_EQ(Verdict(Model().Add({.name = "x", .shape = {1024, 1024}, .type = 0, .bytes = 64})),
            "gguf_tensor_bounds");
  EXPECT_EQ(
      Verdict(Model().Add({.name = "x", .shape = {uint64_t{1} << 60}, .type = 0, .bytes = 64})),
      "gguf_tensor_bounds");
}
TEST(Malformed, RefusesAFileWithoutTensors) {
  EXPECT_EQ(Verdict(Model().WithoutTensors()), "gguf_no_tensors");
}
TEST(Malformed, RefusesATensorOfALayerThatDoesNotExist) {
  for (const char* name : {"blk.2.ffn_up.weight", "blk.512.x", "blk.99999999999999999999.x"}) {
    EXPECT_EQ(Verdict(Model().Add({.name = name, .shape = {4}, .type = 0, .bytes = 16})),
              "gguf_tensor_layer")
        << name;
  }
}
TEST(Malformed, RefusesAnEmbeddingThatDoesNotFitTheVocabularyOrTheWidth) {
  FileBuilder file = Model();
  file.TensorAt(0).shape = {16, 4};
  file.TensorAt(0).bytes = 256;
  EXPECT_EQ(Verdict(file), "gguf_vocabulary_size");
  file = Model();
  file.TensorAt(0).shape = {8, 8};
  file.TensorAt(0).bytes = 256;
  EXPECT_EQ(Verdict(file), "gguf_vocabulary_size");
}

// The model.
TEST(Malformed, RefusesAMissingOrOddArchitecture) {
  EXPECT_EQ(Verdict(Model().Remove("general.architecture")), "gguf_architecture");
  EXPECT_EQ(Verdict(Model().String("general.architecture", "../x")), "gguf_architecture");
  EXPECT_EQ(Verdict(Model().Number("general.architecture", 1)), "gguf_key_type");
  EXPECT_EQ(Verdict(Model().String("general.architecture", "qwen9")), "gguf_key_missing")
      << "its keys are not there";
}
TEST(Malformed, RefusesLayerCountsThatOverrunAnArray) {
  for (uint32_t layers : {513u, 100000u, 0xffffffffu}) {
    EXPECT_EQ(Verdict(Model().Number("llama.block_count", layers)), "gguf_value_range") << layers;
  }
  EXPECT_EQ(Verdict(Model().Number("llama.block_count", 0)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Remove("llama.block_count")), "gguf_key_missing");
  EXPECT_EQ(
      Verdict(Model().Put("llama.block_count", ValueType::kI32, FileBuilder::Raw<int32_t>(-1))),
      "gguf_key_type");
  EXPECT_EQ(Verdict(Model().String("llama.block_count", "2")), "gguf_key_type");
}
TEST(Malformed, RefusesLengthsOfZeroOrBeyondBounds) {
  EXPECT_EQ(Verdict(Model().Number("llama.context_length", 0)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.context_length", 0xffffffff)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.embedding_length", 0)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.embedding_length", 0x7fffffff)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.nextn_predict_layers", 3)), "gguf_value_range");
}
TEST(Malformed, RefusesHeadsThatAreZeroOrDoNotDivide) {
  EXPECT_EQ(Verdict(Model().Number("llama.attention.head_count", 0)), "gguf_heads");
  EXPECT_EQ(Verdict(Model().Remove("llama.attention.head_count")), "gguf_heads");
  EXPECT_EQ(Verdict(Model().Number("llama.attention.head_count_kv", 0)), "gguf_heads");
  EXPECT_EQ(Verdict(Model().Number("llama.attention.head_count_kv", 3)), "gguf_heads");
  EXPECT_EQ(Verdict(Model().Number("llama.attention.head_count_kv", 8)), "gguf_heads");
  EXPECT_EQ(Verdict(Model()
                        .Number("llama.attention.head_count", 5)
                        .Number("llama.attention.head_count_kv", 5)),
            "gguf_heads")
      << "5 do not divide 16";
  EXPECT_EQ(Verdict(Model().Number("llama.attention.head_count", 0xffffffff)), "gguf_value_range");
}
TEST(Malformed, RefusesLayerArraysOfAnotherLengthOrType) {
  EXPECT_EQ(Verdict(Model().Numbers<uint32_t>("llama.attention.head_count", ValueType::kU32, {4})),
            "gguf_layer_array");
  EXPECT_EQ(Verdict(Model().Numbers<uint32_t>("llama.attention.head_count_kv", ValueType::kU32,
                                              {2, 2, 2})),
            "gguf_layer_array");
  EXPECT_EQ(
      Verdict(Model().Numbers<int32_t>("llama.attention.head_count", ValueType::kI32, {4, -4})),
      "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Numbers<float>("llama.attention.head_count", ValueType::kF32, {4, 4})),
            "gguf_key_type");
  EXPECT_EQ(Verdict(Model().Numbers<uint32_t>("llama.feed_forward_length", ValueType::kU32, {32})),
            "gguf_layer_array");
}
TEST(Malformed, RefusesHeadLengthsBeyondBounds) {
  EXPECT_EQ(Verdict(Model().Number("llama.attention.key_length", 0)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.attention.value_length", 0xffffffff)),
            "gguf_value_range");
}
TEST(Malformed, RefusesRopeThatDoesNotFitAHead) {
  EXPECT_EQ(Verdict(Model().Number("llama.rope.dimension_count", 6)), "gguf_rope");
  EXPECT_EQ(Verdict(Model().Number("llama.rope.dimension_count", 3)), "gguf_rope");
  EXPECT_EQ(Verdict(Model().String("llama.rope.scaling.type", "magic")), "gguf_rope");
  EXPECT_EQ(Verdict(Model().Float("llama.rope.freq_base", std::numeric_limits<float>::quiet_NaN())),
            "gguf_value_range");
  EXPECT_EQ(
      Verdict(Model().Float("llama.rope.scaling.factor", std::numeric_limits<float>::infinity())),
      "gguf_value_range");
}
TEST(Malformed, RefusesAnUnknownPooling) {
  EXPECT_EQ(Verdict(Model().Number("llama.pooling_type", 5)), "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.pooling_type", 0xffffffff)), "gguf_value_range");
}
TEST(Malformed, RefusesExpertsThatCannotBe) {
  EXPECT_EQ(
      Verdict(Model().Number("llama.expert_count", 1025).Number("llama.expert_used_count", 1)),
      "gguf_value_range");
  EXPECT_EQ(Verdict(Model().Number("llama.expert_count", 4).Number("llama.expert_used_count", 5)),
            "gguf_experts");
  EXPECT_EQ(Verdict(Model().Number("llama.expert_count", 4)), "gguf_experts");
  EXPECT_EQ(Verdict(Model().Number("llama.expert_used_count", 2)), "gguf_experts");
  EXPECT_EQ(Verdict(Model()
                        .Number("llama.expert_count", 8)
                        .Number("llama.expert_used_count", 2)
                        .Number("llama.expert_group_count", 3)),
            "gguf_experts");
}
TEST(Malformed, RefusesAPartBeyondTheCount) {
  EXPECT_EQ(Verdict(Model().Number("split.count", 2).Number("split.no", 2)), "gguf_split");
  EXPECT_EQ(Verdict(Model().Number("split.count", 70000)), "gguf_value_range");
}

// The tokenizer.
TEST(Malformed, RefusesAModelWithoutTokenizerOrTokens) {
  EXPECT_EQ(Verdict(Model().Remove("tokenizer.ggml.model").Remove("tokenizer.ggml.tokens")),
            "gguf_tokens_missing");
  EXPECT_EQ(Verdict(Model().Remove("tokenizer.ggml.tokens")), "gguf_tokens_missing");
  EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.tokens", {})), "gguf_token_count");
  EXPECT_EQ(Verdict(Model().Numbers<uint32_t>("tokenizer.ggml.tokens", ValueType::kU32,
                                              {1, 2, 3, 4, 5, 6, 7, 8})),
            "gguf_key_type");
}
// A score or type array that is too short is read beyond its end.
TEST(Malformed, RefusesScoresAndTypesOfAnotherCount) {
  EXPECT_EQ(Verdict(Model().Numbers<float>("tokenizer.ggml.scores", ValueType::kF32, {0})),
            "gguf_token_count");
  EXPECT_EQ(Verdict(Model().Numbers<int32_t>("tokenizer.ggml.token_type", ValueType::kI32, {1, 1})),
            "gguf_token_count");
  EXPECT_EQ(Verdict(Model().Numbers<uint8_t>("tokenizer.ggml.token_type", ValueType::kU8,
                                             {1, 1, 1, 1, 1, 1, 1, 1})),
            "gguf_key_type");
  EXPECT_EQ(Verdict(Model().Number("tokenizer.ggml.scores", 1)), "gguf_key_type");
}
TEST(Malformed, RefusesUnknownTokenTypesAndScoresThatAreNoNumbers) {
  EXPECT_EQ(Verdict(Model().Numbers<int32_t>("tokenizer.ggml.token_type", ValueType::kI32,
                                             {2, 3, 3, 6, 1, 1, 1, 7})),
            "gguf_token_type");
  EXPECT_EQ(Verdict(Model().Numbers<int32_t>("tokenizer.ggml.token_type", ValueType::kI32,
                                             {2, 3, 3, 6, 1, 1, 1, -1})),
            "gguf_token_type");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Verdict(Model().Numbers<float>("tokenizer.ggml.scores", ValueType::kF32,
                                           {0, 0, 0, 0, 0, 0, 0, nan})),
            "gguf_token_score");
}
// "<0x-1>" once wrote before a buffer while the model loaded.
TEST(Malformed, RefusesByteTokensThatAreNotOneByte) {
  for (const char* text :
       {"<0x-1>", "<0xG0>", "<0x 1>", "<0x1>", "<0x100>", "x", "", "<0x+1>", "[0x0A]"}) {
    EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.tokens",
                                      {"<unk>", "<s>", "</s>", text, "a", "b", "ab", "c"})),
              "gguf_byte_token")
        << text;
  }
}
// llama.cpp asserts that there are none.
TEST(Malformed, RefusesDuplicateTokens) {
  EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.tokens",
                                    {"<unk>", "<s>", "</s>", "<0x0A>", "a", "b", "a", "c"})),
            "gguf_token_duplicate");
  EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.tokens",
                                    {"<unk>", "<s>", "</s>", "<0x0A>", "a", "", "[EMPTY_5]", "c"})),
            "gguf_token_duplicate");
  EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.tokens",
                                    {"<unk>", "<s>", "</s>", "<0x0A>", "a", "", "", "c"})),
            "accepted");
}
TEST(Malformed, RefusesATokenThatIsTooLong) {
  EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.tokens",
                                    {"<unk>", "<s>", "</s>", "<0x0A>", "a", "b", "ab",
                                     std::string(kTokenBytesMax + 1, 'x')})),
            "gguf_string_length");
}
TEST(Malformed, RefusesSpecialTokensBeyondTheVocabulary) {
  for (const char* name : {"bos", "eos", "eot", "eom", "unknown", "seperator", "mask", "cls",
                           "fim_pre", "fim_suf", "fim_mid", "fim_rep", "prefix"}) {
    const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
    EXPECT_EQ(Verdict(Model().Number(key, 8)), "gguf_special_token") << key;
    EXPECT_EQ(Verdict(Model().Put(key, ValueType::kI32, FileBuilder::Raw<int32_t>(-1))),
              "gguf_key_type")
        << key;
  }
  EXPECT_EQ(
      Verdict(Model().Numbers<int32_t>("tokenizer.ggml.suppress_tokens", ValueType::kI32, {1, 8})),
      "gguf_special_token");
  EXPECT_EQ(
      Verdict(Model().Numbers<int32_t>("tokenizer.ggml.suppress_tokens", ValueType::kI32, {-1})),
      "gguf_special_token");
}
// llama.cpp asserts that what it puts around a text exists.
TEST(Malformed, RefusesATokenizerThatAddsATokenItDoesNotHave) {
  EXPECT_EQ(Verdict(Model().String("tokenizer.ggml.model", "bert")), "gguf_special_token")
      << "token 102 of 8";
  EXPECT_EQ(
      Verdict(Model().String("tokenizer.ggml.model", "gpt2").Remove("tokenizer.ggml.bos_token_id")),
      "gguf_special_token");
  EXPECT_EQ(Verdict(Model()
                        .String("tokenizer.ggml.model", "bert")
                        .Number("tokenizer.ggml.seperator_token_id", 2)),
            "accepted");
}
TEST(Malformed, RefusesMergesThatAreNotTwoPieces) {
  for (const char* text : {"", "ab", " ", "a ", " b"}) {
    EXPECT_EQ(Verdict(Model().Strings("tokenizer.ggml.merges", {"a b", text})), "gguf_merges")
        << text;
  }
}
TEST(Malformed, RefusesATemplateThatIsTooLongOrNoText) {
  EXPECT_EQ(
      Verdict(Model().String("tokenizer.chat_template", std::string(kTemplateBytesMax + 1, 'x'))),
      "gguf_string_length");
  EXPECT_EQ(Verdict(Model().String("tokenizer.chat_template", std::string(kTemplateBytesMax, 'x'))),
            "accepted");
  EXPECT_EQ(Verdict(Model().String("tokenizer.chat_template", "\xc3\x28")), "gguf_text");
  EXPECT_EQ(Verdict(Model().String("tokenizer.chat_template", std::string_view("a\0b", 3))),
            "gguf_text");
  EXPECT_EQ(Verdict(Model().Number("tokenizer.chat_template", 1)), "gguf_key_type");
  EXPECT_EQ(Verdict(Model().Strings("tokenizer.chat_templates", std::vector<std::string>(17, "t"))),
            "gguf_template");
}

TEST(Malformed, AnErrorShowsNamesFromTheFileOnlyInPrintableForm) {
  const auto info = Look(Model().Bool(std::string("k\x1b[31m\n") + std::string(500, 'k'), 7));
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().message.find_first_of("\x1b\n"), std::string::npos);
  EXPECT_LT(info.error().message.size(), 200u);
}

}  // namespace
}  // namespace weir::gguf
