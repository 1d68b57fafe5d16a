// What constrains an answer: a GBNF grammar and when it starts to apply. Checks and conversions;
// the Sampler enforces it.
//
// Threads: all functions are pure and safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llama/schema_check.h"

namespace weir::llama {

struct SchemaWork;

// Bounds on a grammar, whoever wrote it. Over any of them: kInvalidArgument that names the bound.
inline constexpr size_t kGrammarBytesMax = 1 << 20;
inline constexpr int kGrammarRulesMax = 20'000;      // groups and repetitions count, too
inline constexpr int kGrammarNestingMax = 64;        // of parentheses in a rule
inline constexpr int kGrammarElementsMax = 200'000;  // repetitions multiplied out

struct GrammarTrigger {
  enum class Kind : uint8_t { kWord, kPattern, kPatternFull, kToken };
  Kind kind = Kind::kWord;
  std::string value = {};  // kWord: text; patterns: ECMAScript regular expression
  int32_t token = -1;

  bool operator==(const GrammarTrigger&) const = default;
};

struct Grammar {
  std::string gbnf = {};
  // Lazy: free text until a trigger appears in the answer; the grammar applies from there on.
  bool lazy = false;
  std::vector<GrammarTrigger> triggers = {};
  // Made by llama-common from a chat template, not by a client: CheckGrammar does not apply.
  bool trusted = false;
  // What the prompt already holds of the text that the grammar describes (the opening of the
  // assistant's turn, for grammars that came from a chat template).
  std::string prefill = {};
  // Where reasoning may come first: the grammar waits until one of these texts has ended it.
  std::string starts_after = {};
};

// Syntax as libllama's parser has it, undefined rules, direct left recursion, bounds; tokens by
// number only (<[12]>).
Result<void> CheckGrammar(std::string_view gbnf);

// JSON Schema to GBNF: CheckSchema (schema_check.h) first, then llama-common's converter, then
// CheckGrammar. `param` names the field in errors ("response_format.json_schema.schema"). Schemas
// that are given the same `work` share its bound (schema_work.h).
Result<std::string> GrammarFromSchema(std::string_view schema, std::string_view param,
                                      SchemaUse use = SchemaUse::kAnswer,
                                      SchemaWork* work = nullptr);
// Whether the converter makes a grammar of it that libllama takes, whatever it leaves out.
bool HasGrammar(std::string_view schema, SchemaWork& work);
// Any JSON object.
std::string JsonObjectGrammar();

}  // namespace weir::llama
