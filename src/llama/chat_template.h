// A chat as the tokens that a model expects: its Jinja template rendered by llama-common, tools and
// answer formats included, and the rule that matters most here:
//
//   Text of a client never becomes a control token. "<|im_end|>" typed into a message, a name, a
//   tool's result, arguments, description or schema reaches the model as ordinary text.
//
// How: templates give back one flat string, so before rendering an unguessable mark (private-use
// code points with a nonce of the request) is put inside of every occurrence of a special token's
// text in caller-supplied strings, and at the ends of strings that could complete one with their
// neighbours. The rendered string is cut at the marks and each piece is tokenised alone: no special
// token can be matched across a cut. Without such text there are no marks, and the result is
// tokenised exactly as llama.cpp would.
//
// Where the template knows tools, llama-common's format for the family is used; where it does not,
// a generic system text and grammar. tool_choice "required" is always enforced by a grammar.
//
// A conversation whose last message is the assistant's is an answer that has begun: the prompt ends
// in its text, and what is generated goes on from there.
//
// Threads: Render is const and may run on any thread, several at once. Ownership: the Model must
// outlive it. Bounds: on input and output sizes below. A template is the model's own program: its
// running time is bounded by the size of the input only, since the interpreter cannot be stopped.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/request.h"
#include "llama/grammar.h"
#include "llama/model.h"

namespace weir::llama {

inline constexpr size_t kTemplateBytesMax = 256 << 10;
inline constexpr size_t kChatBytesMax = size_t{32} << 20;    // all strings of one request
inline constexpr size_t kPromptBytesMax = size_t{64} << 20;  // what a template may make of them
inline constexpr size_t kMessagesMax = 4'096;
inline constexpr size_t kToolsMax = 1'024;
inline constexpr size_t kToolNameBytesMax = 128;

// How an answer is to be read: what AnswerParser needs. Shared, immutable, cheap to copy.
class AnswerFormat {
 public:
  struct Data;
  AnswerFormat() = default;  // plain text
  explicit AnswerFormat(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  const Data* get() const { return data_.get(); }

 private:
  std::shared_ptr<const Data> data_ = nullptr;
};

// In a prompt's text in the place of an image, as llama-server has it.
inline constexpr std::string_view kImageText = "<__media__>";

struct RenderedPrompt {
  std::vector<Token> tokens = {};
  // Where images belong: image number `image` of all messages in front of token `at`. Rising.
  struct ImagePlace {
    size_t at = 0;
    size_t image = 0;
  };
  std::vector<ImagePlace> images = {};
  std::string text = {};  // marks removed; for /apply-template, never for a log
  bool has_grammar = false;
  Grammar grammar = {};
  std::vector<std::string> stops = {};  // of the template, besides the request's own
  AnswerFormat format = {};
  // Control tokens that are part of the answer's format ("[TOOL_CALLS]"): their text goes to the
  // parser (Vocabulary::Piece with `special`), while that of all other control tokens is dropped.
  std::vector<Token> visible_tokens = {};
  // What ends the model's thinking; empty where it does not think.
  std::vector<Token> reasoning_end = {};
};

class ChatTemplate {
 public:
  // `source` replaces the model's own template when not empty. A model without a template gets
  // ChatML. kInvalidArgument for a template that does not parse or does not render one message.
  static Result<std::unique_ptr<ChatTemplate>> Create(const Model& model,
                                                      std::string_view source = {});
  ~ChatTemplate();
  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;

  bool supports_tools() const;
  bool supports_reasoning() const;
  std::string_view source() const;

  // request.messages, tools, tool_choice, parallel_tool_calls, response_format, reasoning and
  // template_arguments. Errors: kInvalidArgument naming the field; kUnprocessable when the
  // template refuses the conversation (roles in an order that it does not know, for example).
  // With `images` parts that are images are taken, from users and tools; without, they are refused.
  Result<RenderedPrompt> Render(const chat::GenerateRequest& request, bool images = false) const;

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace weir::llama
