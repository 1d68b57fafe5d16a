#include <map>
#include <optional>

#include "dialects/anthropic/provider.h"
#include "dialects/provider/framed_answer.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::anthropic {
namespace {

using chat::FinishReason;
using provider::Malformed;

constexpr size_t kTextBytesMax = chat::kProviderAnswerBytesMax;
constexpr int64_t kBlocksMax = 100'000;

// What Anthropic's error types are as statuses.
int StatusOf(std::string_view type) {
  struct Row {
    std::string_view type;
    int status;
  };
  constexpr Row kRows[] = {
      {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
      {"permission_error", 403},      {"not_found_error", 404},      {"request_too_large", 413},
      {"rate_limit_error", 429},      {"timeout_error", 504},        {"overloaded_error", 529}};
  for (const Row& row : kRows) {
    if (row.type == type) return row.status;
  }
  return 500;
}

std::string ErrorType(const json::Value& body) {
  const json::Value* error = body.Find("error");
  return error == nullptr ? std::string() : provider::WordOf(*error, {"type"});
}

std::optional<FinishReason> ReasonOf(std::string_view word) {
  if (word == "end_turn" || word == "stop_sequence") return FinishReason::kStop;
  if (word == "tool_use") return FinishReason::kToolCalls;
  if (word == "max_tokens" || word == "model_context_window_exceeded") return FinishReason::kLength;
  if (word == "refusal") return FinishReason::kContentFilter;
  return std::nullopt;
}

class Answer : public provider::FramedAnswer {
 public:
  explicit Answer(const chat::ProviderCall& call)
      : FramedAnswer(Framing::kEvents, call.streams, 1) {}

 private:
  // Input tokens come in three counts, which add up; later reports may leave some out.
  struct Input {
    std::optional<int64_t> fresh, read, written;

    void Take(const json::Value& usage) {
      if (auto count = provider::Count(&usage, "input_tokens")) fresh = count;
      if (auto count = provider::Count(&usage, "cache_read_input_tokens")) read = count;
      if (auto count = provider::Count(&usage, "cache_creation_input_tokens")) written = count;
    }
    std::optional<int64_t> Sum() const {
      if (!fresh) return std::nullopt;
      return *fresh + read.value_or(0) + written.value_or(0);
    }
  };

  void Report(const json::Value* usage) {
    if (usage == nullptr || usage->AsObject() == nullptr) return;
    input_.Take(*usage);
    events_.Report({.prompt_tokens = input_.Sum(),
                    .cached_tokens = input_.read,
                    .cache_written_tokens = input_.written,
                    .completion_tokens = provider::Count(usage, "output_tokens"),
                    .reasoning_tokens =
                        provider::Count(usage->Find("output_tokens_details"), "thinking_tokens")});
  }

  Result<void> OnFrame(std::string_view, std::string_view data, Out& out) override {
    const auto parsed = provider::ParseAnswer(data);
    if (!parsed) return Fail(parsed.error());
    const std::string type = provider::WordOf(*parsed, {"type"});
    if (type == "error")
      return provider::FailedMidway(StatusOf(ErrorType(*parsed)), ErrorType(*parsed));
    if (type == "message_stop") return events_.End(out);
    json::Problem problem;
    json::Fields event(problem, *parsed);
    Result<void> taken;
    if (type == "message_start") taken = OnMessageStart(event, out);
    if (type == "content_block_start") taken = OnBlockStart(event, out);
    if (type == "content_block_delta") taken = OnBlockDelta(event, out);
    if (type == "message_delta") taken = OnMessageDelta(event, out);
    if (problem) return Malformed(problem);
    return taken;
  }

  Result<void> OnMessageStart(json::Fields& event, Out& out) {
    auto message = event.Require().Nested("message");
    if (message) Report(message->Take("usage"));
    events_.Start(out);
    return {};
  }

  Result<void> OnBlockStart(json::Fields& event, Out& out) {
    const int64_t index = event.Require().Int("index", 0, kBlocksMax).value_or(0);
    auto block = event.Require().Nested("content_block");
    return block ? ReadBlock(*block, index, out) : Result<void>();
  }

  // Blocks of types that are not known (citations, results of the provider's own tools) are
  // skipped.
  Result<void> ReadBlock(json::Fields& block, int64_t index, Out& out) {
    const std::string type = block.String("type", 256).value_or("");
    if (type == "tool_use") {
      std::string id = block.Require().String("id", kTextBytesMax).value_or("");
      std::string name = block.Require().String("name", kTextBytesMax).value_or("");
      const json::Value* input = block.Take("input");
      if (block.problem()) return {};
      const bool whole =
          input != nullptr && input->AsObject() != nullptr && !input->AsObject()->empty();
      return events_.OpenCall(0, index, std::move(id), std::move(name),
                              whole ? json::Print(*input) : "", out);
    }
    chat::Delta delta;
    if (type == "text") delta.text = block.String("text", kTextBytesMax).value_or("");
    if (type == "thinking") {
      delta.reasoning = block.String("thinking", kTextBytesMax).value_or("");
      Sign(block, delta);
    }
    if (type == "redacted_thinking") {
      std::string data = block.String("data", kTextBytesMax).value_or("");
      if (!data.empty()) delta.thoughts.push_back({.hidden = std::move(data)});
    }
    return events_.Say(std::move(delta), out);
  }

  // Empty where the signature of a stream is yet to come.
  static void Sign(json::Fields& fields, chat::Delta& delta) {
    std::string signature = fields.String("signature", kTextBytesMax).value_or("");
    if (!signature.empty()) delta.thoughts.push_back({.signature = std::move(signature)});
  }

  Result<void> OnBlockDelta(json::Fields& event, Out& out) {
    const int64_t index = event.Require().Int("index", 0, kBlocksMax).value_or(0);
    auto piece = event.Require().Nested("delta");
    if (!piece) return {};
    const std::string type = piece->String("type", 256).value_or("");
    if (type == "input_json_delta") {
      std::string part = piece->String("partial_json", kTextBytesMax).value_or("");
      // Of a block that was skipped: one of the provider's own tools.
      if (events_.OpenedId(0, index) == nullptr) return {};
      return events_.Arguments(0, index, std::move(part), out);
    }
    chat::Delta delta;
    if (type == "text_delta") delta.text = piece->String("text", kTextBytesMax).value_or("");
    if (type == "thinking_delta")
      delta.reasoning = piece->String("thinking", kTextBytesMax).value_or("");
    if (type == "signature_delta") Sign(*piece, delta);
    return events_.Say(std::move(delta), out);
  }

  Result<void> OnMessageDelta(json::Fields& event, Out& out) {
    Report(event.Take("usage"));
    auto delta = event.Nested("delta");
    return delta ? ReadEnd(*delta, out) : Result<void>();
  }

  Result<void> ReadEnd(json::Fields& fields, Out& out) {
    const std::string word = fields.String("stop_reason", 256).value_or("");
    std::string stop = fields.String("stop_sequence", kTextBytesMax).value_or("");
    if (word.empty() || fields.problem()) return {};
    const auto reason = ReasonOf(word);
    if (!reason) return Malformed("ends for a reason that is not known");
    return events_.Finish(0, *reason, std::move(stop), out);
  }

  Result<void> OnWhole(const json::Value& body, Out& out) override {
    if (provider::WordOf(body, {"type"}) == "error")
      return provider::FailedMidway(StatusOf(ErrorType(body)), ErrorType(body));
    json::Problem problem;
    json::Fields message(problem, body);
    Report(message.Take("usage"));
    const json::Array* content = message.Require().List("content", kBlocksMax);
    for (size_t i = 0; content != nullptr && i < content->size() && !problem; ++i) {
      json::Fields block(problem, (*content)[i], message.PathOf("content", i));
      if (auto read = ReadBlock(block, static_cast<int64_t>(i), out); !read) return read;
    }
    if (auto ended = ReadEnd(message, out); !ended) return ended;
    if (problem) return Malformed(problem);
    return events_.End(out);
  }

  std::string ErrorWord(const json::Value& body) const override { return ErrorType(body); }

  Input input_;
};

}  // namespace

std::unique_ptr<chat::ProviderAnswer> ReadProviderChat(const chat::GenerateRequest&,
                                                       const chat::ProviderCall& call,
                                                       const chat::Quirks&) {
  return std::make_unique<Answer>(call);
}

std::string ProviderErrorWord(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  return parsed ? ErrorType(*parsed) : std::string();
}

Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  if (!parsed) return Fail(parsed.error());
  const json::Value* data = parsed->Find("data");
  const json::Array* items = data == nullptr ? nullptr : data->AsArray();
  if (items == nullptr) return Malformed("is not a list of models");
  std::vector<chat::ListedProviderModel> out;
  for (const json::Value& item : *items) {
    chat::ListedProviderModel model = {.name = provider::WordOf(item, {"id"})};
    model.context_tokens = provider::Count(&item, "max_input_tokens");
    model.max_output_tokens = provider::Count(&item, "max_tokens");
    const json::Value* capabilities = item.Find("capabilities");
    const json::Value* images =
        capabilities == nullptr ? nullptr : capabilities->Find("image_input");
    const json::Value* supported = images == nullptr ? nullptr : images->Find("supported");
    if (supported != nullptr && supported->AsBool() != nullptr) model.vision = *supported->AsBool();
    if (!model.name.empty()) out.push_back(std::move(model));
  }
  return out;
}

constinit const chat::ProviderDialect kProvider = {.name = "anthropic",
                                                   .credential = chat::CredentialStyle::kXApiKey,
                                                   .write = WriteProviderChat,
                                                   .read = ReadProviderChat,
                                                   .error_word = ProviderErrorWord,
                                                   .list_models = ListProviderModels,
                                                   .read_models = ReadProviderModels};

}  // namespace weir::anthropic
