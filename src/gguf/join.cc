#include "gguf/join.h"

#include <sys/stat.h>

#include <set>

#include "gguf/inspect.h"
#include "gguf/metadata.h"
#include "gguf/source.h"
#include "gguf/tensors.h"
#include "gguf/types.h"

namespace weir::gguf {
namespace {

struct Tensor {
  std::string head;  // its entry without the offset
  size_t part = 0;
  uint64_t at = 0;  // in its part
  uint64_t bytes = 0;
};

template <class T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

uint64_t Aligned(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

std::unexpected<Error> Apart(std::string message) {
  return Malformed("gguf_split", std::move(message));
}

// Where one part's pairs lie, and its tensors.
class Part {
 public:
  static Result<Part> Read(int fd, size_t number, size_t count) {
    struct stat status{};
    if (fstat(fd, &status) != 0) return Apart("a part cannot be read");
    Part out;
    Source source(fd, static_cast<uint64_t>(status.st_size));
    const auto info = InspectDescriptor(fd);
    if (!info) return Fail(info.error());
    if (info->split.number != number || info->split.count != count)
      return Apart("the parts are not those of one model, in order");
    auto read = out.ReadHead(source, number);
    if (!read) return Fail(read.error());
    return out;
  }

  std::string pairs = {};  // as they lie, without those of the split
  uint64_t pair_count = 0;
  uint64_t alignment = kAlignmentDefault;
  std::vector<Tensor> tensors = {};

 private:
  Result<void> ReadHead(Source& source, size_t number) {
    if (auto skipped = source.Skip(8); !skipped) return skipped;  // magic and version
    const auto tensor_count = source.Number<uint64_t>();
    const auto count = source.Number<uint64_t>();
    if (!tensor_count || !count || *tensor_count > kTensorsMax || *count > kKeysMax)
      return Apart("a part is malformed");
    const uint64_t start = source.position();
    const auto metadata = Metadata::Read(source, *count);
    if (!metadata) return Fail(metadata.error());
    const auto wanted = metadata->Unsigned("general.alignment", kAlignmentMax);
    if (!wanted) return Fail(wanted.error());
    alignment = wanted->value_or(kAlignmentDefault);
    const uint64_t end = source.position();
    if (auto kept = KeepPairs(source, start, *count); !kept) return kept;
    if (auto moved = source.Seek(end); !moved) return moved;
    return ReadTensors(source, *tensor_count, number);
  }

  Result<void> KeepPairs(Source& source, uint64_t start, uint64_t count) {
    if (auto moved = source.Seek(start); !moved) return moved;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t begin = source.position();
      std::string key;
      if (auto read = ReadString(source, kKeyBytesMax, "a key", key); !read) return read;
      if (auto skipped = SkipValue(source); !skipped) return skipped;
      if (key.starts_with("split.")) continue;
      const uint64_t end = source.position();
      std::string bytes(static_cast<size_t>(end - begin), '\0');
      if (auto moved = source.Seek(begin); !moved) return moved;
      if (auto read = source.Read(bytes.data(), bytes.size()); !read) return read;
      pairs += bytes;
      ++pair_count;
    }
    return {};
  }

  // The inspector has walked the same bytes before, so lengths are known to lie inside the file.
  static Result<void> SkipValue(Source& source) {
    const auto type = source.Number<uint32_t>();
    if (!type) return Fail(type.error());
    const auto kind = static_cast<ValueType>(*type);
    if (kind == ValueType::kArray) return SkipArray(source);
    return SkipScalar(source, kind);
  }

  static Result<void> SkipScalar(Source& source, ValueType kind) {
    if (kind != ValueType::kString) return source.Skip(ValueBytes(kind));
    const auto length = source.Number<uint64_t>();
    if (!length) return Fail(length.error());
    return source.Skip(*length);
  }

  static Result<void> SkipArray(Source& source) {
    const auto type = source.Number<uint32_t>();
    const auto count = source.Number<uint64_t>();
    if (!type || !count) return Apart("a part is malformed");
    const auto kind = static_cast<ValueType>(*type);
    if (kind != ValueType::kString) return source.Skip(*count * ValueBytes(kind));
    for (uint64_t i = 0; i < *count; ++i) {
      if (auto skipped = SkipScalar(source, kind); !skipped) return skipped;
    }
    return {};
  }

  Result<void> ReadTensors(Source& source, uint64_t count, size_t number) {
    std::vector<uint64_t> offsets;
    for (uint64_t i = 0; i < count; ++i) {
      Tensor tensor{.part = number};
      std::string name;
      if (auto read = ReadString(source, kTensorNameMax, "a tensor", name); !read) return read;
      tensor.head = Raw<uint64_t>(name.size()) + name;
      const auto dimensions = source.Number<uint32_t>();
      if (!dimensions || *dimensions > kDimensionsMax) return Apart("a part is malformed");
      tensor.head += Raw(*dimensions);
      uint64_t elements = 1;
      for (uint32_t d = 0; d < *dimensions; ++d) {
        const auto length = source.Number<uint64_t>();
        if (!length) return Fail(length.error());
        elements *= *length;
        tensor.head += Raw(*length);
      }
      const auto type = source.Number<uint32_t>();
      const auto offset = source.Number<uint64_t>();
      const TensorType* known = type ? FindTensorType(*type) : nullptr;
      if (!offset || known == nullptr) return Apart("a part is malformed");
      tensor.head += Raw(*type);
      tensor.bytes = elements / known->block * known->block_bytes;
      tensors.push_back(std::move(tensor));
      offsets.push_back(*offset);
    }
    const uint64_t data = Aligned(source.position(), alignment);
    for (size_t i = 0; i < tensors.size(); ++i) tensors[i].at = data + offsets[i];
    return {};
  }
};

}  // namespace

Result<JoinPlan> PlanJoin(std::span<const int> parts) {
  std::vector<Tensor> tensors;
  std::string pairs;
  uint64_t pair_count = 0;
  uint64_t alignment = kAlignmentDefault;
  std::set<std::string> heads;
  for (size_t i = 0; i < parts.size(); ++i) {
    auto part = Part::Read(parts[i], i, parts.size());
    if (!part) return Fail(part.error());
    if (i == 0) {
      pairs = std::move(part->pairs);
      pair_count = part->pair_count;
      alignment = part->alignment;
    }
    for (Tensor& tensor : part->tensors) {
      if (!heads.insert(tensor.head).second) return Apart("two parts hold the same tensor");
      tensors.push_back(std::move(tensor));
    }
  }
  if (tensors.size() > kTensorsMax) return Apart("the parts hold too many tensors");
  std::string head =
      "GGUF" + Raw<uint32_t>(3) + Raw<uint64_t>(tensors.size()) + Raw<uint64_t>(pair_count) + pairs;
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors) {
    head += tensor.head + Raw(offset);
    offset += Aligned(tensor.bytes, alignment);
  }
  head.resize(static_cast<size_t>(Aligned(head.size(), alignment)), '\0');
  JoinPlan plan;
  plan.runs.push_back({.text = std::move(head)});
  for (const Tensor& tensor : tensors) {
    plan.runs.push_back({.part = tensor.part, .offset = tensor.at, .count = tensor.bytes});
    const uint64_t gap = Aligned(tensor.bytes, alignment) - tensor.bytes;
    if (gap > 0) plan.runs.push_back({.text = std::string(static_cast<size_t>(gap), '\0')});
  }
  for (const Run& run : plan.runs) plan.size += run.size();
  return plan;
}

}  // namespace weir::gguf
