// GGUF files for tests and fuzzing: a small valid model, and every way to spoil it. Not part of the
// library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gguf/types.h"

namespace weir::gguf {

class FileBuilder {
 public:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type = 0;
    uint64_t bytes = 0;         // of data that is written
    int64_t offset_change = 0;  // added to the right offset
  };

  // A two-layer llama with four tokens and a template.
  static FileBuilder Model();

  template <class T>
  static std::string Raw(T value) {
    std::string out(sizeof(value), '\0');
    std::memcpy(out.data(), &value, sizeof(value));
    return out;
  }
  static std::string Text(std::string_view text) {
    return Raw<uint64_t>(text.size()) + std::string(text);
  }

  // Each replaces the key or appends it.
  FileBuilder& Number(std::string_view key, uint32_t value) {
    return Put(key, ValueType::kU32, Raw(value));
  }
  FileBuilder& Float(std::string_view key, float value) {
    return Put(key, ValueType::kF32, Raw(value));
  }
  FileBuilder& Bool(std::string_view key, uint8_t value) {
    return Put(key, ValueType::kBool, Raw(value));
  }
  FileBuilder& String(std::string_view key, std::string_view text) {
    return Put(key, ValueType::kString, Text(text));
  }
  FileBuilder& Strings(std::string_view key, const std::vector<std::string>& texts) {
    std::string body = Raw(static_cast<uint32_t>(ValueType::kString)) + Raw<uint64_t>(texts.size());
    for (const std::string& text : texts) body += Text(text);
    return Put(key, ValueType::kArray, std::move(body));
  }
  template <class T>
  FileBuilder& Numbers(std::string_view key, ValueType type, const std::vector<T>& values) {
    std::string body = Raw(static_cast<uint32_t>(type)) + Raw<uint64_t>(values.size());
    for (const T& value : values) body += Raw(value);
    return Put(key, ValueType::kArray, std::move(body));
  }
  FileBuilder& Put(std::string_view key, ValueType type, std::string body);
  FileBuilder& Append(std::string_view key, ValueType type, std::string body) {
    pairs_.push_back({std::string(key), Raw(static_cast<uint32_t>(type)) + std::move(body)});
    return *this;
  }
  FileBuilder& Remove(std::string_view key) {
    std::erase_if(pairs_, [&](const Pair& pair) { return pair.key == key; });
    return *this;
  }
  FileBuilder& Add(Tensor tensor) {
    tensors_.push_back(std::move(tensor));
    return *this;
  }
  Tensor& TensorAt(size_t index) { return tensors_.at(index); }
  FileBuilder& WithoutTensors() {
    tensors_.clear();
    return *this;
  }

  std::string magic = "GGUF";
  uint32_t version = 3;
  int64_t pair_count_change = 0;
  int64_t tensor_count_change = 0;
  uint64_t alignment = 32;  // of the layout; the key is somebody else's

  std::string Build() const;

 private:
  struct Pair {
    std::string key;
    std::string body;
  };
  std::vector<Pair> pairs_;
  std::vector<Tensor> tensors_;
};

inline std::span<const std::byte> AsBytes(const std::string& file) {
  return std::as_bytes(std::span(file.data(), file.size()));
}

inline FileBuilder& FileBuilder::Put(std::string_view key, ValueType type, std::string body) {
  std::string whole = Raw(static_cast<uint32_t>(type)) + std::move(body);
  for (Pair& pair : pairs_) {
    if (pair.key == key) {
      pair.body = std::move(whole);
      return *this;
    }
  }
  pairs_.push_back({std::string(key), std::move(whole)});
  return *this;
}

inline std::string FileBuilder::Build() const {
  std::string out = magic + Raw(version) +
                    Raw<uint64_t>(tensors_.size() + static_cast<uint64_t>(tensor_count_change)) +
                    Raw<uint64_t>(pairs_.size() + static_cast<uint64_t>(pair_count_change));
  for (const Pair& pair : pairs_) out += Text(pair.key) + pair.body;
  std::string data;
  const auto pad = [&](std::string& text) {
    text.append((alignment - text.size() % alignment) % alignment, '\0');
  };
  for (const Tensor& tensor : tensors_) {
    out += Text(tensor.name) + Raw(static_cast<uint32_t>(tensor.shape.size()));
    for (uint64_t length : tensor.shape) out += Raw(length);
    out += Raw(tensor.type) +
           Raw(static_cast<uint64_t>(static_cast<int64_t>(data.size()) + tensor.offset_change));
    data.append(static_cast<size_t>(tensor.bytes), '\x01');
    pad(data);
  }
  pad(out);
  return out + data;
}

inline FileBuilder FileBuilder::Model() {
  FileBuilder file;
  file.String("general.architecture", "llama")
      .String("general.name", "Tiny")
      .String("general.license", "apache-2.0")
      .Number("general.file_type", 0)
      .Number("llama.block_count", 2)
      .Number("llama.context_length", 128)
      .Number("llama.embedding_length", 16)
      .Number("llama.feed_forward_length", 32)
      .Number("llama.attention.head_count", 4)
      .Number("llama.attention.head_count_kv", 2)
      .Number("llama.rope.dimension_count", 4)
      .Float("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .String("tokenizer.ggml.model", "llama")
      .Strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "<0x0A>", "a", "b", "ab", "c"})
      .Numbers<float>("tokenizer.ggml.scores", ValueType::kF32, {0, 0, 0, 0, -1, -2, -3, -4})
      .Numbers<int32_t>("tokenizer.ggml.token_type", ValueType::kI32, {2, 3, 3, 6, 1, 1, 1, 1})
      .Strings("tokenizer.ggml.merges", {"a b"})
      .Number("tokenizer.ggml.bos_token_id", 1)
      .Number("tokenizer.ggml.eos_token_id", 2)
      .Bool("tokenizer.ggml.add_bos_token", 1)
      .String("tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}");
  file.Add({.name = "token_embd.weight", .shape = {16, 8}, .type = 0, .bytes = 512})
      .Add({.name = "blk.0.attn_q.weight", .shape = {16, 16}, .type = 1, .bytes = 512})
      .Add({.name = "blk.1.ffn_up.weight", .shape = {32, 2}, .type = 8, .bytes = 68});
  return file;
}

}  // namespace weir::gguf
