#include "scheduler/prefix_tree.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::scheduler {
namespace {

// A hit makes a run worth keeping as if it had been used so much later, up to kHitsCounted of them.
constexpr Duration kHitWorth = std::chrono::seconds(15);
constexpr int32_t kHitsCounted = 8;
// Trimming costs a scan of the cache, so it takes at least this many cells where they are.
constexpr int32_t kTrimCells = 64;

int32_t CommonPrefix(std::span<const Token> a, std::span<const Token> b) {
  const size_t n = std::min(a.size(), b.size());
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(n);
  return static_cast<int32_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

template <class T>
void EraseValue(std::vector<T>& values, T value) {
  const auto it = std::find(values.begin(), values.end(), value);
  CHECK(it != values.end(), "the value to erase is not there");
  *it = values.back();
  values.pop_back();
}

}  // namespace

PrefixTree::PrefixTree(int32_t seqs_max, Sharing sharing)
    : whole_only_(sharing == Sharing::kWhole), seqs_(static_cast<size_t>(seqs_max)) {
  for (Seq seq = seqs_max - 1; seq >= 0; --seq) free_.push_back(seq);
}

size_t PrefixTree::Index(Seq seq) const {
  CHECK(seq >= 0 && static_cast<size_t>(seq) < seqs_.size(), "no such sequence");
  return static_cast<size_t>(seq);
}

// Nodes.

PrefixTree::NodeId PrefixTree::NewNode() {
  if (!free_nodes_.empty()) {
    const NodeId id = free_nodes_.back();
    free_nodes_.pop_back();
    return id;
  }
  nodes_.emplace_back();
  return static_cast<NodeId>(nodes_.size() - 1);
}

void PrefixTree::FreeNode(NodeId id) {
  nodes_[id] = Node{};
  free_nodes_.push_back(id);
}

PrefixTree::NodeId PrefixTree::Root(const Domain& domain) {
  const auto it = roots_.find(domain);
  if (it != roots_.end()) return it->second;
  const NodeId id = NewNode();
  nodes_[id].domain = domain;
  roots_.emplace(domain, id);
  return id;
}

// Cuts `node` at the absolute position `length`. The lower part keeps the id, since tails point to
// it.
PrefixTree::NodeId PrefixTree::SplitAt(NodeId lower, int32_t length) {
  const NodeId upper = NewNode();  // may move nodes_
  Node& low = nodes_[lower];
  Node& up = nodes_[upper];
  CHECK(length > low.start && length < low.end(), "a split leaves no empty run");
  const auto cut = low.tokens.begin() + (length - low.start);
  up.tokens.assign(low.tokens.begin(), cut);
  low.tokens.erase(low.tokens.begin(), cut);
  up.parent = low.parent;
  up.domain = low.domain;
  up.start = low.start;
  up.refs = low.refs;
  up.pins = low.pins;
  up.hits = low.hits;
  up.canonical = low.canonical;
  up.used = low.used;
  up.children = {lower};
  std::replace(nodes_[up.parent].children.begin(), nodes_[up.parent].children.end(), lower, upper);
  low.start = length;
  low.parent = upper;
  return upper;
}

// Undoes a split that nobody needs any more, so that the tree has at most two nodes for each
// sequence.
void PrefixTree::MergeIntoChild(NodeId id) {
  Node& node = nodes_[id];
  if (node.parent == kNoNode || node.children.size() != 1 || !node.tails.empty()) return;
  const NodeId child_id = node.children.front();
  Node& child = nodes_[child_id];
  if (child.canonical != node.canonical) return;
  CHECK(child.refs == node.refs && child.pins == node.pins,
        "an only child holds its parent's sequences");
  child.tokens.insert(child.tokens.begin(), node.tokens.begin(), node.tokens.end());
  child.start = node.start;
  child.parent = node.parent;
  child.used = std::max(child.used, node.used);
  child.hits = std::max(child.hits, node.hits);
  std::replace(nodes_[node.parent].children.begin(), nodes_[node.parent].children.end(), id,
               child_id);
  FreeNode(id);
}

// Paths.

void PrefixTree::SetTail(Seq seq, NodeId tail) {
  seqs_[Index(seq)].tail = tail;
  nodes_[tail].tails.push_back(seq);
}

void PrefixTree::ClearTail(Seq seq) {
  Sequence& s = seqs_[Index(seq)];
  EraseValue(nodes_[s.tail].tails, seq);
  s.tail = kNoNode;
}

// A pinned sequence takes hold of every cell from the root to the end of `tail`.
void PrefixTree::HoldPath(Seq seq, NodeId tail) {
  SetTail(seq, tail);
  seqs_[Index(seq)].length = nodes_[tail].end();
  for (NodeId id = tail; id != kNoNode; id = nodes_[id].parent) {
    Node& node = nodes_[id];
    ++node.refs;
    if (++node.pins == 1) cells_pinned_ += node.size();
  }
}

// One sequence leaves one node; returns the parent. The node goes with its last sequence.
PrefixTree::NodeId PrefixTree::LeaveNode(NodeId id, bool pinned) {
  Node& node = nodes_[id];
  const NodeId parent = node.parent;
  if (pinned && --node.pins == 0) cells_pinned_ -= node.size();
  if (--node.refs > 0) return parent;
  CHECK(node.children.empty() && node.tails.empty(), "cells without a holder have no descendants");
  cells_used_ -= node.size();
  if (parent == kNoNode) {
    roots_.erase(node.domain);
  } else {
    EraseValue(nodes_[parent].children, id);
  }
  FreeNode(id);
  return parent;
}

// `seq` gives up its cells from position `length` on; at length 0 it keeps only its root.
void PrefixTree::LeaveFrom(Seq seq, int32_t length) {
  Sequence& s = seqs_[Index(seq)];
  const bool pinned = s.state == State::kPinned;
  NodeId tail = s.tail;
  NodeId left =
      kNoNode;  // the lowest node that was left and lives on: it may have become a mere link
  ClearTail(seq);
  while (nodes_[tail].start >= length && nodes_[tail].parent != kNoNode) {
    const bool lives_on = nodes_[tail].refs > 1;
    if (lives_on && left == kNoNode) left = tail;
    tail = LeaveNode(tail, pinned);
  }
  Node& node = nodes_[tail];
  if (node.end() > length && node.refs == 1) {
    const int32_t cut = node.end() - length;
    node.tokens.resize(node.tokens.size() - static_cast<size_t>(cut));
    cells_used_ -= cut;
    if (pinned) cells_pinned_ -= cut;
  } else if (node.end() > length) {
    const NodeId upper = SplitAt(tail, length);
    LeaveNode(tail, pinned);
    if (left == kNoNode) left = tail;
    tail = upper;
  }
  SetTail(seq, tail);
  s.length = length;
  if (left != kNoNode) MergeIntoChild(left);
}

void PrefixTree::SetPinned(Seq seq, bool pinned) {
  Sequence& s = seqs_[Index(seq)];
  CHECK((s.state == State::kPinned) != pinned, "already so");
  s.state = pinned ? State::kPinned : State::kIdle;
  if (pinned) {
    EraseValue(idle_, seq);
  } else {
    idle_.push_back(seq);
  }
  for (NodeId id = s.tail; id != kNoNode; id = nodes_[id].parent) {
    Node& node = nodes_[id];
    if (pinned && ++node.pins == 1) cells_pinned_ += node.size();
    if (!pinned && --node.pins == 0) cells_pinned_ -= node.size();
  }
}

// Looking.

void PrefixTree::Search(NodeId from, std::span<const Token> tokens, bool canonical,
                        Deepest& best) const {
  for (const NodeId id : nodes_[from].children) {
    const Node& node = nodes_[id];
    if (canonical && !node.canonical) continue;
    const std::span<const Token> rest = tokens.subspan(static_cast<size_t>(node.start));
    const int32_t common = CommonPrefix(node.tokens, rest);
    if (common == 0) continue;
    const int32_t length = node.start + common;
    const bool at_end = common == node.size();
    const bool usable = !whole_only_ || (at_end && !node.tails.empty());
    const bool longer = length > best.length;
    const bool as_long_and_pinned = length == best.length && best.node != kNoNode &&
                                    node.pins > 0 && nodes_[best.node].pins == 0;
    if (usable && (longer || as_long_and_pinned)) best = {length, id};
    if (at_end) Search(id, tokens, canonical, best);
  }
}

// Leaves are always tails, so going down any way arrives at one.
Seq PrefixTree::AnyHolder(NodeId id) const {
  while (nodes_[id].tails.empty()) {
    CHECK(!nodes_[id].children.empty(), "a leaf has a tail");
    id = nodes_[id].children.front();
  }
  return nodes_[id].tails.front();
}

PrefixTree::Match PrefixTree::Find(const Domain& domain, std::span<const Token> tokens,
                                   int32_t limit, bool canonical) const {
  const auto root = roots_.find(domain);
  if (root == roots_.end() || limit <= 0) return {};
  Deepest best;
  Search(root->second, tokens.first(static_cast<size_t>(limit)), canonical, best);
  if (best.node == kNoNode) return {};
  Match match;
  match.length = best.length;
  match.donor = AnyHolder(best.node);
  const Sequence& donor = seqs_[Index(match.donor)];
  match.donor_idle = donor.state == State::kIdle;
  match.whole = donor.length == best.length;
  for (NodeId id = best.node; id != kNoNode; id = nodes_[id].parent) {
    const Node& node = nodes_[id];
    if (node.pins == 0) match.idle_cells += std::min(node.end(), best.length) - node.start;
  }
  return match;
}

// Sequences.

Seq PrefixTree::Open(const Domain& domain, const Match& match, MonotonicTime now) {
  const bool take_over = match.donor_idle && ((match.whole && !whole_only_) || free_.empty());
  Seq seq = match.donor;
  if (take_over) {
    SetPinned(seq, true);
    if (!match.whole) Trim(seq, match.length);
  } else {
    CHECK(!free_.empty(), "no free sequence id");
    seq = free_.back();
    free_.pop_back();
    seqs_[Index(seq)].state = State::kPinned;
    NodeId tail = Root(domain);
    if (match.length > 0) {
      tail = seqs_[Index(match.donor)].tail;
      while (nodes_[tail].start >= match.length) tail = nodes_[tail].parent;
      if (nodes_[tail].end() > match.length) tail = SplitAt(tail, match.length);
      const int32_t to = whole_only_ ? -1 : match.length;
      ops_.push_back({SeqOp::Kind::kCopy, seq, match.donor, 0, to});
    }
    HoldPath(seq, tail);
  }
  for (NodeId id = seqs_[Index(seq)].tail; id != kNoNode; id = nodes_[id].parent) {
    nodes_[id].used = now;
    if (nodes_[id].hits < kHitsCounted) ++nodes_[id].hits;
  }
  if (!whole_only_) DropRedundantAbove(seqs_[Index(seq)].tail, seq);
  return seq;
}

void PrefixTree::Append(Seq seq, std::span<const Token> tokens, bool canonical) {
  if (tokens.empty()) return;
  Sequence& s = seqs_[Index(seq)];
  CHECK(s.state == State::kPinned, "only a running sequence grows");
  const Node& tail = nodes_[s.tail];
  const bool own =
      tail.parent != kNoNode && tail.refs == 1;  // a lone holder that ends here: no children
  if (!own || tail.canonical != canonical) {
    const NodeId child = NewNode();  // may move nodes_
    const NodeId parent = s.tail;
    ClearTail(seq);
    Node& node = nodes_[child];
    node.parent = parent;
    node.domain = nodes_[parent].domain;
    node.start = s.length;
    node.refs = 1;
    node.pins = 1;
    node.canonical = canonical;
    node.used = nodes_[parent].used;
    nodes_[parent].children.push_back(child);
    SetTail(seq, child);
  }
  Node& node = nodes_[s.tail];
  node.tokens.insert(node.tokens.end(), tokens.begin(), tokens.end());
  const auto count = static_cast<int32_t>(tokens.size());
  s.length += count;
  cells_used_ += count;
  cells_pinned_ += count;
}

void PrefixTree::EmitRemove(Seq seq, int32_t from) {
  ops_.push_back({SeqOp::Kind::kRemove, seq, kNoSeq, from, -1});
}

void PrefixTree::Trim(Seq seq, int32_t length) {
  const Sequence& s = seqs_[Index(seq)];
  CHECK(length >= 0 && length <= s.length, "trim only shortens");
  if (length == s.length) return;
  CHECK(!whole_only_ || length == 0, "this memory removes whole sequences only");
  EmitRemove(seq, length);
  LeaveFrom(seq, length);
}

void PrefixTree::Drop(Seq seq) {
  Sequence& s = seqs_[Index(seq)];
  CHECK(s.state != State::kFree, "the sequence is free already");
  EmitRemove(seq, 0);
  if (s.state == State::kIdle) EraseValue(idle_, seq);
  const bool pinned = s.state == State::kPinned;
  const NodeId tail = s.tail;
  ClearTail(seq);
  NodeId kept = kNoNode;
  for (NodeId id = tail; id != kNoNode;) {
    const bool last = nodes_[id].refs == 1;
    const NodeId parent = LeaveNode(id, pinned);
    if (!last && kept == kNoNode) kept = id;
    id = parent;
  }
  if (kept != kNoNode) MergeIntoChild(kept);
  s = Sequence{};
  free_.push_back(seq);
}

void PrefixTree::Retire(Seq seq, int32_t keep, int32_t prompt, MonotonicTime now) {
  Sequence& s = seqs_[Index(seq)];
  CHECK(s.state == State::kPinned, "only a running sequence retires");
  if (keep <= 0 || s.length == 0 || (whole_only_ && keep < s.length)) return Drop(seq);
  if (keep < s.length) Trim(seq, keep);
  if (StoredElsewhere(seq)) return Drop(seq);
  s.prompt = prompt;
  SetPinned(seq, false);
  nodes_[s.tail].used = now;
}

// Others hold all of its cells, or hold the same tokens in cells of their own. What cannot be cut
// is found whole only, and one that runs will end elsewhere.
bool PrefixTree::StoredElsewhere(Seq seq) const {
  const Sequence& s = seqs_[Index(seq)];
  const Node& tail = nodes_[s.tail];
  if (whole_only_) {
    return std::ranges::any_of(tail.tails, [&](Seq other) {
      return other != seq && seqs_[Index(other)].state == State::kIdle;
    });
  }
  if (tail.refs > 1) return true;
  for (const NodeId id : nodes_[tail.parent].children) {
    if (id != s.tail && Covers(id, tail.tokens, tail.canonical)) return true;
  }
  return false;
}

bool PrefixTree::Covers(NodeId id, std::span<const Token> tokens, bool canonical) const {
  const Node& node = nodes_[id];
  if (canonical && !node.canonical) return false;
  const int32_t common = CommonPrefix(node.tokens, tokens);
  if (static_cast<size_t>(common) == tokens.size()) return true;
  if (common < node.size()) return false;
  const std::span<const Token> rest = tokens.subspan(static_cast<size_t>(common));
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](NodeId child) { return Covers(child, rest, canonical); });
}

// `seq` now holds everything from `node` up: idle sequences that end there add nothing.
void PrefixTree::DropRedundantAbove(NodeId node, Seq seq) {
  std::vector<Seq> redundant;
  for (NodeId id = node; id != kNoNode; id = nodes_[id].parent) {
    for (const Seq tail : nodes_[id].tails) {
      if (tail != seq && seqs_[Index(tail)].state == State::kIdle) redundant.push_back(tail);
    }
  }
  for (const Seq tail : redundant) Drop(tail);
}

// Room.

MonotonicTime PrefixTree::Value(Seq seq) const {
  const Node& tail = nodes_[seqs_[Index(seq)].tail];
  return tail.used + kHitWorth * tail.hits;
}

std::vector<Seq> PrefixTree::IdleByValue() const {
  std::vector<Seq> order = idle_;
  std::ranges::sort(order, {}, [&](Seq seq) { return std::pair(Value(seq), seq); });
  return order;
}

std::vector<Token> PrefixTree::Tokens(Seq seq) const {
  const Sequence& s = seqs_[Index(seq)];
  std::vector<Token> tokens(static_cast<size_t>(s.length));
  for (NodeId id = s.tail; id != kNoNode; id = nodes_[id].parent) {
    std::ranges::copy(nodes_[id].tokens, tokens.begin() + nodes_[id].start);
  }
  return tokens;
}

Seq PrefixTree::LeastValuable(Seq spare) const {
  Seq worst = kNoSeq;
  MonotonicTime worst_value = MonotonicTime::max();
  for (const Seq seq : idle_) {
    const MonotonicTime value = Value(seq);
    if (seq == spare || (worst != kNoSeq && value >= worst_value)) continue;
    worst = seq;
    worst_value = value;
  }
  return worst;
}

int32_t PrefixTree::Evict(int32_t cells) {
  const int32_t before = cells_used_;
  while (before - cells_used_ < cells) {
    const Seq seq = LeastValuable(kNoSeq);
    if (seq == kNoSeq) break;
    leaving_(seq);
    const Sequence& s = seqs_[Index(seq)];
    const Node& tail = nodes_[s.tail];
    const int32_t missing = cells - (before - cells_used_);
    const int32_t cut = std::min(tail.size(), std::max(missing, kTrimCells));
    if (whole_only_ || tail.refs > 1 || cut >= s.length) {
      Drop(seq);
      continue;
    }
    Trim(seq, s.length - cut);
    if (nodes_[s.tail].refs > 1) Drop(seq);
  }
  return before - cells_used_;
}

bool PrefixTree::EvictSequence(Seq spare) {
  const Seq seq = LeastValuable(spare);
  if (seq == kNoSeq) return false;
  leaving_(seq);
  Drop(seq);
  return true;
}

std::vector<SeqOp> PrefixTree::TakeOps() { return std::exchange(ops_, {}); }

void PrefixTree::CheckInvariants() const {
  std::vector<int32_t> refs(nodes_.size()), pins(nodes_.size());
  for (size_t i = 0; i < seqs_.size(); ++i) {
    const Sequence& s = seqs_[i];
    if (s.state == State::kFree) continue;
    CHECK(nodes_[s.tail].end() == s.length, "a sequence ends with its tail");
    for (NodeId id = s.tail; id != kNoNode; id = nodes_[id].parent) {
      ++refs[id];
      if (s.state == State::kPinned) ++pins[id];
    }
  }
  int32_t used = 0, pinned = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    CHECK(node.refs == refs[i] && node.pins == pins[i], "the holders are counted");
    used += node.size();
    if (node.pins > 0) pinned += node.size();
    for (const NodeId child : node.children) {
      CHECK(nodes_[child].parent == static_cast<NodeId>(i), "a child knows its parent");
      CHECK(nodes_[child].start == node.end(), "a child follows its parent");
      CHECK(nodes_[child].size() > 0, "a run has a token");
    }
  }
  CHECK(used == cells_used_ && pinned == cells_pinned_, "the cells are counted");
  CHECK(nodes_.size() - free_nodes_.size() <= 3 * seqs_.size() + roots_.size(),
        "the tree stays as small as its sequences");
}

}  // namespace weir::scheduler
