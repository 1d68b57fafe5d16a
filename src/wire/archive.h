// Structs to bytes and back, for the protocols between our own processes. A struct describes itself
// once, by a Visit function that names its fields in order; Writer and Reader both go through it,
// so the two directions cannot drift.
//
//   template <class Archive> void Visit(Archive& archive, Point& point) { archive(point.x,
//   point.y); }
//
// Little-endian fixed-width numbers, lengths as u32. There are no tags and no optional fields: both
// ends are the same build of Weir, which the version in the first frame proves (engine.h).
//
// Reading trusts nothing: every length is checked against the bytes that are left before anything
// is allocated, every enumeration against its count, every text against UTF-8 where the struct says
// so; after the first fault `ok()` is false and everything read is meaningless. No thread safety
// needed: an archive lives on one stack.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace weir::wire {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

// How many values an enumeration has (they start at 0). Specialise it beside the Visit that uses
// it.
template <class E>
inline constexpr int kEnumCount = 0;

inline constexpr uint32_t kElementsMax = 1u << 22;  // of one vector or map

class Writer {
 public:
  Writer() { bytes_.reserve(kBytesAtFirst); }

  template <class... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  template <class T>
    requires std::is_arithmetic_v<T>
  void Put(const T& value) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  template <class T>
    requires std::is_enum_v<T>
  void Put(const T& value) {
    static_assert(kEnumCount<T> > 0, "specialise kEnumCount");
    Put(static_cast<uint8_t>(value));
  }
  void Put(const std::string& text) {
    PutLength(text.size());
    bytes_ += text;
  }
  template <class T>
  void Put(const std::vector<T>& items) {
    PutLength(items.size());
    if constexpr (std::is_arithmetic_v<T>) {
      bytes_.append(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T));
    } else {
      for (const T& item : items) Put(item);
    }
  }
  template <class T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <class A, class B>
  void Put(const std::pair<A, B>& value) {
    Put(value.first);
    Put(value.second);
  }
  template <class V>
  void Put(const std::map<std::string, V>& items) {
    PutLength(items.size());
    for (const auto& item : items) {
      Put(item.first);
      Put(item.second);
    }
  }
  template <class... T>
  void Put(const std::variant<T...>& value) {
    Put(static_cast<uint8_t>(value.index()));
    std::visit([this](const auto& held) { this->Put(held); }, value);
  }
  template <class T>
    requires std::is_class_v<T>
  void Put(const T& value) {
    Visit(*this,
          const_cast<T&>(value));  // Visit takes a mutable reference for Reader; Writer only reads
  }
  void PutLength(size_t length) {
    CHECK(length <= UINT32_MAX, "longer than any frame");
    Put(static_cast<uint32_t>(length));
  }

  static constexpr size_t kBytesAtFirst = 512;
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }
  bool ok() const { return ok_; }
  // Everything was read, and nothing is left over.
  bool Finished() const { return ok_ && bytes_.empty(); }

 private:
  template <class T>
    requires std::is_arithmetic_v<T>
  void Get(T& value) {
    if (!Need(sizeof value)) return;
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = static_cast<uint8_t>(bytes_[0]);
      if (byte > 1) ok_ = false;
      value = byte == 1;
    } else {
      std::memcpy(&value, bytes_.data(), sizeof value);
    }
    bytes_.remove_prefix(sizeof value);
  }
  template <class T>
    requires std::is_enum_v<T>
  void Get(T& value) {
    static_assert(kEnumCount<T> > 0, "specialise kEnumCount");
    uint8_t raw = 0;
    Get(raw);
    if (raw >= kEnumCount<T>) {
      ok_ = false;
      return;
    }
    value = static_cast<T>(raw);
  }
  void Get(std::string& text) {
    const uint32_t length = GetLength(1);
    if (!ok_) return;
    text.assign(bytes_.substr(0, length));
    bytes_.remove_prefix(length);
  }
  template <class T>
  void Get(std::vector<T>& items) {
    items.clear();
    if constexpr (std::is_arithmetic_v<T>) {
      const uint32_t count = GetLength(sizeof(T));
      if (!ok_) return;
      items.resize(count);
      if (count > 0) std::memcpy(items.data(), bytes_.data(), count * sizeof(T));
      bytes_.remove_prefix(count * sizeof(T));
    } else {
      const uint32_t count = GetLength(1);
      // Grown one by one: a lying count costs no more memory than the bytes that back it.
      for (uint32_t i = 0; i < count && ok_; ++i) Get(items.emplace_back());
    }
  }
  template <class T>
  void Get(std::optional<T>& value) {
    bool present = false;
    Get(present);
    value.reset();
    if (present && ok_) Get(value.emplace());
  }
  template <class A, class B>
  void Get(std::pair<A, B>& value) {
    Get(value.first);
    Get(value.second);
  }
  template <class V>
  void Get(std::map<std::string, V>& items) {
    items.clear();
    const uint32_t count = GetLength(1);
    for (uint32_t i = 0; i < count && ok_; ++i) {
      std::string key;
      Get(key);
      if (!ok_) return;
      Get(items[std::move(key)]);
    }
  }
  template <class... T>
  void Get(std::variant<T...>& value) {
    uint8_t index = 0;
    Get(index);
    if (index >= sizeof...(T)) ok_ = false;
    if (ok_) GetAlternative<0>(index, value);
  }
  template <size_t kIndex, class... T>
  void GetAlternative(uint8_t index, std::variant<T...>& value) {
    if constexpr (kIndex < sizeof...(T)) {
      if (index == kIndex) {
        Get(value.template emplace<kIndex>());
      } else {
        GetAlternative<kIndex + 1>(index, value);
      }
    }
  }
  template <class T>
    requires std::is_class_v<T>
  void Get(T& value) {
    Visit(*this, value);
  }

  bool Need(size_t count) {
    if (count > bytes_.size()) ok_ = false;
    return ok_;
  }
  // A count whose elements take at least `element_bytes` each and so must fit into what is left.
  uint32_t GetLength(size_t element_bytes) {
    uint32_t length = 0;
    Get(length);
    const bool is_text_or_numbers = element_bytes > 1;
    if (ok_ &&
        (length > bytes_.size() / element_bytes || (is_text_or_numbers && length > kElementsMax))) {
      ok_ = false;
    }
    return ok_ ? length : 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

template <class T>
std::string Encode(const T& value) {
  Writer writer;
  writer(value);
  return writer.Take();
}

// Empty when the bytes are not exactly one T.
template <class T>
std::optional<T> Decode(std::string_view bytes) {
  Reader reader(bytes);
  T value{};
  reader(value);
  if (!reader.Finished()) return std::nullopt;
  return value;
}

}  // namespace weir::wire
