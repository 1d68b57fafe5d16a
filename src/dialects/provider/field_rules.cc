#include "dialects/provider/field_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "dialects/provider/malformed.h"

namespace weir::provider {
namespace {

using chat::GenerateRequest;
using chat::Message;
using chat::Part;
using chat::Role;
using Mode = chat::ToolChoice::Mode;

std::string If(bool used, std::string_view path) { return used ? std::string(path) : ""; }

template <class Pred>
std::string FindMessage(const GenerateRequest& request, std::string_view below, Pred&& pred) {
  for (size_t i = 0; i < request.messages.size(); ++i) {
    if (pred(request.messages[i], i)) return fmt::format("messages[{}]{}", i, below);
  }
  return {};
}

template <class Pred>
std::string FindPart(const GenerateRequest& request, Pred&& pred) {
  for (size_t i = 0; i < request.messages.size(); ++i) {
    const Message& message = request.messages[i];
    for (size_t k = 0; k < message.parts.size(); ++k) {
      if (pred(message, message.parts[k])) return fmt::format("messages[{}].content[{}]", i, k);
    }
  }
  return {};
}

bool Holds(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

bool IsSystem(const Message& message) {
  return message.role == Role::kSystem || message.role == Role::kDeveloper;
}

std::string LaterSystem(const GenerateRequest& request) {
  bool begun = false;
  return FindMessage(request, "", [&](const Message& message, size_t) {
    begun = begun || !IsSystem(message);
    return begun && IsSystem(message);
  });
}

bool IsInlineImage(const Part& part) { return part.kind == Part::Kind::kImage && part.url.empty(); }

template <class T>
bool Differs(const std::optional<T>& value, T off) {
  return value && *value != off;
}

struct FieldUse {
  std::string_view name;
  std::string (*find)(const GenerateRequest&);
};

using R = const GenerateRequest&;

constexpr FieldUse kFields[] = {
    {"prompt", [](R r) { return If(!r.prompts.empty(), "prompt"); }},
    {"suffix", [](R r) { return If(r.has_suffix, "suffix"); }},
    {"echo", [](R r) { return If(r.echo, "echo"); }},
    {"context", [](R r) { return If(!r.context.empty(), "context"); }},
    {"return_tokens", [](R r) { return If(r.return_tokens, "return_tokens"); }},
    {"messages.system",
     [](R r) {
       return FindMessage(r, "", [](const Message& m, size_t) { return m.role == Role::kSystem; });
     }},
    {"messages.later_system", LaterSystem},
    {"messages.developer",
     [](R r) {
       return FindMessage(r, "",
                          [](const Message& m, size_t) { return m.role == Role::kDeveloper; });
     }},
    {"messages.name",
     [](R r) {
       return FindMessage(r, ".name", [](const Message& m, size_t) {
         return m.role != Role::kTool && !m.name.empty();
       });
     }},
    {"messages.reasoning",
     [](R r) {
       return FindMessage(r, ".reasoning_content",
                          [](const Message& m, size_t) { return !m.reasoning.empty(); });
     }},
    {"messages.images",
     [](R r) {
       return FindPart(r, [](const Message& m, const Part& p) {
         return m.role != Role::kTool && IsInlineImage(p);
       });
     }},
    {"messages.image_urls",
     [](R r) {
       return FindPart(r, [](const Message&, const Part& p) {
         return p.kind == Part::Kind::kImage && !p.url.empty();
       });
     }},
    {"messages.image_detail",
     [](R r) {
       return FindPart(r, [](const Message&, const Part& p) {
         return !p.detail.empty() && p.detail != "auto";
       });
     }},
    {"messages.audio",
     [](R r) {
       return FindPart(r,
                       [](const Message&, const Part& p) { return p.kind == Part::Kind::kAudio; });
     }},
    {"messages.files",
     [](R r) {
       return FindPart(r,
                       [](const Message&, const Part& p) { return p.kind == Part::Kind::kFile; });
     }},
    {"messages.tool_images",
     [](R r) {
       return FindPart(r, [](const Message& m, const Part& p) {
         return m.role == Role::kTool && IsInlineImage(p);
       });
     }},
    {"messages.prefill",
     [](R r) {
       const bool last = !r.messages.empty() && r.messages.back().role == Role::kAssistant;
       return last ? fmt::format("messages[{}]", r.messages.size() - 1) : std::string();
     }},
    {"tools", [](R r) { return If(!r.tools.empty(), "tools"); }},
    {"tools.strict",
     [](R r) {
       for (size_t i = 0; i < r.tools.size(); ++i) {
         if (r.tools[i].strict) return fmt::format("tools[{}].function.strict", i);
       }
       return std::string();
     }},
    {"tool_choice.none", [](R r) { return If(r.tool_choice.mode == Mode::kNone, "tool_choice"); }},
    {"tool_choice.required",
     [](R r) {
       return If(r.tool_choice.mode == Mode::kRequired && r.tool_choice.names.empty(),
                 "tool_choice");
     }},
    {"tool_choice.named",
     [](R r) {
       return If(r.tool_choice.mode == Mode::kRequired && r.tool_choice.names.size() == 1,
                 "tool_choice");
     }},
    {"tool_choice.allowed",
     [](R r) {
       const size_t most = r.tool_choice.mode == Mode::kRequired ? 1 : 0;
       return If(r.tool_choice.names.size() > most, "tool_choice");
     }},
    {"parallel_tool_calls",
     [](R r) { return If(!r.tools.empty() && !r.parallel_tool_calls, "parallel_tool_calls"); }},
    {"response_format.json_object",
     [](R r) {
       return If(r.response_format.kind == chat::ResponseFormat::Kind::kJsonObject,
                 "response_format");
     }},
    {"response_format.json_schema",
     [](R r) {
       return If(r.response_format.kind == chat::ResponseFormat::Kind::kJsonSchema,
                 "response_format");
     }},
    {"grammar",
     [](R r) {
       return If(r.response_format.kind == chat::ResponseFormat::Kind::kGrammar, "grammar");
     }},
    {"reasoning_effort",
     [](R r) {
       return If(r.reasoning.effort != chat::Reasoning::Effort::kDefault, "reasoning_effort");
     }},
    {"reasoning_budget",
     [](R r) { return If(r.reasoning.budget_tokens.has_value(), "reasoning_budget"); }},
    {"verbosity",
     [](R r) {
       using chat::Verbosity;
       return If(r.verbosity == Verbosity::kLow || r.verbosity == Verbosity::kHigh, "verbosity");
     }},
    {"chat_template_kwargs",
     [](R r) { return If(!r.template_arguments.empty(), "chat_template_kwargs"); }},
    {"temperature", [](R r) { return If(r.sampling.temperature.has_value(), "temperature"); }},
    {"top_p", [](R r) { return If(Differs(r.sampling.top_p, 1.0f), "top_p"); }},
    {"top_k", [](R r) { return If(Differs(r.sampling.top_k, 0), "top_k"); }},
    {"min_p", [](R r) { return If(Differs(r.sampling.min_p, 0.0f), "min_p"); }},
    {"typical_p", [](R r) { return If(Differs(r.sampling.typical_p, 1.0f), "typical_p"); }},
    {"repeat_penalty",
     [](R r) { return If(Differs(r.sampling.repeat_penalty, 1.0f), "repeat_penalty"); }},
    {"frequency_penalty",
     [](R r) { return If(Differs(r.sampling.frequency_penalty, 0.0f), "frequency_penalty"); }},
    {"presence_penalty",
     [](R r) { return If(Differs(r.sampling.presence_penalty, 0.0f), "presence_penalty"); }},
    {"repeat_last_n",
     [](R r) { return If(r.sampling.penalty_last_n.has_value(), "repeat_last_n"); }},
    {"dry", [](R r) { return If(Differs(r.sampling.dry_multiplier, 0.0f), "dry_multiplier"); }},
    {"xtc", [](R r) { return If(Differs(r.sampling.xtc_probability, 0.0f), "xtc_probability"); }},
    {"mirostat", [](R r) { return If(Differs(r.sampling.mirostat, 0), "mirostat"); }},
    {"seed", [](R r) { return If(r.sampling.seed.has_value(), "seed"); }},
    {"logit_bias", [](R r) { return If(!r.sampling.logit_bias.empty(), "logit_bias"); }},
    {"logit_bias.texts", [](R r) { return If(!r.sampling.text_bias.empty(), "logit_bias"); }},
    {"ignore_eos", [](R r) { return If(r.sampling.ignore_eos, "ignore_eos"); }},
    {"n", [](R r) { return If(r.n != 1, "n"); }},
    {"max_tokens", [](R r) { return If(r.max_tokens.has_value(), "max_tokens"); }},
    {"stop", [](R r) { return If(!r.stop.empty(), "stop"); }},
    {"prediction", [](R r) { return If(!r.prediction.empty(), "prediction"); }},
    {"logprobs", [](R r) { return If(r.logprobs, "logprobs"); }},
    {"priority", [](R r) { return If(r.priority != chat::Priority::kInteractive, "priority"); }},
    {"keep_alive", [](R r) { return If(r.keep_alive_ms.has_value(), "keep_alive"); }},
};

// Each table has the fields in the order of kFields: every request asks for every rule.
const FieldRule& RuleOf(std::span<const FieldRule> rules, const FieldUse& field) {
  const auto index = static_cast<size_t>(&field - kFields);
  CHECK(index < rules.size() && rules[index].field == field.name,
        "a table of rules has every field, in the order of the fields");
  return rules[index];
}

}  // namespace

std::string_view CarriedName(Carried carried) {
  switch (carried) {
    case Carried::kCarried:
      return "carried";
    case Carried::kEmulated:
      return "emulated";
    case Carried::kRefused:
      return "refused";
    case Carried::kUnsent:
      return "not sent";
    case Carried::kChecked:
      return "checked";
  }
  CHECK(false, "carried out of range");
}

std::vector<std::string_view> FieldNames() {
  std::vector<std::string_view> names;
  for (const FieldUse& field : kFields) names.push_back(field.name);
  return names;
}

std::string FindField(std::string_view field, const GenerateRequest& request) {
  const auto found = std::ranges::find(kFields, field, &FieldUse::name);
  CHECK(found != std::end(kFields), "an unknown field");
  return found->find(request);
}

Result<void> CheckFields(std::span<const FieldRule> rules, std::span<const std::string_view> also,
                         std::span<const std::string> lacking, const GenerateRequest& request) {
  for (const FieldUse& field : kFields) {
    const FieldRule& rule = RuleOf(rules, field);
    const bool refused = Holds(lacking, field.name) ||
                         (rule.carried == Carried::kRefused && !Holds(also, field.name));
    if (!refused) continue;
    std::string path = field.find(request);
    if (path.empty()) continue;
    const bool explained = rule.carried == Carried::kRefused && !rule.how.empty();
    return NotSupported(std::move(path),
                        fmt::format("cannot be given {}{}{}", field.name, explained ? ": " : "",
                                    explained ? rule.how : ""));
  }
  return {};
}

std::string RenderRules(std::string_view provider, std::span<const FieldRule> rules) {
  std::string out = fmt::format(
      "# What becomes of a request's fields at {}\n\n"
      "Written by a test from the table that the code obeys; do not edit. `refused`: the request "
      "fails "
      "with 422,\n`not_supported_by_target` and the field's name. Presets of single servers can "
      "carry "
      "more or less\n([providers](../providers.md)).\n\n| field | | how |\n|---|---|---|\n",
      provider);
  for (const FieldUse& field : kFields) {
    const FieldRule& rule = RuleOf(rules, field);
    out += fmt::format("| `{}` | {} | {} |\n", field.name, CarriedName(rule.carried), rule.how);
  }
  return out;
}

}  // namespace weir::provider
