// Canonical events to Ollama's answers: lines of JSON as they come, or one object at the end. Pure
// state machines, fed by one thread.
//
// Tool calls come whole there, so that they wait until their choice ends. Append refuses events
// that break the canonical order (kBackendFailed); the caller then calls Fail. `weir` is the text
// of a JSON object with the decision: it goes into the last line, and into the object.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"

namespace weir::ollama {

struct AnswerHead {
  std::string model = {};       // who answers
  std::string created_at = {};  // RFC 3339
  bool chat = true;             // else /api/generate
};

class Encoder {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;  // of what is held, all together

  // `streams`: text leaves as it comes; else all of it is held until End.
  Encoder(AnswerHead head, bool streams) : head_(std::move(head)), streams_(streams) {}

  Result<void> Append(const chat::Event& event, std::string& out);
  // The last line, or the object. kBackendFailed when the answer has not ended.
  Result<void> End(std::string_view weir, std::string& out);
  void Fail(const Error& error, std::string& out);
  // A line that says nothing: clients read every line as JSON.
  void Heartbeat(std::string& out) const { AppendLine({}, out); }

 private:
  Result<void> Add(const chat::Delta& delta, std::string& out);
  Result<void> Hold(const chat::Delta& delta);
  void AppendLine(const chat::Delta& delta, std::string& out) const;

  const AnswerHead head_;
  const bool streams_;
  chat::Delta held_ = {};  // tool calls; and everything else of an answer that does not stream
  std::vector<int32_t> context_ = {};  // of prompt and answer, from a backend that tells its own
  size_t bytes_ = 0;
  chat::ChoiceDone choice_ = {};
  chat::Done done_ = {};
  bool ended_ = false;
  bool over_ = false;
};

// The answer to a request that only loads or unloads a model.
std::string RenderLoaded(const AnswerHead& head, bool unloaded);

// {"model","embeddings",...}; of /api/embeddings {"embedding"}.
std::string RenderEmbed(const chat::Embeddings& embeddings, std::string_view model,
                        int64_t total_ns, std::string_view weir);
std::string RenderEmbedding(const chat::Embeddings& embeddings);

struct ModelEntry {
  std::string name = {};
  std::string modified_at = {};  // RFC 3339
  uint64_t size = 0;             // bytes
  std::string sha256 = {};
  std::string family = {};
  uint64_t parameters = 0;  // 0: unknown
  std::string quantisation = {};
  // For /api/ps.
  std::string expires_at = {};
  int64_t context_tokens = 0;
};
std::string RenderTags(std::span<const ModelEntry> models);
std::string RenderRunning(std::span<const ModelEntry> models);

}  // namespace weir::ollama
