#include "llama/context.h"

#include <ggml-cpu.h>
#include <llama.h>

#include <algorithm>
#include <exception>
#include <ranges>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "llama/context_params.h"
#include "llama/quiet.h"

namespace weir::llama {
namespace {

// For how long the threads of a pool poll for the next step before they sleep, in ggml's measure of
// 131,072 pauses of the processor: some 4 ms on x86. Between two steps of an answer lies less than
// one; ggml's own 50 keeps cores busy for a tenth of a second after every answer and every text
// that was embedded.
constexpr uint32_t kPollLevel = 2;

ggml_type TypeOf(CellType type) {
  switch (type) {
    case CellType::kF32:
      return GGML_TYPE_F32;
    case CellType::kF16:
      return GGML_TYPE_F16;
    case CellType::kBf16:
      return GGML_TYPE_BF16;
    case CellType::kQ8_0:
      return GGML_TYPE_Q8_0;
    case CellType::kQ4_0:
      return GGML_TYPE_Q4_0;
    case CellType::kQ4_1:
      return GGML_TYPE_Q4_1;
    case CellType::kQ5_0:
      return GGML_TYPE_Q5_0;
    case CellType::kQ5_1:
      return GGML_TYPE_Q5_1;
    case CellType::kIq4Nl:
      return GGML_TYPE_IQ4_NL;
  }
  return GGML_TYPE_F16;
}

llama_flash_attn_type FlashOf(FlashAttention flash) {
  switch (flash) {
    case FlashAttention::kAuto:
      return LLAMA_FLASH_ATTN_TYPE_AUTO;
    case FlashAttention::kOff:
      return LLAMA_FLASH_ATTN_TYPE_DISABLED;
    case FlashAttention::kOn:
      return LLAMA_FLASH_ATTN_TYPE_ENABLED;
  }
  return LLAMA_FLASH_ATTN_TYPE_AUTO;
}

bool SetAdapters(llama_context* context, const Model& model) {
  std::vector<llama_adapter_lora*> adapters = model.adapters();
  std::vector<float> scales(adapters.size(), 1.0F);
  return llama_set_adapters_lora(context, adapters.data(), adapters.size(), scales.data()) == 0;
}

size_t RowSize(const Model& model) {
  return static_cast<size_t>(llama_model_n_embd_inp(model.raw()));
}

int32_t Cores() { return std::max(1, static_cast<int32_t>(std::thread::hardware_concurrency())); }

}  // namespace

// Of which the last is not used.
constexpr size_t kDirections = 4;

// The arrays that llama_batch points into, kept between steps.
struct Context::Buffers {
  std::vector<llama_token> tokens;
  std::vector<float> vectors;
  std::vector<llama_pos> positions;
  std::vector<llama_pos> places;
  std::vector<int32_t> sequence_counts;
  std::vector<llama_seq_id> sequences;
  std::vector<llama_seq_id*> sequence_rows;
  std::vector<int8_t> outputs;

  // All rows of tokens, or all of images.
  llama_batch Fill(std::span<const Row> rows, size_t row_size) {
    const size_t count = rows.size();
    const bool image = rows.front().embedding != nullptr;
    const bool placed =
        std::ranges::any_of(rows, [](const Row& row) { return row.place.has_value(); });
    vectors.clear();
    FillPlaces(rows);
    if (tokens.size() < count) {
      tokens.resize(count);
      sequence_counts.assign(count, 1);
      sequences.resize(count);
      outputs.resize(count);
      sequence_rows.resize(count);
      for (size_t i = 0; i < count; ++i) sequence_rows[i] = &sequences[i];
    }
    for (size_t i = 0; i < count; ++i) {
      tokens[i] = rows[i].token;
      if (image) vectors.insert(vectors.end(), rows[i].embedding, rows[i].embedding + row_size);
      sequences[i] = rows[i].sequence;
      outputs[i] = rows[i].output ? 1 : 0;
    }
    return {.n_tokens = static_cast<int32_t>(count),
            .token = image ? nullptr : tokens.data(),
            .embd = image ? vectors.data() : nullptr,
            .pos = positions.data(),
            .n_seq_id = sequence_counts.data(),
            .seq_id = sequence_rows.data(),
            .logits = outputs.data(),
            .rope_pos = placed ? places.data() : nullptr};
  }

  // One direction after the other, as libllama reads them of models that have several.
  void FillPlaces(std::span<const Row> rows) {
    const size_t count = rows.size();
    places.assign(count * kDirections, 0);
    for (size_t i = 0; i < count; ++i) {
      const int32_t position = rows[i].position;
      const Place place = rows[i].place.value_or(Place{position, position, position});
      places[i] = place.time;
      places[count + i] = place.down;
      places[2 * count + i] = place.across;
    }
    positions = places;
    std::ranges::transform(rows, positions.begin(), &Row::position);
  }
};

llama_context_params ParamsOf(const ContextSettings& settings) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(std::max(settings.cells, 0));
  params.n_batch = static_cast<uint32_t>(settings.batch_rows);
  params.n_ubatch = static_cast<uint32_t>(std::min(settings.micro_rows, settings.batch_rows));
  params.n_seq_max = static_cast<uint32_t>(settings.sequences);
  // libllama makes room for a row of each sequence, and asserts that a batch has as many.
  params.n_outputs_max = std::max(params.n_batch, params.n_seq_max);
  params.n_threads = settings.threads > 0 ? settings.threads : Cores();
  params.n_threads_batch = settings.threads_batch > 0 ? settings.threads_batch : Cores();
  params.flash_attn_type = FlashOf(settings.flash_attention);
  params.type_k = TypeOf(settings.key_type);
  params.type_v = TypeOf(settings.value_type);
  params.embeddings = settings.embeddings;
  params.kv_unified = settings.unified;
  params.swa_full = settings.full_window;
  params.no_perf = true;
  return params;
}

Result<std::unique_ptr<Context>> Context::Create(const Model& model,
                                                 const ContextSettings& settings) {
  CHECK(settings.sequences >= 1 && settings.sequences <= kSequencesMax, "sequences in 1..256");
  CHECK(settings.batch_rows >= 1 && settings.micro_rows >= 1, "a step has rows");
  const llama_context_params params = ParamsOf(settings);
  llama_context* context = nullptr;
  try {
    context = llama_init_from_model(model.raw(), params);
  } catch (const std::exception&) {
    context = nullptr;
  }
  if (context == nullptr) {
    return Fail(Code::kUnprocessable,
                "libllama cannot make a context with these settings; there may be too little "
                "memory for that many cells, or the cell types do not fit the model",
                {}, "context_failed");
  }
  if (!SetAdapters(context, model)) {
    llama_free(context);
    return Fail(Code::kUnprocessable, "libllama cannot apply the model's adapters", {},
                "adapter_invalid");
  }
  return std::unique_ptr<Context>(new Context(model, context, settings));
}

Context::Context(const Model& model, llama_context* context, const ContextSettings& settings)
    : model_(model), context_(context), buffers_(std::make_unique<Buffers>()) {
  cells_ = static_cast<int32_t>(llama_n_ctx(context));
  batch_rows_ = static_cast<int32_t>(llama_n_batch(context));
  micro_rows_ = static_cast<int32_t>(llama_n_ubatch(context));
  sequences_ = settings.sequences;
  pooling_ = PoolingOf(llama_pooling_type(context));
  AttachThreads();
  can_cut_ = !settings.embeddings && TryCut();
  if (can_cut_ || settings.embeddings) ListenForAborts();
}

Context::~Context() {
  llama_free(context_);
  if (threads_ != nullptr) ggml_threadpool_free(threads_);
}

int32_t Context::threads() const {
  return std::max(llama_n_threads(context_), llama_n_threads_batch(context_));
}

// A step that ends in its middle is taken back by cutting. Where nothing can be cut the rows would
// count as computed although their state is not, and states of other sequences, which libllama
// moves within the same graph, would be lost.
void Context::ListenForAborts() {
  llama_set_abort_callback(
      context_,
      [](void* flag) {
        return static_cast<std::atomic<bool>*>(flag)->load(std::memory_order_relaxed);
      },
      &abort_);
}

// Without a pool of its own libllama starts and joins its threads in every step.
void Context::AttachThreads() {
  ggml_threadpool_params params = ggml_threadpool_params_default(threads());
  params.poll = kPollLevel;
  threads_ = ggml_threadpool_new(&params);
  if (threads_ != nullptr) llama_attach_threadpool(context_, threads_, threads_);
}

// Recurrent and hybrid models refuse to forget a tail; asking is the only sure way to know.
bool Context::TryCut() {
  if (llama_get_memory(context_) == nullptr || batch_rows_ < 2) return false;
  if (model_.facts().has_encoder) return false;
  const Row rows[] = {{.token = 0, .position = 0}, {.token = 0, .position = 1, .output = true}};
  const bool cut = Decode(rows) == DecodeOutcome::kOk && Remove(0, 1, -1) && LastPosition(0) == 0;
  Clear();
  return cut;
}

DecodeOutcome Context::Decode(std::span<const Row> rows) {
  CHECK(!rows.empty() && rows.size() <= static_cast<size_t>(batch_rows_), "rows in 1..batch_rows");
  for (const Row& row : rows) {
    CHECK(row.sequence >= 0 && row.sequence < sequences_, "a sequence of this context");
    CHECK(row.embedding != nullptr || model_.vocabulary().Contains(row.token),
          "a token of this model");
  }
  outputs_before_.clear();
  last_turn_ = 0;
  for (;;) {
    const auto from = static_cast<size_t>(last_turn_);
    const std::span<const Row> left = rows.subspan(from);
    const auto other = [&](const Row& row) { return !InOneTurn(left.front(), row); };
    const auto count = static_cast<size_t>(std::ranges::find_if(left, other) - left.begin());
    const DecodeOutcome outcome = DecodeAlike(left.first(count));
    if (outcome == DecodeOutcome::kNoRoom && from > 0) return TakeBack(rows.first(from));
    if (outcome != DecodeOutcome::kOk || count == left.size()) return outcome;
    SaveOutputs(left.first(count), from);
    last_turn_ += static_cast<int32_t>(count);
  }
}

bool Context::InOneTurn(const Row& a, const Row& b) {
  if ((a.embedding == nullptr) != (b.embedding == nullptr)) return false;
  return a.together == b.together && (a.together < 0 || a.sequence == b.sequence);
}

// The next turn overwrites them.
void Context::SaveOutputs(std::span<const Row> rows, size_t from) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].output) continue;
    const std::span<const float> logits = Logits(static_cast<int32_t>(from + i));
    outputs_before_[static_cast<int32_t>(from + i)].assign(logits.begin(), logits.end());
  }
}

// There is no room for a later turn. Where a tail cannot be cut the step ended in its middle: what
// the turns before computed is whole.
DecodeOutcome Context::TakeBack(std::span<const Row> rows) {
  if (!can_cut_) return DecodeOutcome::kAborted;
  // Positions ascend, so the last removal of a sequence is from its first row on.
  for (const Row& row : rows | std::views::reverse) Remove(row.sequence, row.position, -1);
  return DecodeOutcome::kNoRoom;
}

// Rows of tokens, or rows of images: libllama takes no batch of both.
DecodeOutcome Context::DecodeAlike(std::span<const Row> rows) {
  const bool mutual = rows.front().together >= 0;
  CHECK(!mutual || rows.size() <= static_cast<size_t>(micro_rows_), "rows that see each other");
  int32_t code = 0;
  const Quiet quiet;
  try {
    if (mutual) llama_set_causal_attn(context_, false);
    const llama_batch batch = buffers_->Fill(rows, RowSize(model_));
    code = llama_get_memory(context_) == nullptr ? llama_encode(context_, batch)
                                                 : llama_decode(context_, batch);
    // Logits are computed asynchronously on a GPU.
    llama_synchronize(context_);
    if (mutual) llama_set_causal_attn(context_, true);
  } catch (const std::exception&) {
    LogError("libllama: a step failed with an exception");
    return DecodeOutcome::kFatal;
  }
  switch (code) {
    case 0:
      return DecodeOutcome::kOk;
    case 1:
      return DecodeOutcome::kNoRoom;
    case 2:
      return DecodeOutcome::kAborted;
    case -1:
      return DecodeOutcome::kBadInput;
    default:
      LogError("libllama: a step failed with code {}", code);
      return DecodeOutcome::kFatal;
  }
}

std::span<const float> Context::Logits(int32_t index) const {
  if (index < last_turn_) {
    const auto saved = outputs_before_.find(index);
    CHECK(saved != outputs_before_.end(), "logits of a row that had output");
    return saved->second;
  }
  const float* logits = llama_get_logits_ith(context_, index - last_turn_);
  CHECK(logits != nullptr, "logits of a row that had output");
  return {logits, static_cast<size_t>(model_.vocabulary().size())};
}

std::span<const float> Context::SequenceEmbedding(int32_t sequence) const {
  const float* vector = llama_get_embeddings_seq(context_, sequence);
  if (vector == nullptr) return {};
  const ModelFacts& facts = model_.facts();
  const int32_t size = pooling_ == Pooling::kRank ? facts.rank_outputs : facts.embedding_size;
  return {vector, static_cast<size_t>(size)};
}

std::span<const float> Context::RowEmbedding(int32_t index) const {
  const float* vector = llama_get_embeddings_ith(context_, index - last_turn_);
  if (vector == nullptr) return {};
  return {vector, static_cast<size_t>(model_.facts().embedding_size)};
}

bool Context::Remove(int32_t sequence, int32_t from, int32_t to) {
  return llama_memory_seq_rm(llama_get_memory(context_), sequence, from, to);
}

void Context::Copy(int32_t source, int32_t target, int32_t from, int32_t to) {
  CHECK(source >= 0 && source < sequences_ && target >= 0 && target < sequences_,
        "sequences of this context");
  llama_memory_seq_cp(llama_get_memory(context_), source, target, from, to);
}

void Context::Clear() {
  if (llama_memory_t memory = llama_get_memory(context_)) {
    llama_memory_clear(memory, /*data=*/false);
  }
}

int32_t Context::FirstPosition(int32_t sequence) const {
  return llama_memory_seq_pos_min(llama_get_memory(context_), sequence);
}

int32_t Context::LastPosition(int32_t sequence) const {
  return llama_memory_seq_pos_max(llama_get_memory(context_), sequence);
}

Result<std::vector<uint8_t>> Context::Save(int32_t sequence, size_t bytes_max) const {
  try {
    const size_t size = llama_state_seq_get_size(context_, sequence);
    if (size > bytes_max) {
      return Fail(Code::kTooLarge, "the saved sequence would be over its limit of bytes");
    }
    std::vector<uint8_t> bytes(size);
    const size_t written = llama_state_seq_get_data(context_, bytes.data(), size, sequence);
    if (written == 0) return Fail(Code::kInternal, "libllama could not save a sequence");
    bytes.resize(written);
    return bytes;
  } catch (const std::exception&) {
    return Fail(Code::kInternal, "libllama could not save a sequence");
  }
}

Result<void> Context::Restore(int32_t sequence, std::span<const uint8_t> bytes) {
  CHECK(sequence >= 0 && sequence < sequences_, "a sequence of this context");
  size_t read = 0;
  try {
    Remove(sequence, -1, -1);
    read = llama_state_seq_set_data(context_, bytes.data(), bytes.size(), sequence);
  } catch (const std::exception&) {
    read = 0;
  }
  if (read == 0) {
    Remove(sequence, -1, -1);
    return Fail(Code::kUnprocessable, "the saved sequence does not fit into this context");
  }
  return {};
}

}  // namespace weir::llama
