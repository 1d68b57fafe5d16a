#include <optional>

#include "dialects/gemini/provider.h"
#include "dialects/provider/framed_answer.h"
#include "dialects/provider/malformed.h"
#include "dialects/provider/request_pieces.h"
#include "json/fields.h"
#include "json/writer.h"

namespace weir::gemini {
namespace {

using chat::FinishReason;
using provider::Malformed;

constexpr size_t kTextBytesMax = chat::kProviderAnswerBytesMax;
constexpr size_t kListMax = 100'000;
constexpr std::string_view kNotYet = "FINISH_REASON_UNSPECIFIED";

// The error object; a stream that fails at once may send it in a list.
const json::Value* ErrorOf(const json::Value& body) {
  const json::Array* list = body.AsArray();
  const json::Value* document = list != nullptr && !list->empty() ? &(*list)[0] : &body;
  const json::Value* error = document->Find("error");
  return error == nullptr || error->is_null() ? nullptr : error;
}

std::string ErrorStatus(const json::Value& body) {
  const json::Value* error = ErrorOf(body);
  return error == nullptr ? std::string() : provider::WordOf(*error, {"status"});
}

int ErrorCode(const json::Value& error) {
  const auto code = provider::Count(&error, "code");
  return code && *code >= 400 && *code < 600 ? static_cast<int>(*code) : 500;
}

std::optional<FinishReason> ReasonOf(std::string_view word) {
  if (word == "STOP") return FinishReason::kStop;
  if (word == "MAX_TOKENS" || word == "CONTINUATION") return FinishReason::kLength;
  for (const std::string_view filter :
       {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION", "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR"}) {
    if (word == filter) return FinishReason::kContentFilter;
  }
  return std::nullopt;
}

chat::Usage ReadUsage(const json::Value& usage) {
  chat::Usage out = {.prompt_tokens = provider::Count(&usage, "promptTokenCount"),
                     .cached_tokens = provider::Count(&usage, "cachedContentTokenCount"),
                     .reasoning_tokens = provider::Count(&usage, "thoughtsTokenCount")};
  const auto tools = provider::Count(&usage, "toolUsePromptTokenCount");
  if (out.prompt_tokens && tools) *out.prompt_tokens += *tools;
  const auto said = provider::Count(&usage, "candidatesTokenCount");
  if (said || out.reasoning_tokens)
    out.completion_tokens = said.value_or(0) + out.reasoning_tokens.value_or(0);
  return out;
}

class Answer : public provider::FramedAnswer {
 public:
  Answer(const chat::GenerateRequest& request, const chat::ProviderCall& call)
      : FramedAnswer(Framing::kEvents, call.streams, request.n),
        reasons_(static_cast<size_t>(request.n)) {
    turn_.messages.resize(request.messages.size());
  }

 private:
  Result<void> OnFrame(std::string_view, std::string_view data, Out& out) override {
    const auto parsed = provider::ParseAnswer(data);
    if (!parsed) return Fail(parsed.error());
    return Read(*parsed, out);
  }

  Result<void> OnWhole(const json::Value& body, Out& out) override {
    if (auto read = Read(body, out); !read) return read;
    return OnStreamEnd(out);
  }

  // Older models name a reason in every chunk, and the usage comes last: a choice ends with the
  // stream.
  Result<void> OnStreamEnd(Out& out) override {
    for (size_t i = 0; i < reasons_.size(); ++i) {
      if (!reasons_[i]) return provider::Cut();
      auto ended = events_.Finish(static_cast<int32_t>(i), *reasons_[i], {}, out);
      if (!ended) return ended;
    }
    return events_.End(out);
  }

  std::string ErrorWord(const json::Value& body) const override { return ErrorStatus(body); }

  Result<void> Read(const json::Value& document, Out& out) {
    if (const json::Value* error = ErrorOf(document))
      return provider::FailedMidway(ErrorCode(*error), ErrorStatus(document));
    json::Problem problem;
    json::Fields fields(problem, document);
    if (const json::Value* usage = fields.Take("usageMetadata")) events_.Report(ReadUsage(*usage));
    const json::Array* candidates = fields.List("candidates", kListMax);
    for (size_t i = 0; candidates != nullptr && i < candidates->size() && !problem; ++i) {
      json::Fields candidate(problem, (*candidates)[i], fields.PathOf("candidates", i));
      if (auto read = ReadCandidate(candidate, out); !read) return read;
    }
    if (problem) return Malformed(problem);
    // A prompt that was blocked has no candidates at all.
    const json::Value* feedback = document.Find("promptFeedback");
    if (candidates == nullptr && feedback != nullptr && feedback->Find("blockReason") != nullptr)
      reasons_.assign(reasons_.size(), FinishReason::kContentFilter);
    return {};
  }

  Result<void> ReadCandidate(json::Fields& candidate, Out& out) {
    const auto index = static_cast<int32_t>(candidate.Int("index", 0, INT32_MAX).value_or(0));
    if (static_cast<size_t>(index) >= reasons_.size())
      return Malformed("has a candidate that was not asked for");
    chat::Delta logprobs = {.choice = index};
    ReadLogprobs(candidate, logprobs);
    auto content = candidate.Nested("content");
    const json::Array* parts = content ? content->List("parts", kListMax) : nullptr;
    for (size_t i = 0; parts != nullptr && i < parts->size() && !candidate.problem(); ++i) {
      json::Fields part(candidate.problem(), (*parts)[i], content->PathOf("parts", i));
      if (auto read = ReadPart(part, index, out); !read) return read;
    }
    const std::string word = candidate.String("finishReason", 256).value_or("");
    if (candidate.problem()) return Malformed(candidate.problem());
    if (auto said = events_.Say(std::move(logprobs), out); !said) return said;
    if (word.empty() || word == kNotYet) return {};
    const auto reason = ReasonOf(word);
    if (!reason) return provider::FailedMidway(500, word);
    reasons_[static_cast<size_t>(index)] = reason;
    return {};
  }

  Result<void> ReadPart(json::Fields& part, int32_t choice, Out& out) {
    if (auto call = part.Nested("functionCall")) return ReadCall(*call, choice, out);
    chat::Delta delta = {.choice = choice};
    const bool thought = part.Bool("thought").value_or(false);
    (thought ? delta.reasoning : delta.text) = part.String("text", kTextBytesMax).value_or("");
    return events_.Say(std::move(delta), out);
  }

  // Calls come whole.
  Result<void> ReadCall(json::Fields& call, int32_t choice, Out& out) {
    std::string id = call.String("id", kTextBytesMax).value_or("");
    std::string name = call.Require().String("name", kTextBytesMax).value_or("");
    const json::Object* arguments = call.Map("args", kListMax);
    if (call.problem()) return Malformed(call.problem());
    const int32_t number = events_.calls(choice);
    if (id.empty()) id = provider::MadeCallId(turn_, choice, number);
    return events_.OpenCall(choice, number, std::move(id), std::move(name),
                            arguments == nullptr ? "{}" : json::Print(json::Value(*arguments)),
                            out);
  }

  static std::pair<std::string, std::optional<float>> ReadToken(json::Fields& token) {
    std::string text = token.String("token", kTextBytesMax).value_or("");
    const auto number = token.Number("logProbability", -1e9, 1e-3);
    if (!number) return {std::move(text), std::nullopt};
    return {std::move(text), static_cast<float>(*number)};
  }

  static void ReadLogprobs(json::Fields& candidate, chat::Delta& delta) {
    auto result = candidate.Nested("logprobsResult");
    const json::Array* chosen = result ? result->List("chosenCandidates", kListMax) : nullptr;
    const json::Array* tops = result ? result->List("topCandidates", kListMax) : nullptr;
    for (size_t i = 0; chosen != nullptr && i < chosen->size() && !candidate.problem(); ++i) {
      json::Fields token(candidate.problem(), (*chosen)[i], result->PathOf("chosenCandidates", i));
      auto [text, logprob] = ReadToken(token);
      chat::TokenLogprob out = {.bytes = std::move(text), .logprob = logprob};
      if (tops != nullptr && i < tops->size()) {
        json::Fields top(candidate.problem(), (*tops)[i], result->PathOf("topCandidates", i));
        ReadTop(top, out);
      }
      delta.logprobs.push_back(std::move(out));
    }
  }

  static void ReadTop(json::Fields& top, chat::TokenLogprob& token) {
    const json::Array* others = top.List("candidates", 1024);
    for (size_t k = 0; others != nullptr && k < others->size() && !top.problem(); ++k) {
      json::Fields other(top.problem(), (*others)[k], top.PathOf("candidates", k));
      auto [text, logprob] = ReadToken(other);
      if (logprob) token.top.push_back({std::move(text), *logprob});
    }
  }

  chat::GenerateRequest turn_;  // as long as the request, and empty: for ids
  std::vector<std::optional<FinishReason>> reasons_;
};

}  // namespace

std::unique_ptr<chat::ProviderAnswer> ReadProviderChat(const chat::GenerateRequest& request,
                                                       const chat::ProviderCall& call,
                                                       const chat::Quirks&) {
  return std::make_unique<Answer>(request, call);
}

std::string ProviderErrorWord(std::string_view body) {
  const auto parsed = provider::ParseAnswer(body);
  return parsed ? ErrorStatus(*parsed) : std::string();
}

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
    const json::Value* values = item.Find("values");
    auto vector = provider::ReadVector(values == nullptr ? json::Value() : *values);
    if (!vector) return Fail(vector.error());
    if (auto unit = provider::Normalise(*vector); !unit) return Fail(unit.error());
    out.vectors.push_back(std::move(*vector));
  }
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
    chat::ListedProviderModel model = {.name = provider::WordOf(item, {"name"})};
    if (model.name.starts_with("models/")) model.name.erase(0, 7);
    model.context_tokens = provider::Count(&item, "inputTokenLimit");
    model.max_output_tokens = provider::Count(&item, "outputTokenLimit");
    if (!model.name.empty()) out.push_back(std::move(model));
  }
  return out;
}

constinit const chat::ProviderDialect kProvider = {
    .name = "gemini",
    .credential = chat::CredentialStyle::kXGoogApiKey,
    .write = WriteProviderChat,
    .read = ReadProviderChat,
    .write_embed = WriteProviderEmbeddings,
    .read_embed = ReadProviderEmbeddings,
    .error_word = ProviderErrorWord,
    .list_models = ListProviderModels,
    .read_models = ReadProviderModels};

}  // namespace weir::gemini
