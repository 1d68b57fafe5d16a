#include "routing/draft_faults.h"

#include <algorithm>
#include <variant>

#include "base/ascii.h"
#include "base/check.h"
#include "base/trim.h"
#include "json/parse.h"
#include "json/schema.h"

namespace weir::routing {
namespace {

constexpr size_t kBeginningBytes = 256;
constexpr json::Limits kLimits = {.depth = 128, .bytes = size_t{4} << 20};

// As Plain writes them. Each is what is said instead of an answer: "I'm sorry" alone may be one.
constexpr std::string_view kRefusals[] = {
    // English
    "i'm sorry, but i can't", "i'm sorry, but i cannot", "i'm sorry, but i'm not able",
    "i'm sorry, but i'm unable", "i'm sorry, but as an ai", "i'm sorry, i can't",
    "i'm sorry, i cannot", "i am sorry, but i can't", "i am sorry, but i cannot",
    "i am sorry, but i am not able", "i am sorry, but i am unable", "sorry, but i can't",
    "sorry, but i cannot", "sorry, i can't", "sorry, i cannot", "i apologize, but i can't",
    "i apologize, but i cannot", "i apologize, but i am unable", "i can't assist",
    "i cannot assist", "i can't help with", "i cannot help with", "i can't answer",
    "i cannot answer", "i can't provide", "i cannot provide", "i can't fulfill", "i cannot fulfill",
    "i'm unable to", "i am unable to", "i'm not able to", "i am not able to",
    "unfortunately, i can't", "unfortunately, i cannot", "unfortunately, i am unable",
    "as an ai language model", "as an ai model", "as an ai assistant", "as an ai,",
    "as a language model", "as a large language model",
    // German
    "es tut mir leid, aber ich kann", "tut mir leid, aber ich kann", "tut mir leid, ich kann",
    "es tut mir leid, ich kann", "entschuldigung, aber ich kann", "leider kann ich ihnen",
    "leider kann ich dir", "leider kann ich dabei", "ich kann ihnen dabei nicht",
    "ich kann dir dabei nicht", "als ki-sprachmodell", "als ki-modell", "als ki-assistent",
    "als ki kann", "als ki habe", "als sprachmodell", "als künstliche intelligenz",
    // French
    "je suis désolé, mais je ne peux", "je suis désolée, mais je ne peux",
    "désolé, mais je ne peux", "désolé, je ne peux", "je ne peux pas vous aider",
    "je ne peux pas t'aider", "en tant que modèle de langage", "en tant qu'ia",
    "en tant qu'intelligence artificielle",
    // Spanish
    "lo siento, pero no puedo", "lo siento, no puedo", "no puedo ayudar", "como modelo de lenguaje",
    "como un modelo de lenguaje", "como modelo de ia",
    // Italian
    "mi dispiace, ma non posso", "non posso aiutar", "come modello linguistico",
    "come modello di linguaggio",
    // Portuguese
    "desculpe, mas não posso", "desculpe, não posso", "sinto muito, mas não posso",
    "não posso ajudar", "como um modelo de linguagem", "como modelo de linguagem",
    // Dutch
    "het spijt me, maar ik kan", "sorry, maar ik kan", "als ai-taalmodel", "als taalmodel"};

// The beginning, in small letters, with one kind of apostrophe and single spaces.
std::string Plain(std::string_view text) {
  constexpr std::string_view kCurly = "\xE2\x80\x99";
  text = Trim(text).substr(0, kBeginningBytes);
  std::string plain;
  while (!text.empty()) {
    if (text.starts_with(kCurly)) {
      plain += '\'';
      text.remove_prefix(kCurly.size());
      continue;
    }
    const bool is_space = text.front() == '\n' || text.front() == ' ' || text.front() == '\t';
    if (!is_space) {
      plain += AsciiLower(text.front());
    } else if (!plain.ends_with(' ')) {
      plain += ' ';
    }
    text.remove_prefix(1);
  }
  return plain;
}

// Whether `text` is JSON that `schema` allows; any JSON where there is no schema that can be read.
bool Fits(std::string_view text, std::string_view schema) {
  const auto value = json::Parse(text, kLimits);
  if (!value) return false;
  if (schema.empty()) return true;
  const auto read = json::Parse(schema, kLimits);
  return !read || json::Fits(*value, *read);
}

bool IsObject(std::string_view text) {
  const auto value = json::Parse(text, kLimits);
  return value && value->AsObject() != nullptr;
}

bool FitsFormat(const chat::ResponseFormat& format, std::string_view text) {
  switch (format.kind) {
    case chat::ResponseFormat::Kind::kText:
    case chat::ResponseFormat::Kind::kGrammar:
      return true;
    case chat::ResponseFormat::Kind::kJsonObject:
      return IsObject(text);
    case chat::ResponseFormat::Kind::kJsonSchema:
      return Fits(text, format.schema);
  }
  CHECK(false, "response format out of range");
}

bool FitsTool(const std::vector<chat::Tool>& tools, const chat::ToolCall& call) {
  const auto tool = std::ranges::find(tools, call.name, &chat::Tool::name);
  // Some servers write nothing where a function takes nothing.
  const std::string_view arguments =
      call.arguments.empty() ? "{}" : std::string_view(call.arguments);
  return tool != tools.end() && IsObject(arguments) && Fits(arguments, tool->parameters);
}

// The place in the order that the route names.
size_t PlaceOf(const Decision& decision, const Target& target) {
  const auto found = std::ranges::find(decision.considered, target.name, &Considered::target);
  return static_cast<size_t>(found - decision.considered.begin());
}

}  // namespace

bool BeginsRefusal(std::string_view text) {
  const std::string plain = Plain(text);
  return std::ranges::any_of(
      kRefusals, [&plain](std::string_view refusal) { return plain.starts_with(refusal); });
}

void DraftFacts::Add(const chat::Event& event) {
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) reason_ = done->reason;
  const auto* delta = std::get_if<chat::Delta>(&event);
  if (delta == nullptr) return;
  text_ += delta->text;
  for (const chat::ToolCallDelta& piece : delta->tool_calls) {
    chat::ToolCall& call = calls_[piece.index];
    call.name += piece.name;
    call.arguments += piece.arguments;
  }
}

std::optional<DraftFault> DraftFacts::FaultOfCalls(const chat::GenerateRequest& request) const {
  using Mode = chat::ToolChoice::Mode;
  const bool may_call = !request.tools.empty() && request.tool_choice.mode != Mode::kNone;
  const bool all_fit = std::ranges::all_of(
      calls_, [&](const auto& call) { return FitsTool(request.tools, call.second); });
  if (may_call && !all_fit) return DraftFault::kInvalidCall;
  const bool must_call = may_call && request.tool_choice.mode == Mode::kRequired;
  if (must_call && calls_.empty()) return DraftFault::kInvalidCall;
  return std::nullopt;
}

std::optional<DraftFault> DraftFacts::FaultOf(const chat::GenerateRequest& request) const {
  const bool filtered = reason_ == chat::FinishReason::kContentFilter;
  if (filtered || (calls_.empty() && BeginsRefusal(text_))) return DraftFault::kRefusal;
  // A longer answer of another model would be cut off, too.
  if (reason_ == chat::FinishReason::kLength) return std::nullopt;
  if (const auto fault = FaultOfCalls(request)) return fault;
  const bool is_text = calls_.empty();
  if (is_text && !FitsFormat(request.response_format, text_)) return DraftFault::kInvalidAnswer;
  return std::nullopt;
}

std::optional<CheckPlan> PlanForFacts(const chat::GenerateRequest& request,
                                      const PromptFacts& facts, const Decision& decision) {
  const bool held = facts.whole || decision.buffer;
  const bool asked = decision.confidence_min.value_or(0) > 0 && decision.eligible.size() > 1;
  const bool one = !request.messages.empty() && request.n == 1 && !facts.tool_loop;
  if (!held || !asked || !one || decision.chosen().tier == Tier::kCloud) return std::nullopt;
  const Target& next = decision.eligible[1];
  if (PlaceOf(decision, next) < PlaceOf(decision, decision.chosen())) return std::nullopt;
  return CheckPlan{
      .gate = GateKind::kHardFacts, .checker = next, .confidence_min = *decision.confidence_min};
}

}  // namespace weir::routing
