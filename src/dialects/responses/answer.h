// Canonical events to an answer of the Responses API: a response object at the end, and, in a
// stream, the events that lead there. A pure state machine, fed by one thread.
//
//   Encoder encoder(head, echo, {.stream = true});
//   encoder.Append(event, out)                 for each event
//   encoder.Object(weir, now_s)                the response, when all has come; what is kept
//   encoder.End(object, out)                   the last events, or the body
//   encoder.Fail(error, out)                   instead of End, in a stream
//
// Append refuses events that break the canonical order (kBackendFailed); the caller then calls
// Fail. After End or Fail any further call is a bug. A stream repeats everything in its last event,
// so its bytes are bounded as those of a whole answer are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "dialects/openai/choices.h"
#include "dialects/responses/request.h"
#include "json/writer.h"

namespace weir::responses {

struct AnswerHead {
  std::string id = {};  // "resp_..."; what follows the prefix is in the ids of the items
  int64_t created_s = 0;
  std::string model = {};  // who answered
};

// A passage that the answer was given to rest on; [1] in its text cites the first.
struct Source {
  std::string file_id = {};
  std::string filename = {};
  std::string text = {};
  float score = 0;
  json::Value attributes = {};  // an object, or null
};

// What the tool file_search did before the answer began.
struct Searched {
  std::string query = {};
  std::vector<Source> sources = {};
  bool results = false;  // the passages themselves are in the answer
};

struct AnswerForm {
  bool stream = false;
  bool logprobs = false;
};

class Encoder {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;  // of all text together

  Encoder(AnswerHead head, Echo echo, const AnswerForm& form,
          std::optional<Searched> searched = {});

  Result<void> Append(const chat::Event& event, std::string& out);
  // kBackendFailed when the answer has not ended. `weir` is the text of a JSON object, or empty.
  // `kept` is what the answer says of itself in `store`.
  Result<std::string> Object(std::string_view weir, int64_t now_s, bool kept) const;
  // What the answer adds to its conversation; once it has ended.
  std::vector<KeptItem> Items() const;
  void End(std::string_view object, std::string& out);
  void Fail(const Error& error, std::string& out);
  // Comments, which keep the connection open and which clients skip: how far a long prompt is, and
  // that there is nothing to say.
  void Progress(const chat::Progress& progress, std::string& out);
  void Heartbeat(std::string& out);

 private:
  enum class Kind : uint8_t { kReasoning, kMessage, kCall, kSearch };
  struct Item {
    Kind kind = Kind::kMessage;
    std::string id = {};
    std::string text = {};  // kCall: the arguments
    std::string call_id = {};
    std::string name = {};
    std::vector<chat::TokenLogprob> logprobs = {};
    bool done = false;
  };
  enum class Status : uint8_t { kInProgress, kCompleted, kIncomplete, kFailed };

  // Whether a bound, or a filter, ended the answer before the model did.
  bool cut() const {
    return reason_ == chat::FinishReason::kLength || reason_ == chat::FinishReason::kContentFilter;
  }
  void Start(std::string& out);
  Result<void> Take(const chat::Delta& delta, std::string& out);
  Result<void> TakeCall(const chat::ToolCallDelta& delta, std::string& out);
  // The item of that kind that is being written, or a new one.
  size_t Open(Kind kind, std::string& out);
  size_t Add(Item item, std::string& out);
  void AddText(Kind kind, const std::string& text, const std::vector<chat::TokenLogprob>& logprobs,
               std::string& out);
  // Ends what is complete; everything where `all`.
  void Close(bool all, std::string& out);
  void CloseItem(size_t index, std::string& out);

  template <class Write>
  void Event(std::string_view type, std::string& out, Write write);
  void WriteSearch(json::Writer& writer, bool begun) const;
  void WriteText(json::Writer& writer, const Item& item) const;
  void WriteItem(std::string& out, const Item& item, std::string_view status) const;
  std::string Response(Status status, const Error* error, std::string_view weir,
                       int64_t completed_s, bool kept) const;

  const AnswerHead head_;
  const Echo echo_;
  const AnswerForm form_;
  const std::optional<Searched> searched_;
  std::string id_base_;
  openai::Choices choices_{1};
  std::vector<Item> items_ = {};
  std::vector<size_t> open_ = {};   // index in items_ of each that is not done
  std::vector<size_t> calls_ = {};  // index in items_ of each tool call
  chat::FinishReason reason_ = chat::FinishReason::kStop;
  chat::Usage usage_ = {};
  size_t bytes_ = 0;
  int64_t sequence_ = 0;
  bool started_ = false;
  bool over_ = false;
};

// DELETE's answer.
std::string RenderDeleted(std::string_view id);

// A page of items, as they are kept.
struct Page {
  std::vector<KeptItem> items = {};
  bool has_more = false;
};
std::string RenderItems(const Page& page);
std::string RenderInputTokens(int64_t tokens);

}  // namespace weir::responses
