#include "engine/engine.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/gpu_build.h"
#include "base/log.h"
#include "engine/inbox.h"
#include "engine/memory.h"
#include "engine/outbox.h"
#include "engine/preparation.h"
#include "engine/reader.h"
#include "engine/shortening.h"
#include "engine/step_loop.h"
#include "llama/chat_template.h"
#include "llama/context.h"
#include "llama/embedder.h"
#include "llama/model.h"
#include "llama/projector.h"
#include "process/probe.h"
#include "process/sandbox.h"
#include "scheduler/budget.h"
#include "scheduler/scheduler.h"
#include "wire/control.h"
#include "wire/engine.h"
#include "wire/engine_defaults.h"
#include "wire/frame.h"

namespace weir::engine {
namespace {

constexpr int32_t kContextTokensMax = 1 << 24;
constexpr int32_t kBatchTokensMax = 1 << 16;
constexpr int32_t kSequencesDefault = 64;
constexpr int32_t kWaitingMax = 1 << 20;
// Rows on a guess beside the row of a stream: together they fill a tile of the matrix kernels.
constexpr int32_t kDraftMax = scheduler::StepBudget::kTileRows - 1;
// An answer that names no bound ends here (docs/sampling.md), not at the end of the context.
constexpr int32_t kMaxTokensDefault = 4'096;

// Prefixes that left the KV cache take so much memory at most: a part of what is free.
constexpr uint64_t kHostBytesMax = uint64_t{2} << 30;
constexpr uint64_t kHostPart = 8;

uint64_t HostBytes(const Machine& machine) {
  const uint64_t free = std::min(machine.memory_available_bytes.value_or(0),
                                 machine.memory_limit_bytes.value_or(UINT64_MAX));
  return std::min(free / kHostPart, kHostBytesMax);
}

llama::FlashAttention AttentionOf(wire::Switch choice) {
  switch (choice) {
    case wire::Switch::kAuto:
      return llama::FlashAttention::kAuto;
    case wire::Switch::kOn:
      return llama::FlashAttention::kOn;
    case wire::Switch::kOff:
      return llama::FlashAttention::kOff;
  }
  return llama::FlashAttention::kAuto;
}

Result<llama::CellType> CellTypeOf(std::string_view name, std::string_view param) {
  using llama::CellType;
  static constexpr std::pair<std::string_view, CellType> kTypes[] = {
      {"", CellType::kF16},        {"f16", CellType::kF16},   {"f32", CellType::kF32},
      {"bf16", CellType::kBf16},   {"q8_0", CellType::kQ8_0}, {"q4_0", CellType::kQ4_0},
      {"q4_1", CellType::kQ4_1},   {"q5_0", CellType::kQ5_0}, {"q5_1", CellType::kQ5_1},
      {"iq4_nl", CellType::kIq4Nl}};
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  return Fail(Code::kInvalidArgument,
              "the KV cache takes f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or iq4_nl",
              std::string(param));
}

// Everything that a loaded model consists of, in the order in which it must go away.
struct Loaded {
  std::unique_ptr<llama::Model> model;
  std::unique_ptr<llama::Context> context;
  std::unique_ptr<llama::Embedder> embedder;
  std::unique_ptr<llama::ChatTemplate> chat_template;
  std::unique_ptr<llama::Projector> projector;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  Limits limits = {};
  wire::ModelDefaults defaults = {};
  wire::EngineInfo info = {};
  QueueBounds queue_bounds = {};
};

// Zero asks for the default; beyond the limit is an error, not a CHECK in the context.
Result<int32_t> Chosen(int32_t asked, int32_t fallback, int32_t limit, std::string_view param) {
  if (asked < 0 || asked > limit) {
    return Fail(Code::kInvalidArgument, fmt::format("{} must lie between 0 and {}", param, limit),
                std::string(param));
  }
  return asked > 0 ? asked : fallback;
}

Result<QueueBounds> BoundsOf(const wire::EngineSettings& settings) {
  const QueueBounds defaults;
  const auto all = Chosen(settings.waiting_max, defaults.waiting_max, kWaitingMax, "waiting_max");
  if (!all) return std::unexpected(all.error());
  const auto key = Chosen(settings.waiting_max_per_key, defaults.waiting_max_per_key, kWaitingMax,
                          "waiting_max_per_key");
  if (!key) return std::unexpected(key.error());
  return QueueBounds{*all, *key};
}

// The context of a model that generates; `trained` is INT32_MAX where that is not known yet.
Result<llama::ContextSettings> ContextOf(const wire::EngineSettings& settings, int32_t trained) {
  const auto key_type = CellTypeOf(settings.kv_type_k, "kv_type_k");
  if (!key_type) return std::unexpected(key_type.error());
  const auto value_type = CellTypeOf(settings.kv_type_v, "kv_type_v");
  if (!value_type) return std::unexpected(value_type.error());
  const auto cells = Chosen(settings.context_tokens, std::min(trained, wire::kContextTokensDefault),
                            kContextTokensMax, "context_tokens");
  if (!cells) return std::unexpected(cells.error());
  const auto batch =
      Chosen(settings.batch_tokens, wire::kBatchTokensDefault, kBatchTokensMax, "batch_tokens");
  if (!batch) return std::unexpected(batch.error());
  const auto micro_batch =
      Chosen(settings.micro_batch_tokens, *batch, kBatchTokensMax, "micro_batch_tokens");
  if (!micro_batch) return std::unexpected(micro_batch.error());
  const auto sequences =
      Chosen(settings.sequences, kSequencesDefault, llama::kSequencesMax, "sequences");
  if (!sequences) return std::unexpected(sequences.error());
  return llama::ContextSettings{.cells = *cells,
                                .batch_rows = *batch,
                                .micro_rows = std::min(*micro_batch, *batch),
                                .sequences = *sequences,
                                .threads = settings.threads,
                                .threads_batch = settings.threads,
                                .flash_attention = AttentionOf(settings.flash_attention),
                                .key_type = *key_type,
                                .value_type = *value_type};
}

std::string CellTypeName(const std::string& asked) { return asked.empty() ? "f16" : asked; }

Result<void> MakeGeneration(const wire::EngineSettings& settings, uint64_t host_bytes_max,
                            Loaded& loaded) {
  const llama::ModelFacts& facts = loaded.model->facts();
  const int32_t trained = std::max(facts.context_tokens_trained, 1);
  const auto planned = ContextOf(settings, trained);
  if (!planned) return std::unexpected(planned.error());
  auto context = llama::Context::Create(*loaded.model, *planned);
  if (!context) return std::unexpected(context.error());
  loaded.context = std::move(*context);

  auto chat_template = llama::ChatTemplate::Create(*loaded.model, settings.chat_template);
  if (!chat_template) return std::unexpected(chat_template.error());
  loaded.chat_template = std::move(*chat_template);
  loaded.defaults = settings.defaults;

  if (!settings.projector_path.empty()) {
    auto projector =
        llama::Projector::Load(settings.projector_path, *loaded.model, loaded.context->threads());
    if (!projector) return std::unexpected(projector.error());
    loaded.projector = std::move(*projector);
  }
  loaded.info.images = loaded.projector != nullptr;
  loaded.limits.together_max = loaded.context->micro_rows();

  // Its context is made when somebody asks for vectors.
  auto embedder =
      llama::Embedder::Create(*loaded.model, {.input_tokens_max = settings.context_tokens,
                                              .threads = settings.threads,
                                              .on_first_use = true});
  if (embedder) loaded.embedder = std::move(*embedder);
  loaded.info.embeds = loaded.embedder != nullptr;

  const bool shares = loaded.context->can_cut() && !facts.recurrent;
  loaded.limits.request_tokens_max = std::min(loaded.context->cells(), trained);
  loaded.limits.max_tokens_default =
      settings.max_tokens_default > 0 ? settings.max_tokens_default : kMaxTokensDefault;
  loaded.scheduler = std::make_unique<scheduler::Scheduler>(scheduler::Options{
      .cells = loaded.context->cells(),
      .context_max = loaded.limits.request_tokens_max,
      .seqs_max = loaded.context->sequences(),
      .running_max = loaded.context->sequences(),
      .batch_tokens_max = loaded.context->batch_rows(),
      .outputs_max = std::min(loaded.context->batch_rows(), wire::kOutputsMax),
      .sharing = shares ? scheduler::Sharing::kPrefix : scheduler::Sharing::kWhole,
      .chunk_max = loaded.context->batch_rows(),
      .host_bytes_max = host_bytes_max,
      .waiting_max = loaded.queue_bounds.waiting_max,
      .waiting_max_per_key = loaded.queue_bounds.waiting_max_per_key,
      .draft_max = settings.prompt_lookup == wire::Switch::kOff ? 0 : kDraftMax});

  loaded.info.context_tokens = loaded.context->cells();
  loaded.info.request_tokens_max = loaded.limits.request_tokens_max;
  loaded.info.sequences = loaded.context->sequences();
  loaded.info.max_tokens_default = loaded.limits.max_tokens_default;
  loaded.info.generates = true;
  loaded.info.has_chat_template = !facts.chat_template.empty() || !settings.chat_template.empty();
  loaded.info.template_has_tools = loaded.chat_template->supports_tools();
  loaded.info.reasons = loaded.chat_template->supports_reasoning();
  loaded.info.fills_in_middle = loaded.model->vocabulary().infill().complete();
  loaded.info.micro_batch_tokens = loaded.context->micro_rows();
  loaded.info.flash_attention = settings.flash_attention;
  loaded.info.kv_type_k = CellTypeName(settings.kv_type_k);
  loaded.info.kv_type_v = CellTypeName(settings.kv_type_v);
  loaded.info.prefix_reuse = shares ? wire::PrefixReuse::kFull : wire::PrefixReuse::kWhole;
  return {};
}

Result<void> MakeEmbedding(const wire::EngineSettings& settings, Loaded& loaded) {
  if (!settings.projector_path.empty()) {
    return Fail(Code::kInvalidArgument,
                "this model makes embeddings of texts; a projector (mmproj) is for one that chats",
                {}, "projector_unsupported");
  }
  auto embedder = llama::Embedder::Create(
      *loaded.model, {.input_tokens_max = settings.context_tokens, .threads = settings.threads});
  if (!embedder) return std::unexpected(embedder.error());
  loaded.embedder = std::move(*embedder);
  loaded.info.embeds = !loaded.embedder->ranks();
  loaded.info.ranks = loaded.embedder->ranks();
  loaded.info.context_tokens = loaded.embedder->input_tokens_max();
  loaded.info.request_tokens_max = loaded.embedder->input_tokens_max();
  return {};
}

Result<Loaded> LoadModel(const wire::EngineSettings& settings, uint64_t host_bytes_max,
                         Outbox& outbox) {
  const MonotonicTime start = SystemClock().Now();
  Loaded loaded;
  float told = 0;
  const auto planned = ContextOf(settings, INT32_MAX);
  if (!planned) return std::unexpected(planned.error());
  auto model = llama::Model::Load(settings.model_path, {.adapters = settings.adapter_paths,
                                                        .gpu_layers = settings.gpu_layers,
                                                        .tensor_split = settings.tensor_split,
                                                        .cpu_moe_layers = settings.cpu_moe_layers,
                                                        .fit_for = &*planned,
                                                        .use_mmap = settings.use_mmap,
                                                        .on_progress = [&](float fraction) {
                                                          if (fraction - told < 0.05f) return true;
                                                          told = fraction;
                                                          outbox.Put(wire::EngineFrame::kLoading, 0,
                                                                     wire::Loading{fraction});
                                                          return outbox.Flush();
                                                        }});
  if (!model) return std::unexpected(model.error());
  loaded.model = std::move(*model);

  const auto bounds = BoundsOf(settings);
  if (!bounds) return std::unexpected(bounds.error());
  loaded.queue_bounds = *bounds;
  const llama::ModelFacts& facts = loaded.model->facts();
  const bool embeds = facts.pooling != llama::Pooling::kNone;
  auto made =
      embeds ? MakeEmbedding(settings, loaded) : MakeGeneration(settings, host_bytes_max, loaded);
  if (!made) return std::unexpected(made.error());

  loaded.limits.dimensions_min = settings.dimensions_min > 0
                                     ? settings.dimensions_min
                                     : DimensionsMin(facts.architecture, facts.name);

  wire::EngineInfo& info = loaded.info;
  info.architecture = facts.architecture;
  info.description = facts.description;
  info.parameters = facts.parameters;
  info.weights_bytes = facts.bytes;
  info.memory_bytes = ResidentBytes();
  info.vocabulary = loaded.model->vocabulary().size();
  info.context_train_tokens = facts.context_tokens_trained;
  info.embedding_length = facts.embedding_size;
  info.threads = loaded.context ? loaded.context->threads() : loaded.embedder->threads();
  info.gpus = llama::Gpus();
  info.gpu_layers = facts.gpu_layers;
  info.tensor_split = facts.tensor_split;
  info.cpu_moe_layers = facts.cpu_moe_layers;
  info.load_ms = Milliseconds(SystemClock().Now() - start);
  return loaded;
}

Result<wire::EngineSettings> ReadSettings(int socket, wire::FrameReader& frames) {
  Result<wire::Frame> frame = ReadFrame(socket, frames);
  if (!frame) return std::unexpected(frame.error());
  const auto request = wire::Decode<wire::LoadRequest>(frame->body);
  const bool is_load = frame->kind == static_cast<uint16_t>(wire::EngineFrame::kLoad);
  if (!is_load || !request) {
    return Fail(Code::kBackendFailed, "the first frame of a conversation says what to load");
  }
  if (request->protocol != wire::kEngineProtocol) {
    return Fail(Code::kBackendFailed,
                "gateway and engine are of different versions; install both from one build");
  }
  return request->settings;
}

Result<void> Serve(int socket, wire::FrameReader frames, Loaded& loaded, Outbox& outbox) {
  StepWatch watch(
      [&] {
        if (loaded.context) loaded.context->RequestAbort();
      },
      [&] {
        if (loaded.context) loaded.context->ClearAbort();
      });
  Inbox inbox(kInboxMax);
  const Preparation preparation(*loaded.model, loaded.chat_template.get(), loaded.embedder.get(),
                                loaded.limits, loaded.defaults, loaded.projector.get());
  Result<void> read = {};
  Reader reader(socket, preparation, inbox, watch, std::move(frames));
  std::thread reading([&] {
    read = reader.Run();
    inbox.Close();
    // Nobody is left to read: a write that waits for room ends, too.
    shutdown(socket, SHUT_RDWR);
  });
  StepLoop loop(loaded.context.get(), loaded.scheduler.get(), loaded.embedder.get(),
                loaded.queue_bounds, inbox, outbox, watch);
  Result<void> ended = loop.Run();
  // The reader may still wait for the gateway when it is this side that gives up.
  shutdown(socket, SHUT_RDWR);
  reading.join();
  return ended ? read : ended;
}

Result<void> Converse(int socket, std::vector<std::string> sandbox, uint64_t host_bytes_max) {
  Outbox outbox(socket);
  wire::FrameReader frames;
  const Result<wire::EngineSettings> settings = ReadSettings(socket, frames);
  if (!settings && settings.error().code == Code::kCancelled) return {};
  if (!settings) return std::unexpected(settings.error());
  llama::StartBackend();
  Result<Loaded> loaded = LoadModel(*settings, host_bytes_max, outbox);
  if (!loaded) {
    if (loaded.error().code == Code::kCancelled) return {};
    outbox.PutFailure(0, loaded.error());
    outbox.Flush();
    return std::unexpected(loaded.error());
  }
  loaded->info.sandbox = std::move(sandbox);
  LogInfo("ready model={} load_ms={:.0f} cells={}", settings->model_name, loaded->info.load_ms,
          loaded->info.context_tokens);
  outbox.Put(wire::EngineFrame::kReady, 0, loaded->info);
  if (!outbox.Flush()) return {};
  return Serve(socket, std::move(frames), *loaded, outbox);
}

std::vector<int> InheritedFiles(int first) {
  std::vector<int> files;
  for (int fd = first; files.size() < wire::kEngineFilesMax && fcntl(fd, F_GETFD) >= 0; ++fd)
    files.push_back(fd);
  return files;
}

}  // namespace

Result<void> ServeConnection(int socket, std::vector<std::string> sandbox,
                             uint64_t host_bytes_max) {
  Result<void> ended = Converse(socket, std::move(sandbox), host_bytes_max);
  // However it ended, the gateway's next read says so.
  shutdown(socket, SHUT_RDWR);
  return ended;
}

int RunEngine(const EngineOptions& options) {
  const std::vector<int> model_files = InheritedFiles(options.files);  // before we open any
  OpenMemoryGauge();
  const uint64_t host_bytes_max = HostBytes(ProbeMachine());  // /proc is closed afterwards
  const SandboxReport sandbox =
      ApplySandbox(SandboxSpec::Engine(model_files, /*drivers=*/!GpuBuild().empty()));
  const Result<void> ended = ServeConnection(options.socket, sandbox.ToStrings(), host_bytes_max);
  if (!ended) LogError("{}", ended.error().message);
  return ended ? 0 : 1;
}

}  // namespace weir::engine
