#include <initializer_list>
#include <optional>

#include "dialects/openai/provider.h"
#include "dialects/provider/framed_answer.h"
#include "dialects/provider/logprobs.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

using chat::FinishReason;
using provider::Malformed;

constexpr size_t kTextBytesMax = chat::kProviderAnswerBytesMax;
constexpr size_t kListMax = 100'000;
constexpr int64_t kUnnumbered = -1;  // of all calls that came without a number
constexpr std::string_view kDone = "[DONE]";

// The word in an error object: OpenAI's own, and what others write in its place.
std::string WordOfError(const json::Value& error) {
  // llama-server, where the model wrote what is no call in its template's form. It has no word for
  // that, and the same status as for its own failings.
  const json::Value* message = error.Find("message");
  if (message != nullptr && message->AsString() != nullptr &&
      message->AsString()->starts_with(
          "The model produced output that does not match the expected "))
    return "unreadable_output";
  return provider::WordOf(error, {"code", "type", "status"});
}

// What an error inside a stream would have been as a status.
int StatusOf(const json::Value& error) {
  if (const json::Value* code = error.Find("code"); code != nullptr && code->AsInt() != nullptr) {
    const int64_t status = *code->AsInt();
    if (status >= 400 && status < 600) return static_cast<int>(status);
  }
  const std::string word = WordOfError(error);
  if (word.find("rate_limit") != word.npos) return 429;
  if (word.find("overloaded") != word.npos || word.find("unavailable") != word.npos) return 503;
  return 500;
}

chat::Usage ReadUsage(const json::Value& usage) {
  const json::Value* prompt = usage.Find("prompt_tokens_details");
  const json::Value* completion = usage.Find("completion_tokens_details");
  chat::Usage out = {
      .prompt_tokens = provider::Count(&usage, "prompt_tokens"),
      .cached_tokens = provider::Count(prompt, "cached_tokens"),
      .completion_tokens = provider::Count(&usage, "completion_tokens"),
      .reasoning_tokens = provider::Count(completion, "reasoning_tokens"),
      .accepted_prediction_tokens = provider::Count(completion, "accepted_prediction_tokens"),
      .rejected_prediction_tokens = provider::Count(completion, "rejected_prediction_tokens")};
  if (!out.cached_tokens) out.cached_tokens = provider::Count(&usage, "prompt_cache_hit_tokens");
  return out;
}

std::optional<FinishReason> ReasonOf(std::string_view word) {
  using enum FinishReason;
  struct Row {
    std::string_view word;
    FinishReason reason;
  };
  constexpr Row kRows[] = {{"stop", kStop},
                           {"length", kLength},
                           {"tool_calls", kToolCalls},
                           {"function_call", kToolCalls},
                           {"content_filter", kContentFilter},
                           {"eos", kStop},              // Together, TGI
                           {"eos_token", kStop},        // TGI
                           {"stop_sequence", kStop},    // TGI
                           {"end_turn", kStop},         // servers in front of Anthropic
                           {"tool_use", kToolCalls},    // the same
                           {"max_tokens", kLength},     // the same
                           {"model_length", kLength}};  // Mistral
  for (const Row& row : kRows) {
    if (row.word == word) return row.reason;
  }
  return std::nullopt;
}

// Content is text, or (Mistral) a list of typed chunks, some of them thinking.
void ReadChunks(const json::Array& chunks, bool thinking, int depth, chat::Delta& delta) {
  if (depth > 2) return;
  for (const json::Value& chunk : chunks) {
    const json::Value* text = chunk.Find("text");
    if (text != nullptr && text->AsString() != nullptr)
      (thinking ? delta.reasoning : delta.text) += *text->AsString();
    const json::Value* inner = chunk.Find("thinking");
    if (inner != nullptr && inner->AsArray() != nullptr)
      ReadChunks(*inner->AsArray(), true, depth + 1, delta);
  }
}

void ReadContent(json::Fields& message, chat::Delta& delta) {
  const json::Value* content = message.Take("content");
  if (content == nullptr) return;
  if (const std::string* text = content->AsString()) {
    delta.text += *text;
  } else if (const json::Array* chunks = content->AsArray()) {
    ReadChunks(*chunks, false, 0, delta);
  } else {
    message.Refuse("content", "must be a string or an array");
  }
}

class Answer : public provider::FramedAnswer {
 public:
  Answer(const chat::GenerateRequest& request, const chat::ProviderCall& call,
         const chat::Quirks& quirks)
      : FramedAnswer(Framing::kEvents, call.streams, request.n),
        chats_(request.prompts.empty()),
        reasoning_field_(quirks.reasoning_field),
        id_of_call_(request) {}

 private:
  // Makes ids for calls that came without one.
  struct MadeIds {
    explicit MadeIds(const chat::GenerateRequest& request) {
      turn.messages.resize(request.messages.size());
    }
    std::string For(int32_t choice, int32_t index) const {
      return provider::MadeCallId(turn, choice, index);
    }
    chat::GenerateRequest turn;  // as long as the request, and empty
  };

  Result<void> OnFrame(std::string_view, std::string_view data, Out& out) override {
    if (data == kDone) return events_.End(out);
    const auto parsed = provider::ParseAnswer(data);
    if (!parsed) return Fail(parsed.error());
    return Read(*parsed, "delta", out);
  }

  Result<void> OnWhole(const json::Value& body, Out& out) override {
    if (auto read = Read(body, "message", out); !read) return read;
    return events_.End(out);
  }

  std::string ErrorWord(const json::Value& body) const override {
    const json::Value* error = body.Find("error");
    return WordOfError(error == nullptr ? body : *error);
  }

  Result<void> Read(const json::Value& document, std::string_view said, Out& out) {
    const json::Value* error = document.Find("error");
    if (error != nullptr && !error->is_null())
      return provider::FailedMidway(StatusOf(*error), WordOfError(*error));
    json::Problem problem;
    json::Fields fields(problem, document);
    if (const json::Value* usage = document.Find("usage"); usage != nullptr)
      events_.Report(ReadUsage(*usage));
    const json::Array* choices = fields.List("choices", kListMax);
    for (size_t i = 0; choices != nullptr && i < choices->size() && !problem; ++i) {
      json::Fields choice(problem, (*choices)[i], fields.PathOf("choices", i));
      if (auto read = ReadChoice(choice, said, out); !read) return read;
    }
    if (problem) return Malformed(problem);
    return {};
  }

  Result<void> ReadChoice(json::Fields& choice, std::string_view said, Out& out) {
    chat::Delta delta;
    delta.choice = static_cast<int32_t>(choice.Int("index", 0, INT32_MAX).value_or(0));
    auto message = chats_ ? choice.Nested(said) : std::nullopt;
    if (!chats_) delta.text = choice.String("text", kTextBytesMax).value_or("");
    if (auto logprobs = chats_ ? choice.Nested("logprobs") : std::nullopt) {
      provider::ReadLogprobs(*logprobs, "content", delta);
    }
    if (message) ReadMessage(*message, delta);
    const std::string finish = choice.String("finish_reason", 256).value_or("");
    const json::Value* stop = choice.Take("stop_reason");  // vLLM: which stop string
    if (choice.problem()) return Malformed(choice.problem());
    const int32_t index = delta.choice;
    if (auto spoken = events_.Say(std::move(delta), out); !spoken) return spoken;
    if (message) {
      if (auto called = ReadCalls(*message, index, out); !called) return called;
    }
    const bool named = stop != nullptr && stop->AsString() != nullptr;
    return finish.empty() ? Result<void>()
                          : Finish(index, finish, named ? *stop->AsString() : "", out);
  }

  void ReadMessage(json::Fields& message, chat::Delta& delta) const {
    if (!reasoning_field_.empty()) {
      delta.reasoning = message.String(reasoning_field_, kTextBytesMax).value_or("");
    } else {
      delta.reasoning = message.String("reasoning_content", kTextBytesMax).value_or("");
      const auto other = message.String("reasoning", kTextBytesMax);
      if (delta.reasoning.empty() && other) delta.reasoning = *other;
    }
    ReadContent(message, delta);
    if (auto refusal = message.String("refusal", kTextBytesMax)) delta.text += *refusal;
  }

  Result<void> ReadCalls(json::Fields& message, int32_t choice, Out& out) {
    const json::Array* calls = message.List("tool_calls", kListMax);
    for (size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
      json::Fields call(message.problem(), (*calls)[i], message.PathOf("tool_calls", i));
      if (auto read = ReadCall(call, choice, out); !read) return read;
    }
    if (message.problem()) return Malformed(message.problem());
    return {};
  }

  // A call is a new one when its number is new, or when a known number comes with another id: some
  // servers number all calls 0, or none at all.
  Result<void> ReadCall(json::Fields& call, int32_t choice, Out& out) {
    const auto number = call.Int("index", 0, INT32_MAX);
    std::string id = call.String("id", kTextBytesMax).value_or("");
    auto function = call.Nested("function");
    std::string name = function ? function->String("name", kTextBytesMax).value_or("") : "";
    std::string arguments = function ? ReadArguments(*function) : "";
    if (call.problem()) return Malformed(call.problem());
    const int64_t key = number.value_or(kUnnumbered);
    const std::string* open = events_.OpenedId(choice, key);
    const bool other = open != nullptr && !name.empty() && (!id.empty() ? id != *open : !number);
    if (open != nullptr && !other) return events_.Arguments(choice, key, std::move(arguments), out);
    if (id.empty()) id = id_of_call_.For(choice, events_.calls(choice));
    return events_.OpenCall(choice, key, std::move(id), std::move(name), std::move(arguments), out);
  }

  static std::string ReadArguments(json::Fields& function) {
    const json::Value* arguments = function.Take("arguments");
    if (arguments == nullptr) return {};
    if (const std::string* text = arguments->AsString()) return *text;
    if (arguments->AsObject() != nullptr) return json::Print(*arguments);
    function.Refuse("arguments", "must be a string or an object");
    return {};
  }

  Result<void> Finish(int32_t choice, std::string_view word, std::string stop, Out& out) {
    if (const auto reason = ReasonOf(word))
      return events_.Finish(choice, *reason, std::move(stop), out);
    if (word == "insufficient_system_resource") return provider::FailedMidway(503, word);
    if (word == "error" || word == "abort") return provider::FailedMidway(500, word);
    return Malformed("ends for a reason that is not known");
  }

  const bool chats_;  // else a text goes on
  const std::string reasoning_field_;
  const MadeIds id_of_call_;
};

}  // namespace

std::unique_ptr<chat::ProviderAnswer> ReadProviderChat(const chat::GenerateRequest& request,
                                                       const chat::ProviderCall& call,
                                                       const chat::Quirks& quirks) {
  return std::make_unique<Answer>(request, call, quirks);
}

std::string ProviderErrorWord(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  const json::Value* error = parsed ? parsed->Find("error") : nullptr;
  return error == nullptr ? std::string() : WordOfError(*error);
}

}  // namespace weir::openai
