// Canonical events to llama-server's answers of /completion and /infill: as server-sent events, or
// as one object (an array of them for several prompts) at the end. A pure state machine, fed by one
// thread. The order of calls is that of openai/answer.h; a stream has no [DONE].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/event.h"
#include "dialects/llamacpp/request.h"
#include "dialects/openai/choices.h"

namespace weir::llamacpp {

// Ends a text at its first line (after the one it began in) that is indented by less than `least`
// characters. Blank lines are no lines here.
class IndentBound {
 public:
  explicit IndentBound(int32_t least) : least_(static_cast<size_t>(least)) {}

  // What may be shown of the text with this piece; a line's white space waits for what follows it.
  std::string Admit(std::string_view piece);
  // What still waits, at the end.
  std::string Rest();
  bool ended() const { return ended_; }

 private:
  size_t least_;
  std::string held_ = {};
  bool at_line_start_ = false;
  bool ended_ = false;
};

class Encoder {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 20;  // of all text together, when not streamed

  Encoder(std::string model, CompletionForm form);

  Result<void> Append(const chat::Event& event, std::string& out);
  Result<void> End(std::string_view weir, std::string& out);
  void Fail(const Error& error, std::string& out);
  void Heartbeat(std::string& out);
  void Progress(const chat::Progress& progress, std::string& out);

 private:
  struct Choice {
    explicit Choice(int32_t indent) : bound(indent) {}
    std::string text = {};  // of a whole answer; of a stream, nothing
    std::vector<chat::TokenLogprob> logprobs = {};
    std::vector<int32_t> ids = {};
    IndentBound bound;
    chat::ChoiceDone done = {};
    int64_t tokens = 0;  // seen so far
    bool has_newline = false;
  };

  Result<void> Take(const chat::Delta& delta, std::string& out);
  void Partial(size_t index, std::string_view text, const chat::Delta& delta, std::string& out);
  std::string Final(size_t index, std::string_view weir) const;
  std::string Selected(std::string object) const;

  const std::string model_;
  const CompletionForm form_;
  openai::Choices order_;
  std::vector<Choice> choices_ = {};
  chat::Started started_ = {};
  chat::Done done_ = {};
  size_t bytes_ = 0;
  bool over_ = false;
};

// Of /tokenize: ids, or with pieces what each stands for (its bytes, where they are no text).
std::string RenderTokens(const wire::Tokens& tokens);

}  // namespace weir::llamacpp
