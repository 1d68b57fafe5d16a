#include <algorithm>
#include <optional>

#include "dialects/ollama/provider.h"
#include "dialects/provider/framed_answer.h"
#include "dialects/provider/logprobs.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "dialects/provider/strict_calls.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::ollama {
namespace {

using chat::FinishReason;
using provider::Malformed;

constexpr size_t kTextBytesMax = chat::kProviderAnswerBytesMax;
constexpr size_t kListMax = 100'000;

class Answer : public provider::FramedAnswer {
 public:
  Answer(const chat::GenerateRequest& request, const chat::ProviderCall& call)
      : FramedAnswer(Framing::kLines, call.streams, 1), strict_(request) {
    turn_.messages.resize(request.messages.size());
  }

 private:
  Result<void> OnFrame(std::string_view, std::string_view data, Out& out) override {
    const auto parsed = provider::ParseAnswer(data);
    if (!parsed) return Fail(parsed.error());
    return Read(*parsed, out);
  }

  Result<void> OnWhole(const json::Value& body, Out& out) override { return Read(body, out); }

  // Ollama's errors are sentences.
  std::string ErrorWord(const json::Value&) const override { return {}; }

  Result<void> Read(const json::Value& document, Out& out) {
    const json::Value* error = document.Find("error");
    if (error != nullptr && !error->is_null()) return provider::FailedMidway(500, {});
    json::Problem problem;
    json::Fields line(problem, document);
    chat::Delta delta;
    provider::ReadLogprobs(line, "logprobs", delta);
    auto message = line.Nested("message");
    if (message) {
      delta.text = message->String("content", kTextBytesMax).value_or("");
      delta.reasoning = message->String("thinking", kTextBytesMax).value_or("");
    } else {  // of /api/generate
      delta.text = line.String("response", kTextBytesMax).value_or("");
      delta.reasoning = line.String("thinking", kTextBytesMax).value_or("");
    }
    const bool done = line.Bool("done").value_or(false);
    const std::string word = line.String("done_reason", 256).value_or("");
    if (problem) return Malformed(problem);
    if (auto said = events_.Say(std::move(delta), out); !said) return said;
    if (message) {
      if (auto called = ReadCalls(*message, out); !called) return called;
    }
    return done ? Finish(document, word, out) : Result<void>();
  }

  Result<void> Finish(const json::Value& document, std::string_view word, Out& out) {
    events_.Report({.prompt_tokens = provider::Count(&document, "prompt_eval_count"),
                    .completion_tokens = provider::Count(&document, "eval_count")});
    // Servers before 0.1.30 name no reason.
    if (word != "stop" && word != "length" && !word.empty())
      return Malformed("ends for a reason that is not known");
    const FinishReason reason = word == "length" ? FinishReason::kLength : FinishReason::kStop;
    if (auto finished = events_.Finish(0, reason, {}, out); !finished) return finished;
    return events_.End(out);
  }

  Result<void> ReadCalls(json::Fields& message, Out& out) {
    const json::Array* calls = message.List("tool_calls", kListMax);
    for (size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
      json::Fields call(message.problem(), (*calls)[i], message.PathOf("tool_calls", i));
      if (auto read = ReadCall(call, out); !read) return read;
    }
    if (message.problem()) return Malformed(message.problem());
    return {};
  }

  // Calls come whole; older servers give them no ids.
  Result<void> ReadCall(json::Fields& call, Out& out) {
    std::string id = call.String("id", kTextBytesMax).value_or("");
    auto function = call.Require().Nested("function");
    if (!function) return {};
    std::string name = function->Require().String("name", kTextBytesMax).value_or("");
    const json::Object* arguments = function->Map("arguments", kListMax);
    if (call.problem()) return {};
    const json::Value said = arguments == nullptr ? json::Object{} : *arguments;
    if (auto fits = strict_.Check(name, said); !fits) return fits;
    const int32_t number = events_.calls(0);
    if (id.empty()) id = provider::MadeCallId(turn_, 0, number);
    return events_.OpenCall(0, number, std::move(id), std::move(name), json::Print(said), out);
  }

  provider::StrictCalls strict_;
  chat::GenerateRequest turn_;  // as long as the request, and empty: for ids
};

}  // namespace

std::unique_ptr<chat::ProviderAnswer> ReadProviderChat(const chat::GenerateRequest& request,
                                                       const chat::ProviderCall& call,
                                                       const chat::Quirks&) {
  return std::make_unique<Answer>(request, call);
}

std::string ProviderErrorWord(std::string_view) { return {}; }

Result<chat::Embeddings> ReadProviderEmbeddings(const chat::EmbedRequest& request,
                                                std::string_view body) {
  const auto parsed = provider::ParseEmbeddings(body);
  if (!parsed) return Fail(parsed.error());
  const json::Value* list = parsed->Find("embeddings");
  const json::Array* items = list == nullptr ? nullptr : list->AsArray();
  if (items == nullptr || items->size() != request.inputs.size())
    return Malformed("has not one embedding for each input");
  chat::Embeddings out;
  for (const json::Value& item : *items) {
    auto vector = provider::ReadVector(item);
    if (!vector) return Fail(vector.error());
    if (auto unit = provider::Normalise(*vector); !unit) return Fail(unit.error());
    out.vectors.push_back(std::move(*vector));
  }
  out.usage.prompt_tokens = provider::Count(&*parsed, "prompt_eval_count");
  return out;
}

Result<std::vector<chat::ListedProviderModel>> ReadProviderModels(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  if (!parsed) return Fail(parsed.error());
  const json::Value* list = parsed->Find("models");
  const json::Array* items = list == nullptr ? nullptr : list->AsArray();
  if (items == nullptr) return Malformed("is not a list of models");
  std::vector<chat::ListedProviderModel> out;
  for (const json::Value& item : *items) {
    chat::ListedProviderModel model = {.name = provider::WordOf(item, {"model", "name"})};
    if (!model.name.empty()) out.push_back(std::move(model));
  }
  return out;
}

// Its context lies below the name of its architecture. The list of what it can do is whole.
void ReadProviderModel(std::string_view body, chat::ListedProviderModel& model) {
  const auto parsed = provider::ParseAnswer(body);
  if (!parsed) return;
  const json::Value* info = parsed->Find("model_info");
  if (info != nullptr) {
    const std::string architecture = provider::WordOf(*info, {"general.architecture"});
    model.context_tokens = provider::Count(info, architecture + ".context_length");
  }
  const json::Value* capabilities = parsed->Find("capabilities");
  const json::Array* words = capabilities == nullptr ? nullptr : capabilities->AsArray();
  if (words == nullptr) return;  // servers before 0.6.4
  const auto can = [&](std::string_view word) {
    return std::ranges::any_of(*words, [&](const json::Value& each) {
      return each.AsString() != nullptr && *each.AsString() == word;
    });
  };
  model.vision = can("vision");
  model.tools = can("tools");
}

constinit const chat::ProviderDialect kProvider = {.name = "ollama",
                                                   .credential = chat::CredentialStyle::kBearer,
                                                   .write = WriteProviderChat,
                                                   .read = ReadProviderChat,
                                                   .write_embed = WriteProviderEmbeddings,
                                                   .read_embed = ReadProviderEmbeddings,
                                                   .error_word = ProviderErrorWord,
                                                   .list_models = ListProviderModels,
                                                   .read_models = ReadProviderModels,
                                                   .show_model = ShowProviderModel,
                                                   .read_model = ReadProviderModel};

}  // namespace weir::ollama
