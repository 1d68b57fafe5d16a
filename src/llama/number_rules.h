// Numbers within bounds, and multiples of a step, as rules of a grammar.
//
// What is written has at most 15 digits (16 where only integers within bounds are asked for), no
// exponent and no minus before a zero; it is within the bounds exactly as it stands, decimal by
// decimal. llama-common's own rules for integers within bounds are not used: they let 15 pass for a
// least of 100, and write -01 for a most of -5.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "llama/number_interval.h"
#include "llama/schema_number.h"

class common_json;

namespace weir::llama {

struct SchemaWork;

inline constexpr int kNumberRulesMax = 4'000;  // for one range

class NumberRules {
 public:
  // What it costs is added to `work` (schema_work.h), which outlives this.
  explicit NumberRules(SchemaWork& work) : work_(work) {}

  // Why there can be no rules for it, if so. `range` is bound.
  std::optional<NumberProblem> Add(const NumberRange& range);

  // Makes what was added a reference to its rules, wherever it stands in `schema`.
  void PutInto(common_json& schema) const;
  // The rules that those references lead to.
  void Write(
      const std::function<void(const std::string& name, const std::string& rule)>& add) const;

 private:
  void Refer(common_json& node) const;
  std::optional<int> RootOf(const common_json& node, const std::string& type) const;
  int Register(const NumberState& state);

  SchemaWork& work_;
  std::map<NumberState, int> register_ = {};
  std::vector<NumberState> states_ = {};
  std::map<NumberRange, int> roots_ = {};
};

}  // namespace weir::llama
