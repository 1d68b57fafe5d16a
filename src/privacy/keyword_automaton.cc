#include "privacy/keyword_automaton.h"

#include "base/check.h"
#include "privacy/characters.h"

namespace weir::privacy {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

struct Trie {
  std::vector<uint32_t> child = {};                 // [state * classes + class], kNone: no child
  std::vector<std::vector<uint32_t>> words = {{}};  // that end in each state
};

}  // namespace

KeywordAutomaton::KeywordAutomaton(const std::vector<std::string>& words) {
  size_t bytes = 0;
  for (const std::string& word : words) {
    CHECK(!word.empty(), "a keyword has a character");
    bytes += word.size();
    for (const char c : word) {
      uint8_t& of = class_of_[static_cast<uint8_t>(Lower(c))];
      if (of == 0) of = static_cast<uint8_t>(class_count_++);
      class_of_[static_cast<uint8_t>(Upper(c))] = of;
    }
  }
  CHECK(bytes <= kBytesMax, "the keywords are bounded by whoever reads them");

  Trie trie;
  trie.child.assign(class_count_, kNone);
  for (uint32_t i = 0; i < words.size(); ++i) {
    uint32_t state = 0;
    for (const char c : words[i]) {
      const size_t at = size_t{state} * class_count_ + class_of_[static_cast<uint8_t>(c)];
      if (trie.child[at] == kNone) {
        trie.child[at] = static_cast<uint32_t>(trie.words.size());
        trie.words.emplace_back();
        trie.child.resize(trie.words.size() * class_count_, kNone);
      }
      state = trie.child[at];
    }
    trie.words[state].push_back(i);
  }

  // Breadth first: a state's failure state is nearer to the root, so it is complete already.
  const size_t states = trie.words.size();
  next_.assign(states * class_count_, 0);
  std::vector<uint32_t> failure(states, 0);
  std::vector<uint32_t> order = {0};
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t state = order[i];
    for (uint32_t c = 0; c < class_count_; ++c) {
      const uint32_t child = trie.child[size_t{state} * class_count_ + c];
      const uint32_t otherwise = state == 0 ? 0 : next_[size_t{failure[state]} * class_count_ + c];
      if (child == kNone) {
        next_[size_t{state} * class_count_ + c] = otherwise;
        continue;
      }
      failure[child] = otherwise;
      next_[size_t{state} * class_count_ + c] = child;
      const auto& shorter = trie.words[otherwise];
      trie.words[child].insert(trie.words[child].end(), shorter.begin(), shorter.end());
      order.push_back(child);
    }
  }
  for (const std::vector<uint32_t>& ends : trie.words) {
    accept_at_.push_back(static_cast<uint32_t>(accepted_.size()));
    for (const uint32_t word : ends) {
      accepted_.push_back({word, static_cast<uint32_t>(words[word].size())});
    }
  }
  accept_at_.push_back(static_cast<uint32_t>(accepted_.size()));
  for (uint32_t& to : next_) {
    to = to * class_count_ | (trie.words[to].empty() ? 0 : kAccepts);
  }
}

bool KeywordAutomaton::Find(std::string_view text, size_t hits_max,
                            std::vector<KeywordHit>& hits) const {
  uint32_t state = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    state = next_[(state & ~kAccepts) + class_of_[static_cast<uint8_t>(text[i])]];
    if ((state & kAccepts) == 0) [[likely]]
      continue;
    const uint32_t index = (state & ~kAccepts) / class_count_;
    for (uint32_t a = accept_at_[index]; a < accept_at_[index + 1]; ++a) {
      if (hits.size() >= hits_max) return false;
      const auto end = static_cast<uint32_t>(i + 1);
      hits.push_back({end - accepted_[a].length, end, accepted_[a].keyword});
    }
  }
  return true;
}

}  // namespace weir::privacy
