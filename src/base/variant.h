// std::variant whose copying may run out of memory. In libstdc++ 12 that of a variant of nothing
// but numbers, strings and vectors ends the process where it throws: the half-made copy is
// destroyed by an index that it does not have. Variants with a structure of ours among their
// alternatives are not concerned.
#pragma once

#include <utility>
#include <variant>

namespace weir {

template <class... T>
class Variant : public std::variant<T...> {
 public:
  using std::variant<T...>::variant;
  using std::variant<T...>::operator=;
  Variant() = default;
  // Assigning makes a whole value first.
  Variant(const Variant& other) : std::variant<T...>() { std::variant<T...>::operator=(other); }
  Variant(Variant&& other) noexcept = default;
  Variant& operator=(const Variant& other) = default;
  Variant& operator=(Variant&& other) noexcept = default;
  ~Variant() = default;
};

}  // namespace weir
