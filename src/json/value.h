// One JSON value as a tree that owns its text. Objects keep the order of their members, so that
// what is printed reads like what was parsed. A plain value: copied and moved like one, no locks,
// any thread that has it to itself.
//
// Integers that fit int64_t are kInt; larger ones up to uint64_t's end are kUint; everything with a
// fraction or an exponent is kDouble.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir::json {

struct Member;
class Value;
using Array = std::vector<Value>;
using Object = std::vector<Member>;

enum class Type : uint8_t { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };

class Value {
 public:  // Written as what it holds. NOLINTBEGIN(google-explicit-constructor)
  Value();
  Value(std::nullptr_t);
  Value(bool v);
  Value(int v);
  Value(int64_t v);
  Value(uint64_t v);  // kInt when it fits
  Value(double v);
  Value(const char* v);
  Value(std::string_view v);
  Value(std::string v);
  Value(Array v);
  Value(Object v);  // NOLINTEND(google-explicit-constructor)
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  Type type() const;
  bool is_null() const { return type() == Type::kNull; }

  // The value as that type, or null when it is of another. No conversions.
  const bool* AsBool() const;
  const int64_t* AsInt() const;
  const uint64_t* AsUint() const;
  const double* AsDouble() const;
  const std::string* AsString() const;
  const Array* AsArray() const;
  const Object* AsObject() const;
  Array* AsArray();
  Object* AsObject();

  // The member of that name, or null when there is none or this is not an object.
  const Value* Find(std::string_view key) const;

  bool operator==(const Value& other) const;

 private:
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> data_;
};

struct Member {
  std::string key;
  Value value;

  bool operator==(const Member&) const = default;
};

// Defined after Member, which they need whole.
inline Value::Value() = default;
inline Value::Value(std::nullptr_t) {}
inline Value::Value(bool v) : data_(v) {}
inline Value::Value(int v) : data_(int64_t{v}) {}
inline Value::Value(int64_t v) : data_(v) {}
inline Value::Value(double v) : data_(v) {}
inline Value::Value(const char* v) : data_(std::string(v)) {}
inline Value::Value(std::string_view v) : data_(std::string(v)) {}
inline Value::Value(std::string v) : data_(std::move(v)) {}
inline Value::Value(Array v) : data_(std::move(v)) {}
inline Value::Value(Object v) : data_(std::move(v)) {}
// Not the variant's own copying: in libstdc++ 12 that ends the process where it runs out of memory.
inline Value::Value(const Value& other) { data_ = other.data_; }
inline Value::Value(Value&& other) noexcept = default;
inline Value& Value::operator=(const Value& other) = default;
inline Value& Value::operator=(Value&& other) noexcept = default;
inline Value::~Value() = default;
inline Type Value::type() const { return static_cast<Type>(data_.index()); }
inline const bool* Value::AsBool() const { return std::get_if<bool>(&data_); }
inline const int64_t* Value::AsInt() const { return std::get_if<int64_t>(&data_); }
inline const uint64_t* Value::AsUint() const { return std::get_if<uint64_t>(&data_); }
inline const double* Value::AsDouble() const { return std::get_if<double>(&data_); }
inline const std::string* Value::AsString() const { return std::get_if<std::string>(&data_); }
inline const Array* Value::AsArray() const { return std::get_if<Array>(&data_); }
inline const Object* Value::AsObject() const { return std::get_if<Object>(&data_); }
inline Array* Value::AsArray() { return std::get_if<Array>(&data_); }
inline Object* Value::AsObject() { return std::get_if<Object>(&data_); }

// As a person would say it after "is": "null", "a boolean", "a number", "a string", "an array", "an
// object".
std::string_view TypeName(Type type);

}  // namespace weir::json
