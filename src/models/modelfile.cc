#include "models/modelfile.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "models/parameters.h"

namespace weir::models {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

// The first word, and what stands behind it.
std::pair<std::string_view, std::string_view> Split(std::string_view text) {
  text = Trim(text);
  const size_t space = text.find_first_of(" \t");
  if (space == std::string_view::npos) return {text, {}};
  return {text.substr(0, space), Trim(text.substr(space))};
}

class Reader {
 public:
  explicit Reader(std::string_view text) : left_(text) {}

  Result<Modelfile> Read() {
    while (!left_.empty()) {
      const std::string_view line = Trim(NextLine());
      if (line.empty() || line.starts_with('#')) continue;
      const auto [word, value] = Split(line);
      if (auto taken = Take(Upper(word), value); !taken) return Fail(taken.error());
    }
    if (out_.from.empty()) return Wrong("a Modelfile needs a FROM");
    return std::move(out_);
  }

 private:
  std::string_view NextLine() {
    ++line_;
    const size_t end = left_.find('\n');
    const std::string_view line = left_.substr(0, end);
    left_ = end == std::string_view::npos ? std::string_view() : left_.substr(end + 1);
    return line;
  }

  std::unexpected<Error> Wrong(std::string_view what) const {
    return Fail(Code::kInvalidArgument,
                fmt::format("line {}: {}; see weir create --help", line_, what), "modelfile",
                "invalid_modelfile");
  }

  // A value as it is quoted; """ may go on over lines.
  Result<std::string> Value(std::string_view text) {
    if (text.starts_with(kQuotes)) return LongValue(text.substr(kQuotes.size()));
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
      text = text.substr(1, text.size() - 2);
    if (text.empty()) return Wrong("a value is missing");
    if (text.size() > kManifestTextBytesMax) return TooLong();
    return std::string(text);
  }

  Result<std::string> LongValue(std::string_view first) {
    const int started = line_;
    std::string out;
    for (std::string_view part = first;; part = NextLine()) {
      const size_t end = part.find(kQuotes);
      out += part.substr(0, end);
      if (end != std::string_view::npos) return out;
      if (out.size() > kManifestTextBytesMax) return TooLong();
      if (left_.empty()) {
        line_ = started;
        return Wrong("the \"\"\" is not closed");
      }
      out += '\n';
    }
  }

  std::unexpected<Error> TooLong() const {
    return Wrong(fmt::format("a value has at most {} bytes", kManifestTextBytesMax));
  }

  Result<void> Put(std::string& into, std::string_view text) {
    auto value = Value(text);
    if (!value) return Fail(value.error());
    into = std::move(*value);
    return {};
  }

  Result<void> Take(const std::string& word, std::string_view text) {
    if (word == "FROM") {
      if (out_.from.empty()) return Put(out_.from, text);
      return TakeProjector(text);
    }
    if (word == "SYSTEM") return Put(out_.system, text);
    if (word == "LICENSE") return TakeLicence(text);
    if (word == "TEMPLATE") return TakeTemplate(text);
    if (word == "PARAMETER") return TakeParameter(text);
    if (word == "MESSAGE") return TakeMessage(text);
    if (word == "REQUIRES" || word == "PARSER" || word == "RENDERER") {
      out_.notes.push_back(fmt::format("line {}: {} is Ollama's own and is left out", line_, word));
      return {};
    }
    if (word == "ADAPTER") return TakeAdapter(text);
    return Wrong(fmt::format("{} is no instruction", word.substr(0, 32)));
  }

  Result<void> TakeAdapter(std::string_view text) {
    if (out_.adapters.size() >= kAdaptersMax)
      return Wrong(fmt::format("a model takes at most {} adapters", kAdaptersMax));
    return Put(out_.adapters.emplace_back(), text);
  }

  Result<void> TakeProjector(std::string_view text) {
    if (!out_.projector.empty() || !Value(text).value_or("").ends_with(".gguf"))
      return Wrong("FROM is there twice; a second one names a projector, a file *.gguf");
    return Put(out_.projector, text);
  }

  Result<void> TakeLicence(std::string_view text) {
    auto value = Value(text);
    if (!value) return Fail(value.error());
    if (out_.licence.size() + value->size() > kManifestTextBytesMax) return TooLong();
    out_.licence += (out_.licence.empty() ? "" : "\n") + *value;
    return {};
  }

  Result<void> TakeTemplate(std::string_view text) {
    const int at = line_;
    if (auto put = Put(out_.chat_template, text); !put) return put;
    if (!IsGoTemplate(out_.chat_template)) return {};
    return Fail(Code::kUnprocessable, fmt::format("line {}: TEMPLATE {}", at, kGoTemplateRefused),
                "modelfile", "go_template");
  }

  Result<void> TakeParameter(std::string_view text) {
    const auto [name, value] = Split(text);
    if (IsForeignParameter(name)) {
      out_.notes.push_back(
          fmt::format("line {}: {} says how Ollama's runner works and is left out", line_, name));
      return {};
    }
    if (!IsParameter(name))
      return Wrong(fmt::format("there is no parameter {}", name.substr(0, 32)));
    auto plain = Value(value);
    if (!plain) return Fail(plain.error());
    auto parameter = CheckParameterText(name, *plain);
    if (!parameter) return Wrong(parameter.error().message);
    PutParameter(out_.parameters, std::move(*parameter));
    return {};
  }

  Result<void> TakeMessage(std::string_view text) {
    const auto [role, words] = Split(text);
    if (role != "system" && role != "user" && role != "assistant")
      return Wrong("a MESSAGE is of system, user or assistant");
    if (out_.turns.size() >= kTurnsMax)
      return Wrong(fmt::format("at most {} messages are taken", kTurnsMax));
    auto content = Value(words);
    if (!content) return Fail(content.error());
    out_.turns.push_back({std::string(role), std::move(*content)});
    return {};
  }

  std::string_view left_;
  int line_ = 0;
  Modelfile out_;
};

}  // namespace

Result<Modelfile> ParseModelfile(std::string_view text) {
  if (text.size() > kModelfileBytesMax)
    return Fail(Code::kTooLarge,
                fmt::format("a Modelfile has at most {} bytes", kModelfileBytesMax), "modelfile");
  return Reader(text).Read();
}

Result<void> Overlay(const Modelfile& file, Manifest& manifest) {
  const bool own_stops =
      std::ranges::find(file.parameters, "stop", &Parameter::name) != file.parameters.end();
  if (own_stops)
    std::erase_if(manifest.parameters, [](const auto& each) { return each.name == "stop"; });
  for (const Parameter& parameter : file.parameters) PutParameter(manifest.parameters, parameter);
  if (!file.system.empty()) manifest.system = file.system;
  if (!file.chat_template.empty()) manifest.chat_template = file.chat_template;
  if (!file.licence.empty()) manifest.licence_text = file.licence;
  if (!file.turns.empty()) manifest.turns = file.turns;
  if (PrintManifest(manifest).size() <= kManifestBytesMax) return {};
  return Fail(Code::kTooLarge,
              fmt::format("the words of a model take at most {} bytes together; shorten them",
                          kManifestBytesMax));
}

Result<void> CheckAdapterCount(const Manifest& manifest) {
  if (manifest.adapters.size() <= kAdaptersMax) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("a model takes at most {} adapters, and this one would have {}",
                          kAdaptersMax, manifest.adapters.size()),
              "adapters", "too_many_adapters");
}

bool IsGoTemplate(std::string_view text) {
  if (text.find("{%") != std::string_view::npos) return false;
  constexpr std::array<std::string_view, 9> kGoWords = {
      "{{ .", "{{.", "{{- .", "{{ if", "{{- if", "{{if", "{{ range", "{{- range", "{{ end"};
  for (const std::string_view word : kGoWords) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace weir::models
