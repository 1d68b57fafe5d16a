#include "gguf/tensors.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/utf8.h"
#include "gguf/metadata.h"

namespace weir::gguf {
namespace {

// What ggml can index: its counts are signed.
constexpr uint64_t kElementsMax = uint64_t{INT64_MAX};

Result<Shape> ReadShape(Source& source, const std::string& name) {
  auto dimensions = source.Number<uint32_t>();
  if (!dimensions) return Fail(dimensions.error());
  if (*dimensions > kDimensionsMax) {
    return Malformed("gguf_tensor_shape",
                     fmt::format("tensor {} has {} dimensions; at most {} are allowed",
                                 Printable(name), *dimensions, kDimensionsMax),
                     name);
  }
  Shape shape = {1, 1, 1, 1};
  for (uint32_t i = 0; i < *dimensions; ++i) {
    auto length = source.Number<uint64_t>();
    if (!length) return Fail(length.error());
    if (*length == 0 || *length > kElementsMax) {
      return Malformed("gguf_tensor_shape",
                       fmt::format("tensor {} has a dimension of {}", Printable(name), *length),
                       name);
    }
    shape[i] = *length;
  }
  return shape;
}

Result<uint64_t> CountElements(const Shape& shape, const std::string& name) {
  uint64_t elements = 1;
  for (uint64_t length : shape) {
    if (__builtin_mul_overflow(elements, length, &elements) || elements > kElementsMax) {
      return Malformed(
          "gguf_tensor_overflow",
          fmt::format("the dimensions of tensor {} multiply to more than 63 bits", Printable(name)),
          name);
    }
  }
  return elements;
}

Result<const TensorType*> ReadTensorType(Source& source, const Shape& shape,
                                         const std::string& name) {
  auto number = source.Number<uint32_t>();
  if (!number) return Fail(number.error());
  const TensorType* type = FindTensorType(*number);
  if (type == nullptr) {
    return Malformed("gguf_tensor_type",
                     fmt::format("tensor {} has the unknown type {}", Printable(name), *number),
                     name);
  }
  if (shape[0] % type->block != 0) {
    return Malformed(
        "gguf_tensor_block",
        fmt::format(
            "tensor {} has rows of {} elements, not a multiple of the {} that a block of {} has",
            Printable(name), shape[0], type->block, type->name),
        name);
  }
  return type;
}

}  // namespace

Result<void> TensorTable::ReadEntry(Source& source, uint64_t alignment) {
  std::string name;
  if (auto read = ReadString(source, kTensorNameMax, "a tensor name", name); !read) return read;
  if (name.empty() || !IsValidUtf8(name) || name.contains('\0')) {
    return Malformed("gguf_tensor_name",
                     fmt::format("tensor {} has no usable name", shapes_.size()), name);
  }
  auto shape = ReadShape(source, name);
  if (!shape) return Fail(shape.error());
  auto elements = CountElements(*shape, name);
  if (!elements) return Fail(elements.error());
  auto type = ReadTensorType(source, *shape, name);
  if (!type) return Fail(type.error());
  auto offset = source.Number<uint64_t>();
  if (!offset) return Fail(offset.error());

  uint64_t bytes = 0;
  if (__builtin_mul_overflow(*elements / (*type)->block, (*type)->block_bytes, &bytes)) {
    return Malformed("gguf_tensor_overflow",
                     fmt::format("the size of tensor {} overflows", Printable(name)), name);
  }
  if (*offset % alignment != 0) {
    return Malformed("gguf_tensor_alignment",
                     fmt::format("tensor {} starts at {}, not a multiple of {}", Printable(name),
                                 *offset, alignment),
                     name);
  }
  if (*offset != next_offset_) {
    return Malformed(
        "gguf_tensor_offset",
        fmt::format("tensor {} starts at {}, {} the one before it, which ends at {}",
                    Printable(name), *offset,
                    *offset < next_offset_ ? "inside" : "behind a gap after", next_offset_),
        name);
  }
  if (__builtin_add_overflow(*offset, bytes, &data_end_) ||
      __builtin_add_overflow(data_end_, (alignment - data_end_ % alignment) % alignment,
                             &next_offset_)) {
    return Malformed("gguf_tensor_overflow",
                     fmt::format("the end of tensor {} overflows", Printable(name)), name);
  }
  elements_ += std::min(*elements, UINT64_MAX - elements_);
  bytes_ += bytes;  // at most data_end_, which did not overflow
  bytes_of_type_[(*type)->name] += bytes;
  if (!shapes_.emplace(name, *shape).second) {
    return Malformed("gguf_tensor_duplicate",
                     fmt::format("tensor {} is there twice", Printable(name)), name);
  }
  return {};
}

Result<TensorTable> TensorTable::Read(Source& source, uint64_t count, uint64_t alignment) {
  TensorTable table;
  for (uint64_t i = 0; i < count; ++i) {
    if (auto read = table.ReadEntry(source, alignment); !read) return Fail(read.error());
  }
  if (count == 0) return table;
  const uint64_t padding = (alignment - source.position() % alignment) % alignment;
  if (padding > source.remaining() || table.data_end_ > source.remaining() - padding) {
    return Malformed(
        "gguf_tensor_bounds",
        fmt::format(
            "the tensors need {} bytes, but only {} are left in the file: it is incomplete, "
            "download it again",
            table.data_end_, source.remaining()));
  }
  return table;
}

const Shape* TensorTable::Find(std::string_view name) const {
  const auto found = shapes_.find(name);
  return found == shapes_.end() ? nullptr : &found->second;
}

std::string_view TensorTable::MainType() const {
  const auto most =
      std::ranges::max_element(bytes_of_type_, {}, [](const auto& entry) { return entry.second; });
  return most == bytes_of_type_.end() ? std::string_view() : most->first;
}

}  // namespace weir::gguf
