#include <fmt/core.h>

#include "json/parse.h"
#include "json/writer.h"
#include "models/modelfile.h"

namespace weir::models {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

void AppendInstruction(std::string& out, std::string_view word, std::string_view text) {
  if (text.empty()) return;
  if (text.find(kQuotes) != std::string_view::npos) {
    out += fmt::format("# {} holds \"\"\" and cannot be written here\n", word);
  } else {
    out += fmt::format("{} {}{}{}\n", word, kQuotes, text, kQuotes);
  }
}

}  // namespace

std::string ParameterLines(const std::vector<Parameter>& parameters, std::string_view before,
                           size_t width) {
  std::string out;
  const auto append = [&](const std::string& name, std::string_view value) {
    out += fmt::format("{}{:<{}} {}\n", before, name, width, value);
  };
  for (const Parameter& parameter : parameters) {
    const auto value = json::Parse(parameter.value);
    const json::Array* several = value ? value->AsArray() : nullptr;
    if (several == nullptr) {
      append(parameter.name, parameter.value);
      continue;
    }
    for (const json::Value& one : *several) append(parameter.name, json::Print(one));
  }
  return out;
}

std::string PrintModelfile(const Modelfile& file) {
  std::string out = fmt::format("FROM {}\n", file.from);
  AppendInstruction(out, "TEMPLATE", file.chat_template);
  AppendInstruction(out, "SYSTEM", file.system);
  out += ParameterLines(file.parameters, "PARAMETER ", 0);
  for (const Turn& turn : file.turns)
    AppendInstruction(out, fmt::format("MESSAGE {}", turn.role), turn.content);
  AppendInstruction(out, "LICENSE", file.licence);
  return out;
}

}  // namespace weir::models
