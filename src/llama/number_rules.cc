#include "llama/number_rules.h"

#include <fmt/format.h>
#include <json.h>

#include "llama/number_interval.h"
#include "llama/schema_walk.h"
#include "llama/schema_work.h"

// The automaton of number_interval.h is walked depth first, and a state is entered into the
// register when all that follow it are known: one with the same followers is the same state. So the
// automaton is minimal as it is built (the register of Daciuk, Mihov, Watson and Watson,
// "Incremental Construction of Minimal Acyclic Finite-State Automata", 2000), ways that lead to no
// number are gone, and ranges share what they have in common. Each state becomes one rule.

namespace weir::llama {
namespace {

constexpr int64_t kWrittenSteps = 12;
constexpr int64_t kStateSteps = 25;
// A keyword of no schema, so that nobody else's reference leads there.
constexpr const char* kHome = "numbers";

NumberProblem TooManyRules() {
  return {.keyword = "multipleOf",
          .why = fmt::format("multipleOf takes over {} rules of a grammar within these bounds; one "
                             "up to 200 takes fewer, and so do bounds with fewer digits",
                             kNumberRulesMax)};
}

NumberProblem NoNumber(const NumberRange& range) {
  if (range.step) return {.why = "no multiple is within these bounds"};
  if (range.integer) return {.why = "no integer is within these bounds"};
  return {.why = fmt::format("no number with at most {} digits is within these bounds",
                             kNumberDigitsMax)};
}

std::string NameOf(int state) { return fmt::format("n{}", state); }

// The characters that lead to the same state, as a class.
std::string RuleOf(const NumberState& state, const std::vector<NumberState>& all) {
  std::map<int, std::string> classes;
  for (size_t i = 0; i < state.next.size(); ++i) {
    const int next = state.next[i];
    if (next == NumberState::kNone) continue;
    classes[next] += i == NumberState::kPoint   ? "."
                     : i == NumberState::kMinus ? "\\-"
                                                : std::to_string(i);
  }
  std::string rule;
  for (const auto& [next, characters] : classes) {
    if (!rule.empty()) rule += " | ";
    rule += characters == "0123456789" ? "[0-9]" : "[" + characters + "]";
    const bool goes_on = all[static_cast<size_t>(next)] != NumberState{.ends = true};
    if (goes_on) rule += " " + NameOf(next);
  }
  return state.ends ? "| " + rule : rule;
}

}  // namespace

int NumberRules::Register(const NumberState& state) {
  if (state == NumberState{}) return NumberState::kNone;
  const auto [entry, fresh] = register_.try_emplace(state, static_cast<int>(states_.size()));
  if (fresh) {
    states_.push_back(state);
    work_.steps += kStateSteps;
  }
  return entry->second;
}

std::optional<NumberProblem> NumberRules::Add(const NumberRange& range) {
  if (roots_.contains(range)) return std::nullopt;
  const size_t before = states_.size();
  const auto enter = [this](const NumberState& state) { return Register(state); };
  const NumberBegin up = BeginUp(range, enter);
  const NumberBegin down = BeginDown(range, enter);
  work_.steps += kWrittenSteps * (up.written + down.written);
  NumberState root = up.state;
  root.next[NumberState::kMinus] = Register(down.state);
  const bool too_many = states_.size() - before > kNumberRulesMax;
  if (too_many || up.written > kWrittenMax || down.written > kWrittenMax) return TooManyRules();
  if (root == NumberState{}) return NoNumber(range);
  if (work_.steps > kSchemaStepsMax) {
    return NumberProblem{
        .why = "the schema's ranges of numbers take too many steps to turn into a grammar"};
  }
  roots_[range] = Register(root);
  return std::nullopt;
}

void NumberRules::PutInto(common_json& schema) const {
  if (roots_.empty()) return;
  EachSchema(schema, [this](common_json& node) { Refer(node); });
  common_json home = common_json::object();
  for (const auto& [unused, root] : roots_) {
    common_json number = common_json::object();
    number["type"] = "number";
    home[std::to_string(root)] = std::move(number);
  }
  schema[kHome] = std::move(home);
}

void NumberRules::Write(
    const std::function<void(const std::string& name, const std::string& rule)>& add) const {
  for (size_t i = 0; i < states_.size(); ++i) {
    const bool goes_on = states_[i] != NumberState{.ends = true};
    if (goes_on) add(NameOf(static_cast<int>(i)), RuleOf(states_[i], states_));
  }
  // As the converter names what a reference leads to; it takes the rule that is there.
  for (const auto& [unused, root] : roots_)
    add(fmt::format("ref-{}-{}", kHome, root), NameOf(root));
}

std::optional<int> NumberRules::RootOf(const common_json& node, const std::string& type) const {
  if (type != "number" && type != "integer") return std::nullopt;
  const auto range = ReadNumberRange(node, type == "integer");
  const auto root = range ? roots_.find(*range) : roots_.end();
  if (root == roots_.end()) return std::nullopt;
  return root->second;
}

void NumberRules::Refer(common_json& node) const {
  for (const char* key : {"$ref", "anyOf", "oneOf", "const", "enum"}) {
    if (node.contains(key)) return;
  }
  const auto reference = [](int root) { return fmt::format("#/{}/{}", kHome, root); };
  const common_json type = node.contains("type") ? node.at("type") : common_json("number");
  if (type.is_string()) {
    if (const auto root = RootOf(node, type.get<std::string>())) node["$ref"] = reference(*root);
    return;
  }
  if (!type.is_array()) return;
  common_json alternatives = common_json::array();
  common_json others = common_json::array();
  for (const auto& one : type) {
    const auto root = one.is_string() ? RootOf(node, one.get<std::string>()) : std::nullopt;
    if (root) {
      common_json refers = common_json::object();
      refers["$ref"] = reference(*root);
      alternatives.push_back(refers);
    } else {
      others.push_back(one);
    }
  }
  if (alternatives.empty()) return;
  // What else it may be moves down by one, with all that is said of it but its definitions.
  common_json rest = std::move(node);
  node = common_json::object();
  for (const char* key : {"$defs", "definitions"}) {
    if (!rest.contains(key)) continue;
    node[key] = std::move(rest.at(key));
    rest.erase(key);
  }
  if (!others.empty()) {
    rest["type"] = std::move(others);
    alternatives.push_back(std::move(rest));
  }
  node["anyOf"] = std::move(alternatives);
}

}  // namespace weir::llama
