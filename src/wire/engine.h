// The protocol between the gateway and one weir-engine, over the Unix stream socket that the
// launcher made for them.
//
//   gateway                          engine
//   Load            ──────────────▶
//                   ◀──────────────  Loading*  then  Ready | Failure (request 0: the engine ends)
//   Generate id     ──────────────▶
//                   ◀──────────────  Event id*  ending in Event{Done} | Failure id
//   Embed id, Score id, Tokenize id ▶
//                   ◀──────────────  Embeddings, Scores, Tokens id | Failure id
//   Cancel id       ──────────────▶  no more frames for id but one Failure{kCancelled}
//   Pause id, Resume id             a slow client: the engine stops and goes on with that request
//   alone QueryStats id   ──────────────▶
//                   ◀──────────────  Stats id
//   (end of stream) ──────────────▶  the engine ends
//
// Request ids are chosen by the gateway, start at 1 and are never used again on a connection. Both
// sides check every bound; docs/internals/engine-protocol.md holds the limits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/archive.h"
#include "wire/chat.h"

namespace weir::wire {

inline constexpr uint32_t kEngineProtocol = 12;
inline constexpr size_t kRequestsOpenMax = 4096;  // on one connection

enum class EngineFrame : uint16_t {
  kLoad = 1,
  kGenerate = 2,
  kEmbed = 3,
  kScore = 4,
  kTokenize = 5,
  kDetokenize = 6,
  kCancel = 7,
  kPause = 8,
  kResume = 9,
  kQueryStats = 10,

  kLoading = 64,
  kReady = 65,
  kEvent = 66,
  kEmbeddings = 67,
  kScores = 68,
  kTokens = 69,
  kText = 70,
  kStats = 71,
  kFailure = 72,
};

enum class Switch : uint8_t { kAuto, kOn, kOff };
constexpr std::string_view SwitchName(Switch value) {
  return value == Switch::kOn ? "on" : value == Switch::kOff ? "off" : "auto";
}
template <>
inline constexpr int kEnumCount<Switch> = 3;
template <>
inline constexpr int kEnumCount<Code> = kCodeCount;

// What a model brings of its own (`weir create`, Ollama's registry) for what a request leaves open.
struct ModelDefaults {
  chat::Sampling sampling = {};
  std::vector<std::string> stop = {};
  std::optional<int32_t> max_tokens = {};
  std::string system = {};                   // where a chat has no system message
  std::vector<chat::Message> messages = {};  // behind it, before every chat
};

// What the model's memory allows for prompts that begin alike.
enum class PrefixReuse : uint8_t {
  kNone,   // nothing is kept between requests
  kWhole,  // a prompt that extends all of an earlier one (recurrent models)
  kFull,   // any common beginning
};
template <>
inline constexpr int kEnumCount<PrefixReuse> = 3;
constexpr std::string_view PrefixReuseName(PrefixReuse reuse) {
  return reuse == PrefixReuse::kFull ? "full" : reuse == PrefixReuse::kWhole ? "whole" : "none";
}

// How to load and run the model. Zero or empty: the engine chooses, and says in Ready what it
// chose.
struct EngineSettings {
  std::string model_name = {};                  // for messages only
  std::string model_path = {};                  // of the inherited descriptor ("/proc/self/fd/4")
  std::vector<std::string> adapter_paths = {};  // LoRA, likewise; all are applied, at full strength
  std::string projector_path = {};              // likewise; empty: the model reads no images
  int32_t context_tokens = 0;                   // KV cells in all, shared by all requests
  int32_t sequences = 0;                        // that may run at once
  int32_t batch_tokens = 0;
  int32_t micro_batch_tokens = 0;
  int32_t threads = 0;
  // Of a build for GPUs. All three open: as the free memory of the devices allows.
  int32_t gpu_layers = -1;               // -1: all
  std::vector<float> tensor_split = {};  // shares of the devices; empty: by their free memory
  int32_t cpu_moe_layers = -1;           // whose experts stay in the machine's memory; -1: none
  Switch flash_attention = Switch::kAuto;
  Switch prompt_lookup = Switch::kAuto;  // rows on a guess (scheduler/lookup.h); kAuto is kOn
  std::string kv_type_k = {};            // "f16", "q8_0", ...
  std::string kv_type_v = {};
  bool use_mmap = true;
  std::string chat_template = {};   // instead of the model's own
  int32_t max_tokens_default = 0;   // the bound of an answer that names none
  int32_t dimensions_min = 0;       // of a vector that a request shortens; at 0 the engine knows
  int32_t waiting_max = 0;          // requests that wait, in all,
  int32_t waiting_max_per_key = 0;  // and of one key
  ModelDefaults defaults = {};
};

struct LoadRequest {
  uint32_t protocol = kEngineProtocol;
  EngineSettings settings = {};
};

struct Loading {
  float fraction = 0;  // 0..1
};

// What was loaded, as measured.
struct EngineInfo {
  uint32_t protocol = kEngineProtocol;
  std::string architecture = {};
  std::string description = {};  // "llama 135M Q4_1"
  uint64_t parameters = 0;
  uint64_t weights_bytes = 0;
  uint64_t memory_bytes = 0;  // resident after loading
  int32_t vocabulary = 0;
  int32_t context_train_tokens = 0;
  int32_t context_tokens = 0;      // cells
  int32_t request_tokens_max = 0;  // prompt and answer of one request together
  int32_t max_tokens_default = 0;
  int32_t sequences = 0;  // that may run at once; 0 of a model that generates nothing
  int32_t embedding_length = 0;
  bool generates = false;
  bool embeds = false;
  bool ranks = false;
  bool has_chat_template = false;
  bool template_has_tools = false;
  bool fills_in_middle = false;
  bool images = false;  // it reads images in chats
  PrefixReuse prefix_reuse = PrefixReuse::kNone;
  bool reasons = false;
  std::vector<std::string> gpus = {};  // that there are; none in a CPU build
  int32_t gpu_layers = 0;
  std::vector<float> tensor_split = {};
  int32_t cpu_moe_layers = 0;
  int32_t threads = 0;
  int32_t micro_batch_tokens = 0;          // of a model that generates
  Switch flash_attention = Switch::kAuto;  // as it was asked for
  std::string kv_type_k = {};              // of a model that generates
  std::string kv_type_v = {};
  double load_ms = 0;
  std::vector<std::string> sandbox = {};  // "seccomp full", "landlock full (ABI 7)"
};

// Who asks, as far as the engine may know: enough to keep prefixes apart and turns fair, nothing
// more. Keys share the engine's time equally, and clients what their key gets.
struct Caller {
  uint64_t tenant_salt = 0;
  uint64_t key = 0;
  uint64_t client = 0;
};

struct Generate {
  Caller caller = {};
  chat::GenerateRequest request = {};
};
struct Embed {
  Caller caller = {};
  chat::EmbedRequest request = {};
};
struct Score {
  Caller caller = {};
  chat::ScoreRequest request = {};
};

struct Tokenize {
  std::string text = {};
  bool add_special = false;
  bool parse_special = false;
  bool pieces = false;  // the bytes of each token as well
  // With messages: the tokens of this chat as it would be answered, instead of `text`.
  chat::GenerateRequest chat = {};
};
struct Tokens {
  std::vector<int32_t> tokens = {};
  std::string text = {};  // of a chat: the rendered prompt
  std::vector<std::string> pieces = {};
};
struct Detokenize {
  std::vector<int32_t> tokens = {};
};
struct Text {
  std::string text = {};
};

struct Failure {
  Code code = Code::kInternal;
  std::string message = {};
  std::string param = {};
  std::string reason = {};
  int32_t retry_after_s = 0;
};

struct EngineStats {
  int32_t waiting = 0;
  int32_t running = 0;
  int32_t held = 0;  // of waiting: for a prefix that another is computing
  int32_t prefilling = 0;
  int32_t decoding = 0;
  int32_t cells = 0;
  int32_t cells_used = 0;
  int32_t cells_idle = 0;  // of these, cached
  uint64_t requests = 0;
  uint64_t prompt_tokens = 0;
  uint64_t prompt_tokens_cached = 0;
  uint64_t generated_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t draft_tokens = 0;           // computed on a guess,
  uint64_t draft_tokens_accepted = 0;  // and right
  // Requests whose prompt began with cells of an ended one, of a running one, of one that they had
  // waited for, or with a copy in host memory; and those that found nothing.
  uint64_t hits_idle = 0;
  uint64_t hits_running = 0;
  uint64_t hits_joined = 0;
  uint64_t hits_host = 0;
  uint64_t misses = 0;
  uint64_t refused = 0;  // the queue was full
  uint64_t host_bytes = 0;
  double prefill_tokens_per_s = 0;  // measured over recent steps; 0 when unknown
  double decode_tokens_per_s = 0;
  double embed_tokens_per_s = 0;
  double step_ms = 0;
  uint64_t memory_bytes = 0;
};

template <class Archive>
void Visit(Archive& a, ModelDefaults& v) {
  a(v.sampling, v.stop, v.max_tokens, v.system, v.messages);
}
template <class Archive>
void Visit(Archive& a, EngineSettings& v) {
  a(v.model_name, v.model_path, v.adapter_paths, v.projector_path, v.context_tokens, v.sequences,
    v.batch_tokens, v.micro_batch_tokens, v.threads, v.gpu_layers, v.tensor_split, v.cpu_moe_layers,
    v.flash_attention, v.prompt_lookup, v.kv_type_k, v.kv_type_v, v.use_mmap, v.chat_template,
    v.max_tokens_default, v.dimensions_min, v.waiting_max, v.waiting_max_per_key, v.defaults);
}
template <class Archive>
void Visit(Archive& a, LoadRequest& v) {
  a(v.protocol, v.settings);
}
template <class Archive>
void Visit(Archive& a, Loading& v) {
  a(v.fraction);
}
template <class Archive>
void Visit(Archive& a, EngineInfo& v) {
  a(v.protocol, v.architecture, v.description, v.parameters, v.weights_bytes, v.memory_bytes,
    v.vocabulary, v.context_train_tokens, v.context_tokens, v.request_tokens_max,
    v.max_tokens_default, v.sequences, v.embedding_length, v.generates, v.embeds, v.ranks,
    v.has_chat_template, v.template_has_tools, v.fills_in_middle, v.images, v.prefix_reuse,
    v.reasons, v.gpus, v.gpu_layers, v.tensor_split, v.cpu_moe_layers, v.threads,
    v.micro_batch_tokens, v.flash_attention, v.kv_type_k, v.kv_type_v, v.load_ms, v.sandbox);
}
template <class Archive>
void Visit(Archive& a, Caller& v) {
  a(v.tenant_salt, v.key, v.client);
}
template <class Archive>
void Visit(Archive& a, Generate& v) {
  a(v.caller, v.request);
}
template <class Archive>
void Visit(Archive& a, Embed& v) {
  a(v.caller, v.request);
}
template <class Archive>
void Visit(Archive& a, Score& v) {
  a(v.caller, v.request);
}
template <class Archive>
void Visit(Archive& a, Tokenize& v) {
  a(v.text, v.add_special, v.parse_special, v.pieces, v.chat);
}
template <class Archive>
void Visit(Archive& a, Tokens& v) {
  a(v.tokens, v.text, v.pieces);
}
template <class Archive>
void Visit(Archive& a, Detokenize& v) {
  a(v.tokens);
}
template <class Archive>
void Visit(Archive& a, Text& v) {
  a(v.text);
}
template <class Archive>
void Visit(Archive& a, Failure& v) {
  a(v.code, v.message, v.param, v.reason, v.retry_after_s);
}
template <class Archive>
void Visit(Archive& a, EngineStats& v) {
  a(v.waiting, v.running, v.held, v.prefilling, v.decoding, v.cells, v.cells_used, v.cells_idle,
    v.requests, v.prompt_tokens, v.prompt_tokens_cached, v.generated_tokens, v.preemptions,
    v.draft_tokens, v.draft_tokens_accepted, v.hits_idle, v.hits_running, v.hits_joined,
    v.hits_host, v.misses, v.refused, v.host_bytes, v.prefill_tokens_per_s, v.decode_tokens_per_s,
    v.embed_tokens_per_s, v.step_ms, v.memory_bytes);
}

// The bytes of a Generate, Embed or Score, without a copy of the request.
template <class Request>
std::string EncodeAsked(const Caller& caller, const Request& request) {
  Writer writer;
  writer(caller, request);
  return writer.Take();
}

Failure FailureOf(const Error& error);
Error ErrorOf(Failure failure);

}  // namespace weir::wire
