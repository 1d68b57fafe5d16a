// What lies between the door and the outgoing dialects: a dialect turns a canonical request into
// the bytes of one HTTP call to a provider and the provider's bytes back into events. Plain structs
// and pure functions: no sockets, no clock, no keys. Whoever carries a call adds the credential,
// and nothing in a request chooses where it goes.
//
// src/dialects/{openai,anthropic,gemini,ollama} each fill one ProviderDialect; src/egress carries
// calls; src/backends drives both. Not thread-safe: a ProviderAnswer belongs to one request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "chat/request.h"
#include "chat/transcription.h"

namespace weir::chat {

inline constexpr size_t kProviderBodyBytesMax = 32u << 20;    // of a call
inline constexpr size_t kProviderAnswerBytesMax = 64u << 20;  // of a whole answer, all bytes
inline constexpr size_t kProviderLineBytesMax = 4u << 20;     // of one line or event of a stream
inline constexpr size_t kProviderErrorBytesMax = 64u << 10;   // of an error body; the rest is cut
inline constexpr size_t kProviderHeadersMax = 64;             // of a call or an answer

// Names are lower case.
using ProviderHeaders = std::vector<std::pair<std::string, std::string>>;

// How a provider wants its key. The value is added by the egress process alone.
enum class CredentialStyle : uint8_t {
  kBearer,       // authorization: Bearer KEY
  kXApiKey,      // x-api-key: KEY
  kXGoogApiKey,  // x-goog-api-key: KEY
  kApiKey,       // api-key: KEY (Azure)
};
inline constexpr int kCredentialStyleCount = 4;
std::string_view CredentialHeader(CredentialStyle style);

// One HTTP call, complete but for the credential.
struct ProviderCall {
  std::string method = "POST";
  std::string path = {};  // behind the backend's url, with a leading '/': "/chat/completions"; may
                          // hold a query ("?alt=sse")
  ProviderHeaders headers =
      {};  // content-type, accept, versions; never a credential, host or length
  std::string body = {};
  bool streams = false;  // whether the answer is expected as a stream of events

  bool operator==(const ProviderCall&) const = default;
};

// The target as its backend knows it: from configuration. Absent is unknown.
struct ProviderModel {
  std::string name = {};  // what the provider calls it
  std::optional<int64_t> context_tokens = {};
  std::optional<int64_t> max_output_tokens = {};
  bool vision = false;
  bool audio = false;
  bool tools = false;
  bool json_schema = false;
  bool reasoning = false;

  bool operator==(const ProviderModel&) const = default;
};

// What a server of the openai dialect calls the sampling settings that OpenAI has not.
enum class SamplingNames : uint8_t {
  kNone,         // it has none of them
  kVllm,         // top_k, min_p, repetition_penalty, chat_template_kwargs
  kLlamaServer,  // llama-server's: repeat_penalty, typical_p, dry_*, xtc_*, mirostat*, ...
};

// Where servers of one dialect differ. The defaults are those of the dialect's own vendor;
// config/preset.h has those of others.
struct Quirks {
  bool stream_usage = true;           // openai: understands stream_options.include_usage
  bool max_completion_tokens = true;  // openai: the new name of max_tokens
  bool developer_role = true;         // openai: else developer messages go as system
  bool grammar = false;               // openai: GBNF as "grammar" (llama-server)
  bool short_call_ids = false;        // openai: ids of tool calls are 9 letters or digits (Mistral)
  bool random_seed = false;           // openai: a seed is called random_seed (Mistral)
  bool any_tool = false;              // openai: tool_choice "required" is called "any" (Mistral)
  bool reasoning_object = false;      // openai: {"reasoning": {...}} (OpenRouter)
  std::string reasoning_history = {};  // openai: the field that takes reasoning of earlier turns
  bool base64_embeddings = true;       // openai: else as numbers
  bool provider_fields = true;         // openai: knows `user`, `metadata`, `service_tier`, ...
  SamplingNames sampling = SamplingNames::kNone;
  size_t stop_max = 4;  // stop strings in a request
  // Fields that this server has not, by their names in dialects/provider/field_rules.h: refused by
  // name.
  std::vector<std::string> refuses = {};
  std::string reasoning_field = {};  // openai: where the reasoning of an answer lies; empty: both
                                     // "reasoning_content" and "reasoning"
  std::string api_version = {};      // azure's query parameter, anthropic's header; empty: default
  std::string deployment = {};       // azure: the deployment in the path; empty: the model's name
  bool azure = false;                // openai: paths of Azure OpenAI before its v1 API
  std::optional<CredentialStyle> credential = {};  // other than the dialect's

  bool operator==(const Quirks&) const = default;
};

// Reads one answer as it arrives. Every call may be given any split of the bytes.
//
// Unknown fields and unknown event types are skipped. Broken JSON, broken UTF-8, a line or an
// answer over its bound, and an event order that makes no sense are kBackendFailed. Errors never
// hold text of the answer: at most the provider's own error type or code, if it is a word.
class ProviderAnswer {
 public:
  virtual ~ProviderAnswer() = default;

  // Once, first. A status beyond 2xx is no Error here: the body that follows is then read as the
  // provider's error, and End gives the Error. An Error here (wrong content type, a redirect) means
  // the body need not be read.
  virtual Result<void> Head(int status, const ProviderHeaders& headers) = 0;
  // Appends to `out` what the bytes complete: Started first, deltas in order. ChoiceDone for each
  // choice and Done come only when the provider's own end was seen, here or in End.
  virtual Result<void> Feed(std::string_view bytes, std::vector<Event>& out) = 0;
  // The connection delivered everything. kBackendFailed, reason "stream_cut", when the answer had
  // no proper end.
  virtual Result<void> End(std::vector<Event>& out) = 0;
  // Whether Done was given: what follows is ignored, and the connection may be kept.
  virtual bool Finished() const = 0;
  // What was reported so far, for settling an answer that broke.
  virtual Usage Reported() const = 0;
};

// A model as a provider lists it. Absent is unknown.
struct ListedProviderModel {
  std::string name = {};
  std::optional<int64_t> context_tokens = {};
  std::optional<int64_t> max_output_tokens = {};
  std::optional<bool> vision = {};
  std::optional<bool> tools = {};
  std::optional<bool> json_schema = {};
  std::optional<bool> transcribes = {};

  bool operator==(const ListedProviderModel&) const = default;
};

// The table row of one dialect: free functions without state.
struct ProviderDialect {
  std::string_view name = {};  // "openai", as in [[backend]] kind
  CredentialStyle credential = CredentialStyle::kBearer;
  // What the provider cannot express is kUnprocessable with the canonical field in `param` and the
  // reason "not_supported_by_target": refused by name, never dropped. `stream`: ask for a stream.
  // This and `read` are null where the dialect has no chats.
  Result<ProviderCall> (*write)(const GenerateRequest& request, const ProviderModel& model,
                                const Quirks& quirks, bool stream) = nullptr;
  // The reader of the answer to `call`. Copies what it needs of the arguments.
  std::unique_ptr<ProviderAnswer> (*read)(const GenerateRequest& request, const ProviderCall& call,
                                          const Quirks& quirks) = nullptr;
  // Embeddings; both null where the dialect has none. `read_embed` gets the body of a 2xx answer,
  // and gives vectors of unit length, one for each input.
  Result<ProviderCall> (*write_embed)(const EmbedRequest& request, const ProviderModel& model,
                                      const Quirks& quirks) = nullptr;
  Result<Embeddings> (*read_embed)(const EmbedRequest& request, std::string_view body) = nullptr;
  // Speech to text; both null where the dialect has none. `boundary` parts the call's form: what is
  // drawn by chance, of letters, digits and '-'. `read_transcription` gets the body of a 2xx
  // answer.
  Result<ProviderCall> (*write_transcription)(const TranscribeRequest& request,
                                              const ProviderModel& model, const Quirks& quirks,
                                              std::string_view boundary) = nullptr;
  Result<Transcription> (*read_transcription)(std::string_view body) = nullptr;
  // The provider's own word for what went wrong (type or code), out of the body of an answer beyond
  // 2xx, for ProviderStatusError; empty when there is none.
  std::string (*error_word)(std::string_view body) = nullptr;
  // For `weir backend probe`.
  ProviderCall (*list_models)(const Quirks& quirks) = nullptr;
  Result<std::vector<ListedProviderModel>> (*read_models)(std::string_view body) = nullptr;
  // Where the list holds names alone: the call that tells of one model, and what its answer adds to
  // it. Both null elsewhere.
  ProviderCall (*show_model)(const std::string& name) = nullptr;
  void (*read_model)(std::string_view body, ListedProviderModel& model) = nullptr;
};

// What a status beyond 2xx means, the same for all dialects. `detail` is the provider's own error
// word (type or code) and is shown only if it is one: letters, digits, '_', '-', '.', at most 64.
//   400, 422          kUnprocessable  provider_rejected
//   401, 402, 403     kBackendFailed  provider_refused_key
//   404, 410          kBackendFailed  model_retired
//   408, 504          kBackendFailed  provider_timeout
//   413               kTooLarge       provider_rejected
//   429               kUnavailable    provider_rate_limited
//   503, 529          kUnavailable    provider_overloaded
//   3xx               kBackendFailed  provider_redirected (redirects are never followed)
//   others            kBackendFailed  provider_failed
Error ProviderStatusError(int status, int retry_after_s, std::string_view detail);
// Whole seconds of a Retry-After header; 0 when absent or a date that cannot be used. At most an
// hour.
int RetryAfterSeconds(const ProviderHeaders& headers);
// The first value of a header, or empty.
std::string_view FindHeader(const ProviderHeaders& headers, std::string_view name);

}  // namespace weir::chat
