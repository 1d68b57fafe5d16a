// The state behind Scheduler. Its calls are in scheduler.cc, admission.cc (who may start, who has
// to make room), step.cc (rows of a step, what became of them) and draft.cc (rows on a guess).
// Internal to this folder.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "scheduler/branch.h"
#include "scheduler/budget.h"
#include "scheduler/fair_share.h"
#include "scheduler/host_tier.h"
#include "scheduler/prefix_tree.h"
#include "scheduler/scheduler.h"

namespace weir::scheduler {

class Scheduler::Impl {
 public:
  explicit Impl(const Options& options);

  Result<void> Submit(Submission submission, MonotonicTime now);
  void Cancel(RequestId id);
  void SetPaused(RequestId id, bool paused);
  Plan Next(MonotonicTime now);
  void Saved(Slot slot, uint64_t bytes);
  void Restored(Slot slot, Seq seq, bool ok);
  void Decoded(const StepOutcome& outcome, Duration cost);
  void Sampled(RequestId id, int32_t index, Token token);
  void Finished(RequestId id, int32_t index);
  std::vector<Event> TakeEvents();
  Stats stats() const;

 private:
  // A run of tokens of one branch in the step that is under way.
  struct Slice {
    Branch* branch = nullptr;
    int32_t count = 0;
    bool decode = false;
    bool canonical = false;
    std::vector<Token> draft = {};  // behind them
    int32_t rows() const { return count + static_cast<int32_t>(draft.size()); }
  };
  // A kRestore that the engine has not answered.
  struct Restore {
    Branch* branch = nullptr;  // null: it lost its place meanwhile
    Seq seq = kNoSeq;
    Slot slot = kNoSlot;
    int32_t length = 0;
  };
  enum class Admission : uint8_t { kAdmitted, kHeld, kBlocked };

  // scheduler.cc
  Result<void> Validate(const Submission& submission);
  Error Refusal(Code code, const char* limit_name, int32_t limit, int32_t ahead);
  Branch* Find(RequestId id, int32_t index);
  void End(Branch& branch);
  void EndWithEvent(Branch& branch, EndReason reason);
  void LeaveQueue(Request& request);
  int32_t room_max() const;  // tokens of one branch
  int32_t Class(const Request& request) const;
  static constexpr int32_t kOverdue = -1;  // before all classes
  bool IsOverdue(const Request& request) const {
    return now_ - request.arrival >= options_.overdue;
  }

  // admission.cc
  void Admit();
  std::vector<Branch*> Candidates(uint64_t round);
  void ReckonOwed();
  bool AdmitFirst(const std::vector<Branch*>& candidates, std::vector<Branch*>& blocked);
  Admission TryAdmit(Branch& branch);
  PrefixTree::Match FindPrefix(const Branch& branch) const;
  bool HoldForPrefix(Branch& branch, int32_t matched);
  bool MakePlace(Branch& branch, PrefixTree::Match& match);
  bool Fits(const Branch& branch, const PrefixTree::Match& match, int64_t extra) const;
  int32_t ReusableMax(const Branch& branch) const;
  void Start(Branch& branch, const PrefixTree::Match& match);
  void Run(Branch& branch, Seq seq);
  void CountAdmission(Branch& branch, int32_t reused, uint64_t& hits);
  void ReleaseHolders(Branch& donor, int32_t length);
  void Unhold(Branch& branch);
  int64_t Reserved() const;
  int64_t Reserve(const Branch& branch) const;
  bool MayGiveWayTo(const Branch& victim, const Branch& branch) const;
  Branch* LastInOrder(const Branch* spare) const;
  void Preempt(Branch& branch);
  void StopRunning(Branch& branch, bool keep);

  // host.cc
  bool StartFromHost(Branch& branch, int32_t matched);
  bool SaveIfWorth(Seq seq);
  int64_t IdleAllowed() const;
  void ShrinkIdle();
  void AbandonRestore(const Branch& branch);
  int32_t cells_pinned() const { return tree_.cells_pinned() + restoring_; }

  // step.cc
  uint32_t PickGroup();
  void Compose(uint32_t group);
  std::vector<Branch*> Decoders(uint32_t group, const std::vector<Branch*>& prompts);
  std::vector<Branch*> Prompts(uint32_t group) const;
  void MakeRoomToDecode(std::vector<Branch*>& decoders);
  void MakeRoomForPrompt(std::vector<Branch*>& prompts);
  void AddPrompts(const std::vector<Branch*>& prompts, int32_t decoders);
  void AddPrompt(Branch& branch, int32_t& budget, int32_t& rows, int32_t& outputs, int32_t& room);
  int32_t LimitByOutputs(const Branch& branch, int32_t count, int32_t outputs) const;
  static int32_t WithWholeStretches(const Branch& branch, int32_t count, int32_t most);
  bool WantsOutput(const Branch& branch, int32_t pos) const;
  void AppendRows(const Slice& slice, Plan& plan) const;
  void Advance(const Slice& slice, int32_t done);
  void AfterDone(Duration cost);
  void KeepCheckpoint(const Branch& branch);
  void AfterAbort(const StepOutcome& outcome);
  void AfterNoRoom();
  void AfterFailure();
  int32_t FirstOutput(const Slice& slice) const;

  // draft.cc
  void AddDrafts();
  int32_t DraftLength(const Branch& branch, int32_t most, int32_t rows, double& tokens) const;
  void KeepDraft(Slice& slice);
  bool ConfirmDraft(Branch& branch, Token token);

  const Options options_;
  PrefixTree tree_;
  HostTier host_;
  std::vector<Restore> restores_;  // of the last plan, unanswered
  int32_t restoring_ = 0;          // cells that restores_ will take
  StepBudget budget_;
  FairShare parties_;
  std::unordered_map<RequestId, std::unique_ptr<Request>> requests_;
  std::vector<Branch*> waiting_;
  std::vector<Branch*> running_;
  std::vector<Slice> slices_;  // the step under way
  bool in_flight_ = false;
  std::vector<RequestId> cancelled_;  // while it was
  std::vector<Event> events_;
  MonotonicTime now_{};
  uint64_t orders_ = 0;
  uint64_t step_ = 1;
  uint64_t round_ = 0;
  uint64_t lost_ = 0;  // branches that had to make room
  uint32_t group_ = 0;
  int32_t group_steps_ = 0;
  int32_t row_limit_ = 0;  // below batch_tokens_max after the memory refused a step
  int32_t waiting_requests_ = 0;
  MonotonicTime last_completion_{};
  double completion_s_ = 0;  // between completions, recent; 0: none yet
  Stats counters_;           // gauges are filled in by stats()
};

}  // namespace weir::scheduler
