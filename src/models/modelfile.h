// Ollama's Modelfile language, as `weir create` takes it:
//
//   FROM smollm2:135m                     required
//   FROM ./mmproj.gguf                    a second one: the projector, a path
//   PARAMETER temperature 0.3             any number of times; parameters.h says which
//   SYSTEM """You are brief."""
//   TEMPLATE """{% for m in messages %}..."""   Jinja; Go's dialect is refused by name
//   MESSAGE user What is 2+2?             roles system, user, assistant
//   LICENSE """..."""
//   ADAPTER ./lora.gguf                   LoRA as GGUF, on top of the model; up to kAdaptersMax
//
// Instructions in any case, one a line; a value may be quoted with " or, over several lines, with
// """. Lines that start with # are comments. Pure; what FROM and ADAPTER name is the
// caller's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "models/manifest.h"

namespace weir::models {

inline constexpr size_t kModelfileBytesMax = size_t{1} << 20;

struct Modelfile {
  std::string from;
  std::vector<Parameter> parameters;
  std::string chat_template;
  std::string system;
  std::string licence;
  std::vector<Turn> turns;
  std::vector<std::string> adapters;  // paths
  std::string projector;              // likewise; empty: none, or that of `from`
  std::vector<std::string> notes;     // what was left out, a line each
};

// kInvalidArgument, kUnprocessable (reason "go_template") name the line.
Result<Modelfile> ParseModelfile(std::string_view text);

// The words of a Modelfile (its adapters and projector are files, which the caller adds) over those
// of the model that it was made of. Stops replace the base's, as they do in a request. kTooLarge
// when all words together are too many for a manifest.
Result<void> Overlay(const Modelfile& file, Manifest& manifest);

// kInvalidArgument when a model has more adapters, its base's and its own, than are taken.
Result<void> CheckAdapterCount(const Manifest& manifest);

// Why a template of Go's dialect is refused, behind "TEMPLATE " or a field's name.
inline constexpr std::string_view kGoTemplateRefused =
    "is written in Go's dialect, which only Ollama reads; write it in Jinja, or leave it out to "
    "have "
    "the model's own";

// A Modelfile that ParseModelfile reads back, as `ollama show --modelfile` has it. What the
// language cannot quote (a text of several lines with """ in it) is a comment that says so.
std::string PrintModelfile(const Modelfile& file);

// The parameters a line each, several stops a line each, as Ollama lists them: with `before` in
// front, and names padded to `width`.
std::string ParameterLines(const std::vector<Parameter>& parameters, std::string_view before,
                           size_t width);

// Whether a template is written in Go's dialect, which only Ollama reads, and not in Jinja.
bool IsGoTemplate(std::string_view text);

}  // namespace weir::models
