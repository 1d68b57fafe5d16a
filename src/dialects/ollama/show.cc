#include "dialects/ollama/show.h"

#include <fmt/core.h>

#include <string_view>

#include "base/overloaded.h"
#include "models/modelfile.h"

namespace weir::ollama {
namespace {

constexpr size_t kNameWidth = 30;  // of a parameter

std::string OneOf(const std::string& first, const std::string& second, const std::string& third) {
  if (!first.empty()) return first;
  return !second.empty() ? second : third;
}

std::string LicenceOf(const ModelFacts& facts) {
  return OneOf(facts.manifest.licence_text, facts.manifest.licence, facts.file.info.licence);
}

std::string TemplateOf(const ModelFacts& facts) {
  return OneOf(facts.manifest.chat_template, facts.file.info.chat_template, {});
}

std::string ModelfileOf(const ModelFacts& facts) {
  if (facts.name.empty()) return {};
  return models::PrintModelfile({.from = facts.name,
                                 .parameters = facts.manifest.parameters,
                                 .chat_template = TemplateOf(facts),
                                 .system = facts.manifest.system,
                                 .licence = LicenceOf(facts),
                                 .turns = facts.manifest.turns});
}

std::string ParametersOf(const ModelFacts& facts) {
  std::string lines = models::ParameterLines(facts.manifest.parameters, "", kNameWidth);
  if (!lines.empty()) lines.pop_back();  // no line break behind the last
  return lines;
}

void WriteShown(json::Writer& writer, const gguf::Shown& value) {
  std::visit(Overloaded{[&](std::monostate) { writer.Null(); },
                        [&](uint64_t number) { writer.Raw(fmt::format("{}", number)); },
                        [&](int64_t number) { writer.Int(number); },
                        [&](double number) { writer.Double(number); },
                        [&](bool flag) { writer.Bool(flag); },
                        [&](const std::string& text) { writer.String(text); }},
             value);
}

// Ollama counts the parameters, and leaves out what has a field of its own.
void WriteModelInfo(json::Writer& writer, const gguf::Description& file) {
  writer.Key("model_info").BeginObject();
  for (const auto& [key, value] : file.pairs) {
    if (key == "general.name" || key == "general.parameter_count" ||
        key.starts_with("tokenizer.chat_template"))
      continue;
    writer.Key(key);
    WriteShown(writer, value);
  }
  if (file.info.parameters > 0) writer.Field("general.parameter_count", file.info.parameters);
  writer.EndObject();
}

void WriteTurns(json::Writer& writer, const std::vector<models::Turn>& turns) {
  if (turns.empty()) return;
  writer.Key("messages").BeginArray();
  for (const models::Turn& turn : turns)
    writer.BeginObject().Field("role", turn.role).Field("content", turn.content).EndObject();
  writer.EndArray();
}

}  // namespace

std::string ParameterSize(uint64_t parameters) {
  constexpr uint64_t kThousand = 1000;
  constexpr uint64_t kMillion = kThousand * 1000;
  constexpr uint64_t kBillion = kMillion * 1000;
  const auto in = [&](uint64_t unit) {
    return static_cast<double>(parameters) / static_cast<double>(unit);
  };
  if (parameters == 0) return {};
  if (parameters >= kBillion)
    return fmt::format("{:.{}f}B", in(kBillion), parameters % kBillion == 0 ? 0 : 1);
  if (parameters >= kMillion)
    return fmt::format("{:.{}f}M", in(kMillion), parameters % kMillion == 0 ? 0 : 2);
  if (parameters >= kThousand) return fmt::format("{:.0f}K", in(kThousand));
  return fmt::format("{}", parameters);
}

void WriteDetails(json::Writer& writer, const ModelEntry& model) {
  writer.Key("details").BeginObject().Field("parent_model", "").Field("format", "gguf");
  writer.Field("family", model.family).Key("families").BeginArray();
  if (!model.family.empty()) writer.String(model.family);
  writer.EndArray().Field("parameter_size", ParameterSize(model.parameters));
  writer.Field("quantization_level", model.quantisation).EndObject();
}

std::string RenderShow(const ModelFacts& facts) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject();
  if (const std::string licence = LicenceOf(facts); !licence.empty())
    writer.Field("license", licence);
  writer.Field("modelfile", ModelfileOf(facts)).Field("parameters", ParametersOf(facts));
  writer.Field("template", TemplateOf(facts));
  if (!facts.manifest.system.empty()) writer.Field("system", facts.manifest.system);
  WriteDetails(writer, facts.entry);
  WriteTurns(writer, facts.manifest.turns);
  WriteModelInfo(writer, facts.file);
  writer.Key("capabilities").BeginArray();
  for (const std::string& capability : facts.capabilities) writer.String(capability);
  writer.EndArray().Field("modified_at", facts.entry.modified_at).EndObject();
  return out;
}

}  // namespace weir::ollama
