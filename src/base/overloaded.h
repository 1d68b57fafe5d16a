// One callable of several, for std::visit: a lambda for each alternative.
//
//   std::visit(Overloaded{[](int n) { ... }, [](const std::string& text) { ... }}, value);
#pragma once

namespace weir {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace weir
