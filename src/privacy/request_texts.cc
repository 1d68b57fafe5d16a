#include "privacy/request_texts.h"

#include <fmt/core.h>

#include <algorithm>

#include "chat/text_file.h"

namespace weir::privacy {
namespace {

class Visits {
 public:
  explicit Visits(const TextVisitor& visit) : visit_(visit) {}

  void Text(std::string_view of, size_t number, std::string_view part,
            std::string_view text) const {
    if (!text.empty()) visit_({of, number, part}, text);
  }
  void Texts(std::string_view of, const std::vector<std::string>& texts) const {
    for (size_t i = 0; i < texts.size(); ++i) Text(of, i + 1, "", texts[i]);
  }
  void Prompts(std::string_view of, const std::vector<chat::Prompt>& prompts) const {
    for (size_t i = 0; i < prompts.size(); ++i) Text(of, i + 1, "", prompts[i].text);
  }
  void Messages(const std::vector<chat::Message>& messages) const {
    for (size_t i = 0; i < messages.size(); ++i) Message(i + 1, messages[i]);
  }
  void Tools(const std::vector<chat::Tool>& tools) const {
    for (size_t i = 0; i < tools.size(); ++i) {
      Text("tool", i + 1, "name", tools[i].name);
      Text("tool", i + 1, "description", tools[i].description);
      Text("tool", i + 1, "parameters", tools[i].parameters);
    }
  }

 private:
  void Message(size_t number, const chat::Message& message) const {
    // Each part by itself, and together as a model reads them: what is cut in two is still found.
    if (message.parts.size() > 1) Text("message", number, "", chat::TextOf(message));
    for (const chat::Part& part : message.parts) {
      Text("message", number, "", part.text);
      Text("message", number, "media type", part.media_type);
      Text("message", number, "url", part.url);
      Text("message", number, "file name", part.name);
      if (chat::IsTextFile(part)) Text("message", number, "file", part.data);
      Text("message", number, "detail", part.detail);
    }
    Text("message", number, "reasoning", message.reasoning);
    // Nothing but a provider's promise says that these are no text.
    for (const chat::Thought& thought : message.thoughts) {
      Text("message", number, "signature of reasoning", thought.signature);
      Text("message", number, "hidden reasoning", thought.hidden);
    }
    for (const chat::ToolCall& call : message.tool_calls) {
      Text("message", number, "tool call id", call.id);
      Text("message", number, "tool call name", call.name);
      Text("message", number, "tool call arguments", call.arguments);
    }
    Text("message", number, "tool call id", message.tool_call_id);
    Text("message", number, "name", message.name);
  }

  const TextVisitor& visit_;
};

}  // namespace

std::string ToText(const TextPlace& place) {
  std::string text(place.of);
  if (place.number > 0) text += fmt::format(" {}", place.number);
  if (!place.part.empty()) text += fmt::format(" {}", place.part);
  return text;
}

void VisitTexts(const chat::GenerateRequest& request, const TextVisitor& visit) {
  const Visits visits(visit);
  visits.Messages(request.messages);
  visits.Prompts("prompt", request.prompts);
  visits.Text("suffix", 0, "", request.suffix);
  for (size_t i = 0; i < request.files.size(); ++i) {
    visits.Text("file", i + 1, "name", request.files[i].name);
    visits.Text("file", i + 1, "", request.files[i].text);
  }
  visits.Tools(request.tools);
  visits.Texts("tool choice", request.tool_choice.names);
  visits.Text("response format", 0, "name", request.response_format.name);
  visits.Text("response format", 0, "schema", request.response_format.schema);
  visits.Text("response format", 0, "grammar", request.response_format.grammar);
  for (const auto& [name, json] : request.template_arguments) {
    visits.Text("template argument", 0, "name", name);
    visits.Text("template argument", 0, "", json);
  }
  visits.Texts("dry sequence breaker", request.sampling.dry_sequence_breakers);
  for (const auto& [text, bias] : request.sampling.text_bias)
    visits.Text("logit bias", 0, "", text);
  visits.Texts("stop", request.stop);
  visits.Text("prediction", 0, "", request.prediction);
  for (const auto& [name, json] : request.provider_fields)
    visits.Text("field for a provider", 0, "", json);
}

bool HasUnread(std::span<const chat::Message> messages) {
  return std::ranges::any_of(messages, [](const chat::Message& message) {
    return std::ranges::any_of(message.parts, [](const chat::Part& part) {
      return part.kind != chat::Part::Kind::kText && !chat::IsTextFile(part);
    });
  });
}

void VisitTexts(const chat::EmbedRequest& request, const TextVisitor& visit) {
  Visits(visit).Prompts("input", request.inputs);
}

void VisitTexts(const chat::ScoreRequest& request, const TextVisitor& visit) {
  const Visits visits(visit);
  visits.Messages(request.messages);
  visits.Text("prompt", 0, "", request.prompt.text);
  visits.Texts("continuation", request.continuations);
}

// The language is a code of a few letters.
void VisitTexts(const chat::TranscribeRequest& request, const TextVisitor& visit) {
  const std::string guide = chat::GuideOf(request);
  Visits(visit).Text("prompt", 0, "", guide);
}

}  // namespace weir::privacy
