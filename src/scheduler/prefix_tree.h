// Who holds which cells of the KV cache, and with which tokens: a radix tree of token runs over
// sequence ids.
//
// A node is a run of cells, one token each, at positions start .. start+size. A sequence is a path
// from a root to its tail node and holds every cell on it, so cells are shared exactly where paths
// are. The tree is of physical cells: two sequences that computed the same tokens apart have two
// sibling runs. Each root is one sharing Domain (tenant and group); nothing is ever found or shared
// across roots.
//
//   tenant 7 ── "You are a helpful assistant ..." ─┬─ "Fix this bug" + answer      seq 0 (pinned:
//   running)
//                                               └─ "Translate"   + answer      seq 3 (idle: cache)
//
// A sequence is pinned while a branch runs on it, idle afterwards. Idle sequences are the cache:
// they are found, shared and, when room is needed, trimmed from their tails or dropped, least
// recently used first (a hit counts as having been used later). An idle sequence that adds nothing
// to others is dropped at once, since it only costs an id.
//
// Every edit is also recorded as a SeqOp, to be applied to the real memory in order (TakeOps).
//
// Costs: Find, Share and Drop are linear in the tokens matched and the nodes of a path, Append in
// the tokens appended. One thread. It CHECKs its callers; it knows no limit but the number of ids:
// who may take how many cells is for them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "scheduler/plan.h"

namespace weir::scheduler {

// A sharing domain. Compared whole, never by a hash alone: a collision would hand one tenant's
// cells to another.
struct Domain {
  uint64_t tenant_salt = 0;
  uint32_t group = 0;
  bool operator==(const Domain&) const = default;
};

class PrefixTree {
 public:
  PrefixTree(int32_t seqs_max, Sharing sharing);

  struct Match {
    int32_t length = 0;  // tokens, from position 0
    Seq donor = kNoSeq;  // a sequence that holds them all
    bool donor_idle = false;
    bool whole = false;  // the donor holds nothing more
    int32_t idle_cells =
        0;  // of `length`: held by idle sequences alone, so they would become pinned
  };
  // The longest stored prefix of tokens[0, limit). With `canonical`, only cells that were appended
  // as canonical count. With Sharing::kWhole only a whole sequence does.
  Match Find(const Domain& domain, std::span<const Token> tokens, int32_t limit,
             bool canonical) const;

  bool has_free_seq() const { return !free_.empty(); }

  // A new pinned sequence that holds `match` (which may be empty), in one of the two ways there
  // are: with a free id by copying, or else, when the donor is idle, by taking the donor over and
  // removing what it has beyond the match. Taking over is also preferred where it loses nothing.
  // CHECKs that one of them is possible.
  Seq Open(const Domain& domain, const Match& match, MonotonicTime now);

  // Tokens that the model has computed at the end of `seq`.
  void Append(Seq seq, std::span<const Token> tokens, bool canonical);

  // Removes the cells from position `length` on. Not with Sharing::kWhole (CHECK), but for length 0
  // or the whole.
  void Trim(Seq seq, int32_t length);

  // The branch left: the first `keep` tokens stay as cache, the rest goes. `prompt` of them were
  // asked, the others are an answer. With Sharing::kWhole anything but the whole goes.
  void Retire(Seq seq, int32_t keep, int32_t prompt, MonotonicTime now);

  // Forgets the sequence; cells that others hold stay.
  void Drop(Seq seq);

  // Frees at least `cells` cells of idle sequences if there are so many; returns how many were
  // freed.
  int32_t Evict(int32_t cells);
  // Drops the least valuable idle sequence but `spare`; false if there is none.
  bool EvictSequence(Seq spare);

  // Called with each idle sequence before Evict and EvictSequence take cells from it. It may add
  // to ops(), and change nothing else.
  void OnEviction(std::function<void(Seq)> leaving) { leaving_ = std::move(leaving); }
  // Idle sequences, the least valuable first.
  std::vector<Seq> IdleByValue() const;
  // Of a sequence: all of its tokens, and where it belongs.
  std::vector<Token> Tokens(Seq seq) const;
  const Domain& domain(Seq seq) const { return nodes_[seqs_[Index(seq)].tail].domain; }
  // The recorded edits, for others to add theirs in the same order.
  std::vector<SeqOp>& ops() { return ops_; }

  int32_t length(Seq seq) const { return seqs_[Index(seq)].length; }
  // Of an idle sequence: how many of its tokens were a prompt.
  int32_t prompt(Seq seq) const { return std::min(seqs_[Index(seq)].prompt, length(seq)); }
  int32_t cells_used() const { return cells_used_; }
  int32_t cells_pinned() const {
    return cells_pinned_;
  }  // of those, on the path of a pinned sequence
  int32_t cells_idle() const { return cells_used_ - cells_pinned_; }
  int32_t seqs_used() const { return static_cast<int32_t>(seqs_.size() - free_.size()); }
  int32_t seqs_idle() const { return static_cast<int32_t>(idle_.size()); }
  bool RunsOn(Seq seq) const { return seqs_[Index(seq)].state == State::kPinned; }

  std::vector<SeqOp> TakeOps();

  // Recounts everything from scratch and CHECKs it against the books; for tests, linear in all
  // cells.
  void CheckInvariants() const;

 private:
  using NodeId = int32_t;
  static constexpr NodeId kNoNode = -1;
  enum class State : uint8_t { kFree, kPinned, kIdle };
  struct Node {
    std::vector<Token> tokens;  // empty for a root, and only there
    NodeId parent = kNoNode;
    Domain domain{};
    int32_t start = 0;
    int32_t refs = 0;  // sequences whose path has this node
    int32_t pins = 0;  // pinned ones among them
    int32_t hits = 0;
    bool canonical = true;
    MonotonicTime used{};
    std::vector<NodeId> children;
    std::vector<Seq> tails;  // sequences that end here
    int32_t size() const { return static_cast<int32_t>(tokens.size()); }
    int32_t end() const { return start + size(); }
  };
  struct Sequence {
    State state = State::kFree;
    NodeId tail = kNoNode;
    int32_t length = 0;
    int32_t prompt = 0;  // as it was when the sequence retired; tails may have been trimmed since
  };
  struct Deepest {
    int32_t length = 0;
    NodeId node = kNoNode;
  };

  size_t Index(Seq seq) const;
  NodeId NewNode();
  void FreeNode(NodeId id);
  NodeId Root(const Domain& domain);
  void Search(NodeId from, std::span<const Token> tokens, bool canonical, Deepest& best) const;
  Seq AnyHolder(NodeId node) const;
  NodeId SplitAt(NodeId node, int32_t length);
  void MergeIntoChild(NodeId node);
  void HoldPath(Seq seq, NodeId tail);
  NodeId LeaveNode(NodeId node, bool pinned);
  void LeaveFrom(Seq seq, int32_t length);
  void SetTail(Seq seq, NodeId tail);
  void ClearTail(Seq seq);
  void SetPinned(Seq seq, bool pinned);
  void DropRedundantAbove(NodeId node, Seq seq);
  bool StoredElsewhere(Seq seq) const;
  bool Covers(NodeId node, std::span<const Token> tokens, bool canonical) const;
  MonotonicTime Value(Seq seq) const;
  Seq LeastValuable(Seq spare) const;
  void EmitRemove(Seq seq, int32_t from);

  const bool whole_only_;
  std::vector<Node> nodes_;
  std::vector<NodeId> free_nodes_;
  struct DomainHash {
    size_t operator()(const Domain& domain) const {
      return std::hash<uint64_t>{}(domain.tenant_salt ^ (uint64_t{domain.group} << 32));
    }
  };
  std::unordered_map<Domain, NodeId, DomainHash> roots_;
  std::vector<Sequence> seqs_;
  std::vector<Seq> free_;
  std::vector<Seq> idle_;
  int32_t cells_used_ = 0;
  int32_t cells_pinned_ = 0;
  std::vector<SeqOp> ops_;
  std::function<void(Seq)> leaving_ = [](Seq) {};
};

}  // namespace weir::scheduler
