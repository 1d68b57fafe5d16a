// The state of up to 256 sequences over one model: the KV cells, one step of decoding, its logits.
// It executes; what goes into a step is the scheduler's business, which token comes next the
// Sampler's.
//
// Threads: one (the engine thread), except RequestAbort and ClearAbort, which any thread may call.
// Ownership: the Model must outlive it. Spans into logits and embeddings are valid until the next
// Decode.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "llama/model.h"

struct llama_context;
struct ggml_threadpool;

namespace weir::llama {

inline constexpr int32_t kSequencesMax = 256;

enum class FlashAttention : uint8_t { kAuto, kOff, kOn };
enum class CellType : uint8_t { kF32, kF16, kBf16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kIq4Nl };

struct ContextSettings {
  int32_t cells = 4096;       // tokens of all sequences together; 0: as trained
  int32_t batch_rows = 2048;  // most rows in one Decode
  int32_t micro_rows = 512;   // rows that the hardware sees at once
  int32_t sequences = 64;     // sequence ids are 0..sequences-1
  bool unified = true;        // one pool of cells for all sequences; needed for Copy of a part
  int32_t threads = 0;        // for steps of one row; 0: all cores
  int32_t threads_batch = 0;  // for the rest; 0: all cores
  FlashAttention flash_attention = FlashAttention::kAuto;
  CellType key_type = CellType::kF16;
  CellType value_type = CellType::kF16;
  bool embeddings = false;  // pooled vectors instead of logits
  bool full_window = true;  // sliding-window models keep all cells, so that prefixes can be cut
};

// Where a row stands for a model that counts in several directions (M-RoPE). A text goes on in all
// of them at once; an image takes one step in time, whatever the number of its rows.
struct Place {
  int32_t time = 0;
  int32_t down = 0;
  int32_t across = 0;
  bool operator==(const Place&) const = default;
};

// One token of one sequence in a step. Positions of a sequence must continue it without a gap.
struct Row {
  Token token = 0;
  int32_t position = 0;
  int32_t sequence = 0;
  bool output = false;  // logits (or an embedding) wanted
  // Of an image: this vector in the place of the token's own, and no token. As long as the model's
  // embeddings.
  const float* embedding = nullptr;
  // Rows of images of one sequence with the same number (0 or more) see each other in both
  // directions. They stand together, at most micro_rows() of them.
  int32_t together = -1;
  // Where it is not the position in all directions. The position is what orders a sequence.
  std::optional<Place> place = {};
};

enum class DecodeOutcome : uint8_t {
  kOk,
  kNoRoom,    // not enough free cells; nothing changed: free some, or send fewer rows
  kAborted,   // RequestAbort; some rows are in memory: ask LastPosition and continue from there
  kBadInput,  // a bug of the caller (token, position or sequence out of order); nothing changed
  kFatal,     // the state is lost: end the engine
};

class Context {
 public:
  static Result<std::unique_ptr<Context>> Create(const Model& model,
                                                 const ContextSettings& settings);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  int32_t cells() const { return cells_; }
  int32_t batch_rows() const { return batch_rows_; }
  int32_t micro_rows() const { return micro_rows_; }
  int32_t sequences() const { return sequences_; }
  int32_t threads() const;  // of a step, the larger of both kinds
  Pooling pooling() const { return pooling_; }
  const Model& model() const { return model_; }

  // One step. At most batch_rows() rows; CHECKs that, and that sequences are in range. Rows of
  // tokens and rows of images are computed in turns, in their order.
  DecodeOutcome Decode(std::span<const Row> rows);
  // Of the last Decode that was kOk: the logits of its row `index`, which must have had `output`.
  // The whole vocabulary.
  std::span<const float> Logits(int32_t index) const;
  // With settings.embeddings: the pooled vector of a sequence, as the model gives it (not
  // normalised), or the outputs of the head of a model that ranks; empty when the model does not
  // pool.
  std::span<const float> SequenceEmbedding(int32_t sequence) const;
  std::span<const float> RowEmbedding(int32_t index) const;

  // Cells [from, to) of a sequence; to < 0: the end. False: this model cannot cut there (recurrent,
  // or outside of the window); removing a whole sequence always works.
  bool Remove(int32_t sequence, int32_t from, int32_t to);
  // `target` shares [from, to) of `source`: no data moves in a unified context.
  void Copy(int32_t source, int32_t target, int32_t from, int32_t to);
  void Clear();
  int32_t FirstPosition(int32_t sequence) const;  // -1: empty
  int32_t LastPosition(int32_t sequence) const;   // -1: empty
  // Whether Remove of a tail works at any position, tried once with two rows at Create.
  bool can_cut() const { return can_cut_; }

  // The cells of one sequence as bytes, for this model, build and settings alone. kTooLarge over
  // `bytes_max`.
  Result<std::vector<uint8_t>> Save(int32_t sequence, size_t bytes_max) const;
  // Replaces what `sequence` holds. kUnprocessable when the bytes do not fit this context; the
  // sequence is empty then. Only bytes that Save gave: libllama does not survive all others.
  Result<void> Restore(int32_t sequence, std::span<const uint8_t> bytes);

  // Ends the running Decode between two operations of the graph (CPU; a GPU finishes its micro
  // batch) and every later one, until ClearAbort. Where a tail cannot be cut (recurrent and hybrid
  // models) a step is never ended: half of a state is no state.
  void RequestAbort() { abort_.store(true, std::memory_order_relaxed); }
  void ClearAbort() { abort_.store(false, std::memory_order_relaxed); }

  llama_context* raw() const { return context_; }

 private:
  struct Buffers;
  Context(const Model& model, llama_context* context, const ContextSettings& settings);
  bool TryCut();
  static bool InOneTurn(const Row& a, const Row& b);
  DecodeOutcome DecodeAlike(std::span<const Row> rows);
  DecodeOutcome TakeBack(std::span<const Row> rows);
  void SaveOutputs(std::span<const Row> rows, size_t from);
  void ListenForAborts();
  void AttachThreads();

  const Model& model_;
  llama_context* context_;
  ggml_threadpool* threads_ = nullptr;  // ours; outlives the context
  int32_t cells_ = 0;
  int32_t batch_rows_ = 0;
  int32_t micro_rows_ = 0;
  int32_t sequences_ = 0;
  Pooling pooling_ = Pooling::kNone;
  bool can_cut_ = false;
  std::unique_ptr<Buffers> buffers_;
  // Of a step in turns: the logits of rows before its last turn, and where that begins.
  std::unordered_map<int32_t, std::vector<float>> outputs_before_ = {};
  int32_t last_turn_ = 0;
  std::atomic<bool> abort_ = false;
};

}  // namespace weir::llama
