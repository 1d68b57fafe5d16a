// What crosses the seam between the engine loop and the scheduler: requests in, step plans out,
// results back. Plain values; no llama type, no time source, no I/O.
//
// Units: a cell holds the key and value of one token at one position. A sequence is one of the KV
// cache's sequence ids; a cell may belong to several (that is how a prefix is shared). Positions of
// a sequence run from 0 without a hole.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace weir::scheduler {

// Below 0: what a prompt holds in the place of tokens (rows of an image). Equal ones are the same
// here, too; none is ever sampled.
using Token = int32_t;
using Seq = int32_t;
using RequestId = uint64_t;

using Slot = uint64_t;  // a copy of one sequence in host memory; never used twice

inline constexpr Seq kNoSeq = -1;
inline constexpr Slot kNoSlot = 0;
inline constexpr int32_t kSeqsLimit = 256;   // LLAMA_MAX_SEQ
inline constexpr int32_t kForksLimit = 128;  // the largest n of one request

// What the model's memory allows. The engine finds out when it loads the model.
enum class Sharing : uint8_t {
  kPrefix,  // plain attention in one unified cache: any prefix may be copied, any tail removed
  kWhole,   // recurrent, hybrid or sliding window: only a whole sequence may be copied or removed
};

struct Options {
  int32_t cells = 0;               // of the unified KV cache; every plan keeps within it
  int32_t context_max = 0;         // positions of one sequence; 0: as many as cells
  int32_t seqs_max = kSeqsLimit;   // ids 0 .. seqs_max-1 belong to the scheduler
  int32_t running_max = 64;        // branches that hold a sequence and work at the same time
  int32_t batch_tokens_max = 512;  // rows of one plan (llama_decode asserts beyond n_batch)
  int32_t outputs_max = 512;       // rows of one plan with output set
  Sharing sharing = Sharing::kPrefix;

  // A step that carries decode rows aims at target_step, one that carries none at
  // target_step_alone.
  Duration target_step = std::chrono::milliseconds(55);
  Duration target_step_alone = std::chrono::milliseconds(1000);
  double prompt_share_min = 0.4;  // of a step's time, when decoding alone comes near the target
  int32_t chunk_min = 8;    // prompt tokens of a step, even when decoding alone is over the target
  int32_t chunk_max = 512;  // and at most
  int32_t chunk_deterministic = 128;  // fixed chunk of deterministic requests on an idle engine

  // Admission counts on this many output tokens of each branch (or its max_new_tokens, when less).
  // What outgrows it is served as long as there is room; after that the last in order is requeued.
  int32_t output_reserve = 256;
  int32_t join_min =
      16;  // a request waits for a prefix in the making that saves it at least so many tokens
  int32_t bypass_max = 16;  // how many may overtake a request that does not fit yet

  // The host tier (host_tier.h): idle sequences are copied to host memory and leave the cache,
  // whose size slows every step down. 0: off, and it is off with Sharing::kWhole.
  uint64_t host_bytes_max = 0;
  int32_t host_tokens_min = 64;  // of a copy: shorter sequences are not worth one
  // With the tier on, idle cells stay up to a quarter of what runs, and up to so many.
  int32_t idle_cells_max = 1024;

  int32_t waiting_max = 512;  // requests that wait for their first step; beyond: kUnavailable
  int32_t waiting_max_per_key = 64;           // beyond: kRateLimited
  Duration aging = std::chrono::seconds(10);  // a waiting request rises one priority class for each
  Duration overdue = std::chrono::seconds(30);  // then it goes before everything that came later
  Duration short_first =
      std::chrono::seconds(1);  // how far a short prompt may overtake, in service time
  int32_t group_quantum = 16;   // steps before another group gets its turn

  // Draft tokens that a branch may have in a step (lookup.h), where they pay and no prompt waits.
  // 0: off, and it is off for deterministic requests and with Sharing::kWhole.
  int32_t draft_max = 0;
};

enum class Priority : uint8_t { kInteractive = 0, kBatch = 1, kBackground = 2 };

inline constexpr int32_t kNoPromptOutputs = -1;

// Positions from .. to-1 of a prompt.
struct Stretch {
  int32_t from = 0;
  int32_t to = 0;
};

struct Submission {
  RequestId id = 0;                    // unique among the live ones (CHECKed)
  std::vector<Token> prompt;           // 1 .. min(context_max, cells) tokens
  std::vector<Token> prediction = {};  // what much of each branch's text may be: for lookup.h
  int32_t max_new_tokens = 0;  // 0: nothing is sampled, the request ends with its prompt (scoring)
  uint64_t tenant_salt = 0;    // cells are shared between requests of equal salt and group only
  uint64_t key = 0;            // service time is shared equally between keys,
  uint64_t client = 0;         // and what a key gets between its clients
  Priority priority = Priority::kInteractive;
  int32_t forks = 1;   // n: branches that share the prompt; 1 .. kForksLimit
  uint32_t group = 0;  // requests of different groups never share a step or a cell (adapters)
  bool deterministic = false;  // fixed chunks while alone, in a memory that was emptied of others'
                               // cached cells; reuses only cells that were computed the same way
  bool keep_prefix = true;     // its cells may stay for later requests when it ends
  int32_t prompt_outputs_from =
      kNoPromptOutputs;  // prompt rows from this position have output set, once: scoring, echo
  // Each of at most batch_tokens_max tokens that see each other: a plan that has one of them has
  // all of them, but for those that were computed before. Rising, apart; not with prompt outputs.
  std::vector<Stretch> whole = {};
};

// An edit of the memory, applied in order before the rows are decoded.
struct SeqOp {
  enum class Kind : uint8_t {
    kRemove,  // llama_memory_seq_rm(seq, from, to)
    kCopy,    // llama_memory_seq_cp(source, seq, from, to)
    // The host tier. Each kSave and kRestore is answered by Saved and Restored before Decoded and
    // the next Next.
    kSave,     // keep a copy of all of seq in host memory as `slot`, if it has at most bytes_max
    kRestore,  // put the copy `slot` into the empty seq, then remove what it has from `to` on
    kForget,   // free the copy `slot`
  };
  Kind kind = Kind::kRemove;
  Seq seq = kNoSeq;
  Seq source = kNoSeq;  // kCopy only
  int32_t from = 0;
  int32_t to =
      -1;  // one past the last position; -1: to the end. from 0, to -1 is the whole sequence
  Slot slot = kNoSlot;     // kSave, kRestore, kForget
  uint64_t bytes_max = 0;  // kSave
  bool operator==(const SeqOp&) const = default;
};

struct Row {
  Token token = 0;
  int32_t pos = 0;
  Seq seq = kNoSeq;
  bool output = false;  // logits are wanted
  // Branches to sample from this row's logits: branch, branch+1, ... branch+samples-1. 0 for rows
  // without output and for prompt outputs of scoring, the forks of the request on the row that
  // completes its prompt, else 1.
  int32_t samples = 0;
  RequestId request = 0;
  int32_t branch = 0;
  // The token is a guess, at what the row before it will give: this row's output may be used only
  // if just that token was sampled from that one, and Sampled told so. Rows of drafts that turn out
  // wrong are passed over.
  bool draft = false;

  // `drawn` is what the row before it gave.
  bool IsVoidAfter(Token drawn) const { return draft && token != drawn; }
};

struct Plan {
  std::vector<SeqOp> ops;
  std::vector<Row> rows;  // positions of one sequence ascend; at most batch_tokens_max
  uint32_t group = 0;     // all rows belong to it
  bool empty() const { return ops.empty() && rows.empty(); }
};

// llama_decode's answer for the rows of a plan.
struct StepOutcome {
  enum class Kind : uint8_t {
    kDone,     // 0
    kNoRoom,   // 1: nothing was kept
    kAborted,  // 2: `reached` says what was kept
    kFailed,   // below 0: what the sequences hold is unknown; their branches end with kFailed
  };
  struct Reached {
    Seq seq = kNoSeq;
    int32_t next_pos = 0;  // llama_memory_seq_pos_max + 1
  };
  Kind kind = Kind::kDone;
  std::vector<Reached> reached = {};  // kAborted: each sequence of the plan once
};

enum class EndReason : uint8_t {
  kLength,      // max_new_tokens were sampled
  kOutOfRoom,   // the context or the cache has no place for one more token; a client reads "length"
  kPromptDone,  // max_new_tokens is 0 and every prompt row is decoded
  kFailed,      // the step failed
};

struct Event {
  enum class Kind : uint8_t {
    kAdmitted,  // first step follows; cached_tokens of the prompt are reused
    kProgress,  // prompt_done of the prompt's tokens are in the cache
    kRequeued,  // lost its place and will go on by itself; nothing to do
    kEnded,     // by the scheduler, see reason; the engine need not call Finished
  };
  Kind kind = Kind::kAdmitted;
  RequestId request = 0;
  int32_t branch = 0;
  int32_t cached_tokens = 0;
  int32_t prompt_done = 0;
  EndReason reason = EndReason::kLength;
};

// Counters since the start, and gauges of now.
struct Stats {
  // gauges
  int32_t waiting = 0;  // branches without a sequence, held ones included
  int32_t held = 0;     // of these, waiting for a prefix that another is computing
  int32_t prefilling = 0;
  int32_t decoding = 0;
  int32_t cells = 0;
  int32_t cells_used = 0;
  int32_t cells_idle = 0;  // of cells_used: cached, evictable
  int32_t seqs_used = 0;
  int32_t seqs_idle = 0;
  int32_t host_entries = 0;  // copies in host memory
  uint64_t host_bytes = 0;   // and their size, or what was allowed for those that are being made
  double prefill_tokens_per_s = 0;  // measured, recent; 0 before the first
  double decode_step_ms = 0;        // a step with the present number of decode rows and no prompt
  // counters
  uint64_t steps = 0;
  uint64_t prefill_tokens = 0;
  uint64_t decode_tokens = 0;
  uint64_t hits_cached = 0;   // admissions that reused cells of an ended request,
  uint64_t hits_running = 0;  // of one that still ran,
  uint64_t hits_joined = 0;   // or that had waited for them to be computed
  uint64_t hits_host = 0;     // of a copy in host memory
  uint64_t misses = 0;        // admissions that reused nothing
  uint64_t tokens_reused = 0;
  uint64_t preemptions = 0;
  uint64_t cells_evicted = 0;
  uint64_t host_saves = 0;
  uint64_t host_failures = 0;  // saves and restores that the engine could not do
  uint64_t no_room = 0;       // steps that the memory refused although the count said there is room
  uint64_t refused = 0;       // submissions beyond the queue's bounds
  uint64_t draft_tokens = 0;  // rows that were computed on a guess,
  uint64_t draft_tokens_accepted = 0;  // and those that were right
};

}  // namespace weir::scheduler
