#include "llama/grammar_gate.h"

#include <llama.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <regex>

#include "base/check.h"

namespace weir::llama {
namespace {

std::unexpected<Error> Dead() {
  return Fail(Code::kUnprocessable, "the grammar of this answer allows no way on", {},
              "grammar_dead_end");
}

}  // namespace

struct GrammarGate::Patterns {
  struct Pattern {
    std::regex regex;
    bool anchored;
  };
  std::vector<Pattern> list;
};

Result<std::unique_ptr<GrammarGate>> GrammarGate::Create(const Vocabulary& vocabulary,
                                                         const Grammar& grammar) {
  if (!grammar.trusted) {
    if (auto checked = CheckGrammar(grammar.gbnf); !checked) return Fail(checked.error());
  }
  std::unique_ptr<GrammarGate> gate(
      new GrammarGate(vocabulary, std::make_shared<Grammar>(grammar)));
  auto patterns = std::make_shared<Patterns>();
  try {
    for (const GrammarTrigger& trigger : grammar.triggers) {
      if (trigger.kind == GrammarTrigger::Kind::kPattern) {
        patterns->list.push_back(
            {std::regex(trigger.value), !trigger.value.empty() && trigger.value.front() == '^'});
      } else if (trigger.kind == GrammarTrigger::Kind::kPatternFull) {
        patterns->list.push_back({std::regex("^(?:" + trigger.value + ")$"), true});
      }
    }
  } catch (const std::regex_error&) {
    return Fail(Code::kInternal, "a grammar trigger is no regular expression");
  }
  gate->patterns_ = std::move(patterns);
  gate->ending_thought_ = !grammar.starts_after.empty();
  if (!grammar.lazy && !gate->ending_thought_) {
    if (auto started = gate->Start(); !started) return Fail(started.error());
  }
  return gate;
}

GrammarGate::GrammarGate(const Vocabulary& vocabulary, std::shared_ptr<const Grammar> grammar)
    : vocabulary_(vocabulary), grammar_(std::move(grammar)) {}

GrammarGate::~GrammarGate() {
  if (running_ != nullptr) llama_sampler_free(running_);
}

std::unique_ptr<GrammarGate> GrammarGate::Clone() const {
  std::unique_ptr<GrammarGate> gate(new GrammarGate(vocabulary_, grammar_));
  gate->patterns_ = patterns_;
  gate->failed_ = failed_;
  gate->ending_thought_ = ending_thought_;
  gate->window_ = window_;
  gate->window_cut_ = window_cut_;
  gate->seen_ = seen_;
  if (running_ != nullptr) gate->running_ = llama_sampler_clone(running_);
  return gate;
}

Result<void> GrammarGate::Start() {
  try {
    running_ = llama_sampler_init_grammar(vocabulary_.raw(), grammar_->gbnf.c_str(), "root");
  } catch (const std::exception&) {
    running_ = nullptr;
  }
  if (running_ == nullptr) {
    failed_ = true;
    return Fail(Code::kInvalidArgument, "the grammar does not parse for this model");
  }
  if (grammar_->prefill.empty()) return {};
  auto tokens = vocabulary_.Tokenize(grammar_->prefill, /*parse_special=*/true,
                                     /*add_special=*/false);
  if (!tokens) return Fail(tokens.error());
  for (size_t i = 0; i < tokens->size(); ++i) {
    // Some vocabularies put a space in front of a text; the grammar knows nothing of it.
    const std::string piece = vocabulary_.Piece((*tokens)[i], /*special=*/true);
    if (i == 0 && !piece.empty() && piece.front() == ' ' && grammar_->prefill.front() != ' ')
      continue;
    if (auto fed = Feed((*tokens)[i]); !fed) return fed;
  }
  return {};
}

// The grammar begins in the middle of a token: libllama's lazy grammar can do that, with a trigger
// that skips so many bytes of the first token it is given.
Result<void> GrammarGate::StartAt(size_t offset) {
  size_t start = 0;
  while (!seen_.empty() && start + seen_.front().bytes <= offset) {
    start += seen_.front().bytes;
    seen_.pop_front();
  }
  if (seen_.empty()) return Start();
  const std::string pattern = "^[\\s\\S]{" + std::to_string(offset - start) + "}([\\s\\S]+)$";
  const char* patterns[] = {pattern.c_str()};
  try {
    running_ = llama_sampler_init_grammar_lazy_patterns(vocabulary_.raw(), grammar_->gbnf.c_str(),
                                                        "root", patterns, 1, nullptr, 0);
    if (running_ == nullptr) {
      failed_ = true;
      return Dead();
    }
    // The first must trigger; it is accepted by its text, so that no check may come before.
    llama_sampler_accept(running_, seen_.front().token);
  } catch (const std::exception&) {
    failed_ = true;
    return Dead();
  }
  seen_.pop_front();
  while (!seen_.empty()) {
    const Token token = seen_.front().token;
    seen_.pop_front();
    if (auto fed = Feed(token); !fed) return fed;
  }
  window_.clear();
  return {};
}

bool GrammarGate::Allows(Token token) {
  std::vector<bool> allowed;
  Allowed(std::span(&token, 1), allowed);
  return allowed.front();
}

void GrammarGate::Allowed(std::span<const Token> tokens, std::vector<bool>& allowed) {
  allowed.assign(tokens.size(), true);
  if (failed_) {
    allowed.assign(tokens.size(), false);
    return;
  }
  if (running_ == nullptr) return;
  std::vector<llama_token_data> data;
  data.reserve(tokens.size());
  for (const Token token : tokens) data.push_back({token, 0.0f, 0.0f});
  llama_token_data_array array = {data.data(), data.size(), -1, false};
  try {
    llama_sampler_apply(running_, &array);
  } catch (const std::exception&) {
    failed_ = true;
    allowed.assign(tokens.size(), false);
    return;
  }
  for (size_t i = 0; i < data.size(); ++i) allowed[i] = data[i].logit == 0.0f;
}

Result<void> GrammarGate::Accept(Token token) {
  if (failed_) return Dead();
  return running_ != nullptr ? Feed(token) : Watch(token);
}

// An end token that the grammar does not expect makes libllama abort, so it is asked first.
Result<void> GrammarGate::Feed(Token token) {
  if (!Allows(token)) {
    failed_ = true;
    return Dead();
  }
  try {
    llama_sampler_accept(running_, token);
  } catch (const std::exception&) {
    failed_ = true;
    return Dead();
  }
  return {};
}

Result<void> GrammarGate::Watch(Token token) {
  if (vocabulary_.EndsGeneration(token)) return {};
  for (const GrammarTrigger& trigger : grammar_->triggers) {
    if (trigger.kind == GrammarTrigger::Kind::kToken && trigger.token == token &&
        !ending_thought_) {
      if (auto started = Start(); !started) return started;
      return Feed(token);
    }
  }
  const std::string piece = vocabulary_.Piece(token, /*special=*/true);
  window_ += piece;
  seen_.push_back({token, piece.size()});
  while (window_.size() > kTriggerWindowBytes && seen_.size() > 1) {
    window_.erase(0, seen_.front().bytes);
    seen_.pop_front();
    window_cut_ = true;
  }
  if (ending_thought_) {
    const size_t at = window_.find(grammar_->starts_after);
    if (at == std::string::npos) return {};
    ending_thought_ = false;
    // What stands before the end of the thought triggers nothing.
    const size_t end = at + grammar_->starts_after.size();
    if (!grammar_->lazy) {
      const bool whole =
          end == window_.size() || window_.find_first_not_of(" \n\r\t", end) == std::string::npos;
      return whole ? Start() : StartAt(end);
    }
    window_.clear();
    seen_.clear();
    return {};
  }
  const size_t at = FindTrigger(piece.size());
  return at == std::string::npos ? Result<void>{} : StartAt(at);
}

size_t GrammarGate::FindTrigger(size_t fresh) const {
  size_t first = std::string::npos;
  for (const GrammarTrigger& trigger : grammar_->triggers) {
    if (trigger.kind != GrammarTrigger::Kind::kWord || trigger.value.empty()) continue;
    const size_t reach = fresh + trigger.value.size();
    const size_t from = window_.size() > reach ? window_.size() - reach : 0;
    first = std::min(first, window_.find(trigger.value, from));
  }
  for (const Patterns::Pattern& pattern : patterns_->list) {
    if (pattern.anchored && window_cut_) continue;
    std::smatch match;
    if (!std::regex_search(window_, match, pattern.regex)) continue;
    size_t at = static_cast<size_t>(match.position(0));
    for (size_t group = 1; group < match.size(); ++group) {
      if (match[group].matched && match[group].length() > 0) {
        at = static_cast<size_t>(match.position(group));
        break;
      }
    }
    first = std::min(first, at);
  }
  return first;
}

}  // namespace weir::llama
