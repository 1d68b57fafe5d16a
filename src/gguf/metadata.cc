#include "gguf/metadata.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "base/utf8.h"

namespace weir::gguf {
namespace {

Result<ValueType> ReadValueType(Source& source, std::string_view key) {
  auto number = source.Number<uint32_t>();
  if (!number) return Fail(number.error());
  if (*number >= kValueTypeCount) {
    return Malformed("gguf_value_type",
                     fmt::format("key {} has the unknown value type {}", Printable(key), *number),
                     key);
  }
  return static_cast<ValueType>(*number);
}

template <class T, class As>
Result<Value> ReadAs(Source& source) {
  auto number = source.Number<T>();
  if (!number) return Fail(number.error());
  return Value(static_cast<As>(*number));
}

Result<Value> ReadBool(Source& source, std::string_view key) {
  auto byte = source.Number<uint8_t>();
  if (!byte) return Fail(byte.error());
  if (*byte > 1) {
    return Malformed("gguf_bool", fmt::format("key {} is neither true nor false", Printable(key)),
                     key);
  }
  return Value(*byte == 1);
}

Result<uint64_t> ReadStringLength(Source& source, uint64_t bytes_max, std::string_view what) {
  auto length = source.Number<uint64_t>();
  if (!length) return Fail(length.error());
  if (*length > source.remaining()) {
    return Malformed("gguf_string_length",
                     fmt::format("a string of {} claims {} bytes, but {} are left in the file",
                                 Printable(what), *length, source.remaining()),
                     what);
  }
  if (*length > bytes_max) {
    return Malformed("gguf_string_length",
                     fmt::format("a string of {} has {} bytes; at most {} are allowed",
                                 Printable(what), *length, bytes_max),
                     what);
  }
  return *length;
}

Result<Value> ReadKeptString(Source& source, std::string_view key, uint64_t& kept) {
  auto length = ReadStringLength(source, kStringBytesMax, key);
  if (!length) return Fail(length.error());
  if (*length > kKeptBytesMax || kept + *length > kKeptBytesTotalMax) {
    if (auto skipped = source.Skip(*length); !skipped) return Fail(skipped.error());
    return Value(LongString{*length});
  }
  kept += *length;
  std::string text(static_cast<size_t>(*length), '\0');
  if (auto read = source.Read(text.data(), text.size()); !read) return Fail(read.error());
  return Value(std::move(text));
}

Result<void> SkipElements(Source& source, const Array& array, std::string_view key) {
  if (array.type != ValueType::kString) return source.Skip(array.count * ValueBytes(array.type));
  for (uint64_t i = 0; i < array.count; ++i) {
    auto length = ReadStringLength(source, kStringBytesMax, key);
    if (!length) return Fail(length.error());
    if (auto skipped = source.Skip(*length); !skipped) return skipped;
  }
  return {};
}

Result<Value> ReadArray(Source& source, std::string_view key) {
  auto type = ReadValueType(source, key);
  if (!type) return Fail(type.error());
  if (*type == ValueType::kArray) {
    return Malformed("gguf_array_nested",
                     fmt::format("key {} has an array inside an array", Printable(key)), key);
  }
  auto count = source.Number<uint64_t>();
  if (!count) return Fail(count.error());
  const uint64_t least = *type == ValueType::kString ? sizeof(uint64_t) : ValueBytes(*type);
  if (*count > kArrayMax || *count > source.remaining() / least) {
    return Malformed(
        "gguf_array_count",
        fmt::format(
            "key {} claims {} elements; {} bytes are left in the file, and at most {} elements are "
            "allowed",
            Printable(key), *count, source.remaining(), kArrayMax),
        key);
  }
  const Array array{*type, *count, source.position()};
  if (auto skipped = SkipElements(source, array, key); !skipped) return Fail(skipped.error());
  return Value(array);
}

Result<Value> ReadValue(Source& source, std::string_view key, uint64_t& kept) {
  auto type = ReadValueType(source, key);
  if (!type) return Fail(type.error());
  switch (*type) {
    case ValueType::kU8:
      return ReadAs<uint8_t, uint64_t>(source);
    case ValueType::kU16:
      return ReadAs<uint16_t, uint64_t>(source);
    case ValueType::kU32:
      return ReadAs<uint32_t, uint64_t>(source);
    case ValueType::kU64:
      return ReadAs<uint64_t, uint64_t>(source);
    case ValueType::kI8:
      return ReadAs<int8_t, int64_t>(source);
    case ValueType::kI16:
      return ReadAs<int16_t, int64_t>(source);
    case ValueType::kI32:
      return ReadAs<int32_t, int64_t>(source);
    case ValueType::kI64:
      return ReadAs<int64_t, int64_t>(source);
    case ValueType::kF32:
      return ReadAs<float, double>(source);
    case ValueType::kF64:
      return ReadAs<double, double>(source);
    case ValueType::kBool:
      return ReadBool(source, key);
    case ValueType::kString:
      return ReadKeptString(source, key, kept);
    case ValueType::kArray:
      return ReadArray(source, key);
  }
  return Malformed("gguf_value_type", "unknown value type", key);
}

std::unexpected<Error> WrongType(std::string_view key, const char* wanted) {
  return Malformed("gguf_key_type", fmt::format("key {} is not {}", Printable(key), wanted), key);
}

template <class T>
Result<void> WalkNumbers(Source& source, const Array& array, std::string_view key,
                         const std::function<Result<void>(uint64_t, int64_t)>& see) {
  for (uint64_t i = 0; i < array.count; ++i) {
    auto number = source.Number<T>();
    if (!number) return Fail(number.error());
    if (!std::in_range<int64_t>(*number))
      return WrongType(key, "an array of 64-bit signed numbers");
    if (auto seen = see(i, static_cast<int64_t>(*number)); !seen) return seen;
  }
  return {};
}

}  // namespace

Result<void> ReadString(Source& source, uint64_t bytes_max, std::string_view what,
                        std::string& into) {
  auto length = ReadStringLength(source, bytes_max, what);
  if (!length) return Fail(length.error());
  into.resize(static_cast<size_t>(*length));
  return source.Read(into.data(), into.size());
}

Result<Metadata> Metadata::Read(Source& source, uint64_t count) {
  Metadata metadata;
  std::string key;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (auto read = ReadString(source, kKeyBytesMax, "a key", key); !read)
      return Fail(read.error());
    if (key.empty()) return Malformed("gguf_key_empty", fmt::format("key {} is empty", i));
    if (!IsValidUtf8(key))
      return Malformed("gguf_key_text", fmt::format("key {} is not UTF-8", i), key);
    if (metadata.pairs_.contains(key)) {
      return Malformed("gguf_key_duplicate", fmt::format("key {} is there twice", Printable(key)),
                       key);
    }
    auto value = ReadValue(source, key, kept);
    if (!value) return Fail(value.error());
    metadata.pairs_.emplace(key, std::move(*value));
  }
  return metadata;
}

const Value* Metadata::Find(std::string_view key) const {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : &found->second;
}

Result<std::optional<uint64_t>> Metadata::Unsigned(std::string_view key, uint64_t max) const {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  uint64_t number = 0;
  if (const auto* u = std::get_if<uint64_t>(value)) {
    number = *u;
  } else if (const auto* i = std::get_if<int64_t>(value); i != nullptr && *i >= 0) {
    number = static_cast<uint64_t>(*i);
  } else {
    return WrongType(key, "a whole number from 0");
  }
  if (number > max) {
    return Malformed(
        "gguf_value_range",
        fmt::format("key {} is {}; at most {} is allowed", Printable(key), number, max), key);
  }
  return number;
}

Result<std::optional<double>> Metadata::Float(std::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const auto* number = std::get_if<double>(value);
  if (number == nullptr) return WrongType(key, "a floating point number");
  if (!std::isfinite(*number)) {
    return Malformed("gguf_value_range",
                     fmt::format("key {} is not a finite number", Printable(key)), key);
  }
  return *number;
}

Result<std::optional<bool>> Metadata::Bool(std::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const auto* flag = std::get_if<bool>(value);
  if (flag == nullptr) return WrongType(key, "true or false");
  return *flag;
}

Result<std::optional<std::string>> Metadata::String(std::string_view key,
                                                    uint64_t bytes_max) const {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(value);
  const auto* lost = std::get_if<LongString>(value);
  if (text == nullptr && lost == nullptr) return WrongType(key, "a string");
  const uint64_t bytes = text != nullptr ? text->size() : lost->bytes;
  if (text == nullptr || bytes > bytes_max) {
    return Malformed("gguf_string_length",
                     fmt::format("key {} has {} bytes; at most {} are allowed", Printable(key),
                                 bytes, bytes_max),
                     key);
  }
  if (!IsValidUtf8(*text) || text->contains('\0')) {
    return Malformed("gguf_text", fmt::format("key {} is not UTF-8 text", Printable(key)), key);
  }
  return *text;
}

Result<std::optional<Array>> Metadata::ArrayOf(std::string_view key) const {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const auto* array = std::get_if<Array>(value);
  if (array == nullptr) return WrongType(key, "an array");
  return *array;
}

Result<void> WalkStrings(Source& source, const Array& array, uint64_t bytes_max,
                         std::string_view key,
                         const std::function<Result<void>(uint64_t, std::string_view)>& see) {
  if (array.type != ValueType::kString) return WrongType(key, "an array of strings");
  if (auto sought = source.Seek(array.position); !sought) return sought;
  std::string text;
  for (uint64_t i = 0; i < array.count; ++i) {
    if (auto read = ReadString(source, bytes_max, key, text); !read) return read;
    if (auto seen = see(i, text); !seen) return seen;
  }
  return {};
}

Result<void> WalkIntegers(Source& source, const Array& array, std::string_view key,
                          const std::function<Result<void>(uint64_t, int64_t)>& see) {
  if (auto sought = source.Seek(array.position); !sought) return sought;
  switch (array.type) {
    case ValueType::kU8:
      return WalkNumbers<uint8_t>(source, array, key, see);
    case ValueType::kU16:
      return WalkNumbers<uint16_t>(source, array, key, see);
    case ValueType::kU32:
      return WalkNumbers<uint32_t>(source, array, key, see);
    case ValueType::kU64:
      return WalkNumbers<uint64_t>(source, array, key, see);
    case ValueType::kI8:
      return WalkNumbers<int8_t>(source, array, key, see);
    case ValueType::kI16:
      return WalkNumbers<int16_t>(source, array, key, see);
    case ValueType::kI32:
      return WalkNumbers<int32_t>(source, array, key, see);
    case ValueType::kI64:
      return WalkNumbers<int64_t>(source, array, key, see);
    case ValueType::kBool:
    case ValueType::kF32:
    case ValueType::kF64:
    case ValueType::kString:
    case ValueType::kArray:
      break;
  }
  return WrongType(key, "an array of whole numbers");
}

}  // namespace weir::gguf
