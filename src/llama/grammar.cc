#include "llama/grammar.h"

#include <fmt/format.h>
#include <json-schema-to-grammar.h>
#include <json-schema.h>
#include <json.h>

#include <algorithm>
#include <exception>
#include <map>
#include <set>

#include "base/utf8.h"
#include "llama/json_depth.h"
#include "llama/number_rules.h"
#include "llama/schema_nullable.h"
#include "llama/schema_pattern.h"
#include "llama/schema_walk.h"
#include "llama/schema_work.h"

namespace weir::llama {
namespace {

// libllama's own bound on one repetition.
constexpr uint64_t kRepetitionsMax = 2000;

// Reads GBNF exactly as libllama does (src/llama-grammar.cpp), builds nothing. libllama prints a
// grammar that it cannot parse to stderr, and takes {5,2} for 2^64 repetitions, so nothing reaches
// it that has not passed here.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<void> Read() {
    Space(true);
    while (ok() && !End()) Rule();
    if (!ok()) return Fail(Code::kInvalidArgument, error_, "grammar", "grammar_invalid");
    if (!defined_.contains("root")) {
      return Fail(Code::kInvalidArgument, "the grammar has no rule called root", "grammar",
                  "grammar_invalid");
    }
    for (const std::string& name : used_) {
      if (!defined_.contains(name)) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("the grammar uses the rule {} but does not define it", name),
                    "grammar", "grammar_invalid");
      }
    }
    return LeftRecursion();
  }

 private:
  bool ok() const { return error_.empty(); }
  bool End() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void Wrong(std::string_view what) {
    if (!ok()) return;
    const auto line =
        1 + std::count(text_.begin(),
                       text_.begin() + static_cast<ptrdiff_t>(std::min(at_, text_.size())), '\n');
    error_ = fmt::format("the grammar is wrong in line {}: {}", line, what);
  }

  static bool WordCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || (c >= '0' && c <= '9');
  }

  void Space(bool newlines) {
    while (!End()) {
      const char c = Peek();
      if (c == '#') {
        while (!End() && Peek() != '\n' && Peek() != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string Name() {
    const size_t start = at_;
    while (!End() && WordCharacter(Peek())) ++at_;
    if (at_ == start) Wrong("a rule name is expected");
    if (at_ - start > 256) Wrong("a rule name is over 256 bytes");
    return std::string(text_.substr(start, at_ - start));
  }

  void Rule() {
    rule_ = Name();
    Space(false);
    if (text_.substr(at_, 3) != "::=") return Wrong("::= is expected after a rule name");
    at_ += 3;
    if (defined_.contains(rule_)) return Wrong("a rule is defined twice");
    defined_[rule_] = {};
    CountRules(1);
    Space(true);
    defined_[rule_].nullable = Alternates(false, true);
    if (!ok()) return;
    if (Peek() == '\r') {
      at_ += Peek(1) == '\n' ? 2 : 1;
    } else if (Peek() == '\n') {
      ++at_;
    } else if (!End()) {
      return Wrong("the end of a rule is expected");
    }
    Space(true);
  }

  // Whether it can be empty without counting rules that it refers to.
  bool Alternates(bool nested, bool leading) {
    if (++depth_ > kGrammarNestingMax) {
      Wrong(fmt::format("parentheses are nested over {} deep", kGrammarNestingMax));
      return false;
    }
    bool nullable = Sequence(nested, leading);
    while (ok() && Peek() == '|') {
      ++at_;
      Space(true);
      nullable = Sequence(nested, leading) || nullable;
    }
    --depth_;
    return nullable;
  }

  bool Sequence(bool nested, bool leading) {
    bool nullable = true;  // everything so far may be empty
    bool last_nullable = true;
    bool before_last = true;  // what came before the last symbol may be empty
    uint64_t last_rules = 1;  // rules that the last symbol makes
    uint64_t last_size = 0;   // elements of the last symbol; 0: there is none
    while (ok() && !End()) {
      const char c = Peek();
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (last_size == 0) {
          Wrong("nothing stands before a repetition");
          return false;
        }
        const auto [least, most] = Repetition(nested);
        const uint64_t times = std::max<uint64_t>({1, least, most});
        last_rules *= times;
        if (last_rules > kRepetitionsMax) {
          Wrong(fmt::format("repetitions of repetitions make over {} rules", kRepetitionsMax));
        }
        Count(last_size * times);
        CountRules(times);
        last_nullable = last_nullable || least == 0;
        nullable = before_last && last_nullable;
        continue;
      }
      before_last = nullable;
      last_rules = 1;
      const bool leads = leading && nullable;
      if (c == '"') {
        last_size = Literal();
        last_nullable = last_size == 0;
      } else if (c == '[') {
        last_size = CharacterClass();
        last_nullable = false;
      } else if (c == '<' || c == '!') {
        TokenName();
        last_size = 1;
        last_nullable = false;
      } else if (c == '.') {
        ++at_;
        last_size = 1;
        last_nullable = false;
      } else if (c == '(') {
        ++at_;
        const uint64_t rules_before = rules_;
        CountRules(1);
        Space(true);
        last_nullable = Alternates(true, leads);
        last_rules = rules_ - rules_before;
        if (ok() && Peek() != ')') Wrong("a parenthesis is not closed");
        ++at_;
        last_size = 1;
      } else if (WordCharacter(c)) {
        const std::string name = Name();
        used_.insert(name);
        defined_[rule_].references.push_back({name, leads});
        last_size = 1;
        last_nullable = false;
      } else {
        break;
      }
      Count(last_size);
      nullable = nullable && last_nullable;
      Space(nested);
    }
    return nullable;
  }

  // libllama recurses along chains of rules.
  void CountRules(uint64_t count) {
    rules_ += count;
    if (rules_ > static_cast<uint64_t>(kGrammarRulesMax)) {
      Wrong(fmt::format("it has over {} rules, groups and repetitions", kGrammarRulesMax));
    }
  }

  void Count(uint64_t elements) {
    elements_ += elements;
    if (elements_ > static_cast<uint64_t>(kGrammarElementsMax)) {
      Wrong(
          fmt::format("it has over {} elements, repetitions multiplied out", kGrammarElementsMax));
    }
  }

  uint64_t Number() {
    uint64_t value = 0;
    const size_t start = at_;
    while (Peek() >= '0' && Peek() <= '9' && at_ - start < 10) {
      value = value * 10 + static_cast<uint64_t>(Peek() - '0');
      ++at_;
    }
    if (at_ == start) Wrong("a number is expected in a repetition");
    if (value > kRepetitionsMax) Wrong(fmt::format("a repetition is over {}", kRepetitionsMax));
    return value;
  }

  // least, most (what libllama multiplies out).
  std::pair<uint64_t, uint64_t> Repetition(bool nested) {
    const char c = Peek();
    ++at_;
    Space(nested);
    if (c == '*') return {0, 1};
    if (c == '+') return {1, 2};
    if (c == '?') return {0, 1};
    const uint64_t least = Number();
    uint64_t most = least;
    Space(nested);
    if (Peek() == ',') {
      ++at_;
      Space(nested);
      most = least + 1;
      if (Peek() != '}') {
        most = Number();
        if (most < least) Wrong("the second number of a repetition is less than the first");
      }
      Space(nested);
    }
    if (Peek() != '}') Wrong("a repetition is not closed");
    ++at_;
    Space(nested);
    return {least, most};
  }

  void Character() {
    if (Peek() != '\\') {
      do ++at_;
      while (!End() && (static_cast<unsigned char>(Peek()) & 0xC0) == 0x80);
      return;
    }
    const char kind = Peek(1);
    at_ += 2;
    const int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0) {
      if (std::string_view("trn\\\"[]-").find(kind) == std::string_view::npos || kind == '\0') {
        Wrong("an unknown escape");
      }
      return;
    }
    for (int i = 0; i < digits; ++i, ++at_) {
      if (!std::isxdigit(static_cast<unsigned char>(Peek())))
        return Wrong("a hexadecimal escape is cut short");
    }
  }

  uint64_t Literal() {
    uint64_t size = 0;
    ++at_;
    while (ok() && Peek() != '"') {
      if (End()) {
        Wrong("a literal is not closed");
        return size;
      }
      Character();
      ++size;
    }
    ++at_;
    return size;
  }

  uint64_t CharacterClass() {
    uint64_t size = 0;
    ++at_;
    if (Peek() == '^') ++at_;
    while (ok() && Peek() != ']') {
      if (End()) {
        Wrong("a character class is not closed");
        return size;
      }
      Character();
      ++size;
      if (Peek() == '-' && Peek(1) != ']') {
        ++at_;
        if (End()) Wrong("a character class is not closed");
        Character();
        ++size;
      }
    }
    if (size == 0) Wrong("a character class is empty");
    ++at_;
    return size;
  }

  // <[12]>: a token by id. By text (<think>) depends on the vocabulary and on what a client may
  // name, so it is not taken.
  void TokenName() {
    if (Peek() == '!') ++at_;
    if (Peek() != '<' || Peek(1) != '[') return Wrong("a token is written <[id]> with its number");
    at_ += 2;
    const size_t start = at_;
    while (Peek() >= '0' && Peek() <= '9') ++at_;
    if (at_ == start || at_ - start > 9) return Wrong("a token is written <[id]> with its number");
    if (Peek() != ']' || Peek(1) != '>') return Wrong("a token is written <[id]> with its number");
    at_ += 2;
  }

  // A rule that begins with itself. Where an empty rule stands in between, libllama finds it.
  Result<void> LeftRecursion() {
    enum State { kNew, kOpen, kDone };
    std::map<std::string, State> states;
    for (const auto& [start, unused] : defined_) {
      // An explicit stack: chains of rules may be long.
      std::vector<std::pair<std::string, size_t>> stack;
      if (states[start] == kNew) stack.push_back({start, 0});
      while (!stack.empty()) {
        auto& [name, next] = stack.back();
        states[name] = kOpen;
        const auto& references = defined_[name].references;
        while (next < references.size() && !references[next].leads) ++next;
        if (next == references.size()) {
          states[name] = kDone;
          stack.pop_back();
          continue;
        }
        const std::string& reference = references[next++].name;
        if (states[reference] == kOpen) {
          return Fail(Code::kInvalidArgument,
                      fmt::format("the grammar's rule {} begins with itself", reference), "grammar",
                      "grammar_invalid");
        }
        if (states[reference] == kNew) stack.push_back({reference, 0});
      }
    }
    return {};
  }

  struct Reference {
    std::string name;
    bool leads;
  };
  struct Definition {
    std::vector<Reference> references;
    bool nullable = false;
  };

  std::string_view text_;
  size_t at_ = 0;
  std::string error_;
  std::string rule_;
  int depth_ = 0;
  uint64_t elements_ = 0;
  uint64_t rules_ = 0;
  std::map<std::string, Definition> defined_;
  std::set<std::string> used_;
};

}  // namespace

Result<void> CheckGrammar(std::string_view gbnf) {
  if (gbnf.size() > kGrammarBytesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the grammar is over {} bytes", kGrammarBytesMax), "grammar",
                "grammar_invalid");
  }
  if (gbnf.find('\0') != std::string_view::npos || !IsValidUtf8(gbnf)) {
    return Fail(Code::kInvalidArgument, "the grammar is not valid UTF-8 text", "grammar",
                "grammar_invalid");
  }
  return Reader(gbnf).Read();
}

namespace {

// A pattern, or what describes a format, as the converter takes it. What nothing refers to was not
// checked.
void RewritePattern(common_json& node) {
  const auto text = [&](const char* key) {
    return node.contains(key) && node.at(key).is_string() ? node.at(key).get<std::string>() : "";
  };
  std::string pattern = text("pattern");
  if (!node.contains("pattern") && !node.contains("minLength") && !node.contains("maxLength")) {
    pattern = PatternOfFormat(text("format"));
  }
  const bool known = !pattern.empty() && PatternProblem(pattern).empty();
  if (known) node["pattern"] = common_json(PatternForJson(pattern));
}

}  // namespace

Result<std::string> GrammarFromSchema(std::string_view written, std::string_view param,
                                      SchemaUse use, SchemaWork* work) {
  const std::string schema = WithNullAsType(written);
  SchemaWork own;
  if (work == nullptr) work = &own;
  NumberRules numbers(*work);
  if (auto checked = CheckSchema(schema, param, use, numbers); !checked)
    return Fail(checked.error());
  std::string gbnf;
  try {
    common_json json = common_json::parse(schema);
    EachSchema(json, RewritePattern);
    numbers.PutInto(json);
    const auto document = ReadWithin(json, *work);
    // Parameters that nothing is said about are still those of an object.
    const bool any = document.root->kind() == common_chat_schema::KIND_ANY;
    if (any && use != SchemaUse::kAnswer) return JsonObjectGrammar();
    gbnf = build_grammar([&](const common_grammar_builder& builder) {
      numbers.Write(builder.add_rule);
      builder.add_schema("root", *document.root);
    });
  } catch (const SchemaTooMuch&) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("the schema takes over {} steps to turn into a grammar: it has too many "
                    "subschemas, optional properties in one object, patterns, or names "
                    "without ASCII letters, or an allOf that holds itself",
                    kSchemaStepsMax),
        std::string(param), "schema_unsupported");
  } catch (const std::exception&) {
    return Fail(Code::kInvalidArgument, "the schema cannot be turned into a grammar",
                std::string(param), "schema_unsupported");
  }
  if (auto checked = CheckGrammar(gbnf); !checked) {
    return Fail(Code::kInvalidArgument,
                "the schema makes too large a grammar: " + checked.error().message,
                std::string(param), "schema_unsupported");
  }
  return gbnf;
}

namespace {

// The converter would print such a pattern and take any string, or let characters out without the
// escape that JSON has for them.
bool IsUnknown(const std::string& pattern) {
  return !PatternProblem(pattern).empty() || PatternForJson(pattern) != pattern;
}

bool HoldsUnknownPattern(const common_json& node) {
  if (node.is_array()) {
    for (const auto& element : node) {
      if (HoldsUnknownPattern(element)) return true;
    }
    return false;
  }
  if (!node.is_object()) return false;
  for (const auto& [key, value] : node.items()) {
    const bool pattern = key == "pattern" && value.is_string();
    if (pattern ? IsUnknown(value.get<std::string>()) : HoldsUnknownPattern(value)) return true;
  }
  return false;
}

}  // namespace

bool HasGrammar(std::string_view schema, SchemaWork& work) {
  if (schema.size() > kSchemaBytesMax || JsonDepth(schema) > 3 * kSchemaDepthMax) return false;
  try {
    const common_json json = common_json::parse(WithNullAsType(schema));
    if (HoldsUnknownPattern(json)) return false;
    return CheckGrammar(json_schema_to_grammar(ReadWithin(json, work))).has_value();
  } catch (const std::exception&) {
    return false;
  }
}

std::string JsonObjectGrammar() {
  return R"(root ::= object
value ::= object | array | string | number | ("true" | "false" | "null")
object ::= "{" space ( string ":" space value ("," space string ":" space value)* )? space "}"
array ::= "[" space ( value ("," space value)* )? space "]"
string ::= "\"" ([^"\\\x7F\x00-\x1F] | [\\] (["\\bfnrt/] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ([0-9] | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?
space ::= | " " | "\n"{1,2} [ \t]{0,20}
)";
}

}  // namespace weir::llama
