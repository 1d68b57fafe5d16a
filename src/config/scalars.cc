#include "config/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"
#include "config/nearest.h"
#include "config/sections.h"

namespace weir::config {
namespace {

using Form = Scalar::Form;

constexpr int64_t kHour = 3600;
constexpr int64_t kYear = 365 * 24 * kHour;
constexpr int64_t kMiB = 1 << 20;
constexpr size_t kListenMax = 16;
constexpr std::string_view kLogLevels[] = {"debug", "info", "warning", "error", "off"};

#define WEIR_TOP(member) [](Settings& s) -> auto& { return s.member; }
#define WEIR_LIMIT(member) [](Settings& s) -> auto& { return s.limits.member; }
#define WEIR_ENGINE(member) [](Settings& s) -> auto& { return s.engine.member; }

// clang-format off
const std::array kScalars = {
    Scalar{"", "listen", Form::kEndpoints, +WEIR_TOP(listen)},
    Scalar{"", "default_label", Form::kLabel, +WEIR_TOP(default_label)},
    Scalar{"", "drain_timeout", Form::kDuration, +WEIR_TOP(drain_timeout), 0, kHour},
    Scalar{"", "keep_alive", Form::kDuration, +WEIR_TOP(keep_alive), 0, kYear},
    Scalar{"", "load_timeout", Form::kDuration, +WEIR_TOP(load_timeout), 1, 24 * kHour},
    Scalar{"", "log_level", Form::kLogLevel, +WEIR_TOP(log_level)},
    Scalar{"", "data", Form::kFolder, +WEIR_TOP(data)},
    Scalar{"", "models", Form::kFolder, +WEIR_TOP(models)},
    Scalar{"", "prices", Form::kFolder, +WEIR_TOP(prices)},
    Scalar{"", "prediction", Form::kFolder, +WEIR_TOP(prediction)},
    Scalar{"", "calibration", Form::kFolder, +WEIR_TOP(calibration)},
    Scalar{"limits", "body", Form::kSize, +WEIR_LIMIT(body), 1024, 1024 * kMiB},
    Scalar{"limits", "upload", Form::kSize, +WEIR_LIMIT(upload), 1024, 4096 * 1024 * kMiB},
    Scalar{"limits", "model_changes", Form::kCount, +WEIR_LIMIT(model_changes), 0, 8},
    Scalar{"limits", "headers", Form::kSize, +WEIR_LIMIT(headers), 1024, kMiB},
    Scalar{"limits", "header_line", Form::kSize, +WEIR_LIMIT(header_line), 256, kMiB},
    Scalar{"limits", "header_count", Form::kCount, +WEIR_LIMIT(header_count), 8, 1000},
    Scalar{"limits", "json_depth", Form::kCount, +WEIR_LIMIT(json_depth), 8, 1000},
    Scalar{"limits", "header_timeout", Form::kDuration, +WEIR_LIMIT(header_timeout), 1, kHour},
    Scalar{"limits", "idle_timeout", Form::kDuration, +WEIR_LIMIT(idle_timeout), 1, kHour},
    Scalar{"limits", "stall_timeout", Form::kDuration, +WEIR_LIMIT(stall_timeout), 1, kHour},
    Scalar{"limits", "heartbeat", Form::kDuration, +WEIR_LIMIT(heartbeat), 1, kHour},
    Scalar{"limits", "connections", Form::kCount, +WEIR_LIMIT(connections), 1, 1'000'000},
    Scalar{"limits", "queue", Form::kCount, +WEIR_LIMIT(queue), 1, 100'000},
    Scalar{"limits", "queue_per_key", Form::kCount, +WEIR_LIMIT(queue_per_key), 1, 100'000},
    Scalar{"limits", "stream_buffer", Form::kSize, +WEIR_LIMIT(stream_buffer), 4096, 64 * kMiB},
    Scalar{"limits", "choices", Form::kCount, +WEIR_LIMIT(choices), 1, 128},
    Scalar{"limits", "output_tokens", Form::kCount, +WEIR_LIMIT(output_tokens), 1, 1'000'000},
    Scalar{"limits", "kept_answers", Form::kCount, +WEIR_LIMIT(kept_answers), 0, 1'000'000},
    Scalar{"limits", "kept_for", Form::kDuration, +WEIR_LIMIT(kept_for), 60, 10 * kYear},
    Scalar{"limits", "kept_files", Form::kSize, +WEIR_LIMIT(kept_files), 0, 1024 * 1024 * kMiB},
    Scalar{"limits", "kept_decisions", Form::kCount, +WEIR_LIMIT(kept_decisions), 0, 10'000'000},
    Scalar{"limits", "kept_decisions_for", Form::kDuration, +WEIR_LIMIT(kept_decisions_for), 60,
           10 * kYear},
    Scalar{"engine", "step_timeout", Form::kDuration, +WEIR_ENGINE(step_timeout), 1, kHour},
    Scalar{"engine", "restarts", Form::kCount, +WEIR_ENGINE(restarts), 0, 10'000},
    Scalar{"engine", "restart_window", Form::kDuration, +WEIR_ENGINE(restart_window), 1, kHour},
    Scalar{"engine", "memory", Form::kSize, +WEIR_ENGINE(memory), 0, 1024 * 1024 * 1024 * kMiB},
    Scalar{"engine", "models", Form::kCount, +WEIR_ENGINE(models), 1, 32},
    Scalar{"engine", "watts", Form::kCount, +WEIR_ENGINE(watts), 0, 1'000'000},
};
// clang-format on

#undef WEIR_TOP
#undef WEIR_LIMIT
#undef WEIR_ENGINE

template <class T>
Setting<T>& At(const Scalar& scalar, Settings& settings) {
  return std::get<Scalar::Access<T>>(scalar.access)(settings);
}
template <class T>
const Setting<T>& At(const Scalar& scalar, const Settings& settings) {
  return std::get<Scalar::Access<T>>(scalar.access)(const_cast<Settings&>(settings));
}

template <class T>
Parsed<void> Store(const Scalar& scalar, Parsed<T> value, Place place, Settings& settings) {
  if (!value) return std::unexpected(std::move(value.error()));
  At<T>(scalar, settings) = {*std::move(value), place};
  return {};
}

std::string RangeText(const Scalar& scalar, int64_t value) {
  switch (scalar.form) {
    case Form::kSize:
      return SizeToText(value);
    case Form::kDuration:
      return ToText(std::chrono::seconds(value));
    default:
      return std::to_string(value);
  }
}

template <class T>
Parsed<T> InRange(const Scalar& scalar, Parsed<T> value, T min, T max) {
  if (!value || (*value >= min && *value <= max)) return value;
  return std::unexpected(
      fmt::format("takes {} to {}", RangeText(scalar, scalar.min), RangeText(scalar, scalar.max)));
}

Parsed<Duration> CheckedDuration(const Scalar& scalar, Parsed<Duration> value) {
  if (value && *value == kForever && scalar.name == "keep_alive") return value;
  return InRange<Duration>(scalar, std::move(value), std::chrono::seconds(scalar.min),
                           std::chrono::seconds(scalar.max));
}

Parsed<std::vector<Endpoint>> ParseEndpoints(const std::vector<std::string>& texts) {
  if (texts.empty() || texts.size() > kListenMax) {
    return std::unexpected(fmt::format("takes 1 to {} addresses", kListenMax));
  }
  std::vector<Endpoint> endpoints;
  for (const std::string& text : texts) {
    auto endpoint = ParseEndpoint(text);
    if (!endpoint) return std::unexpected(std::move(endpoint.error()));
    endpoints.push_back(*std::move(endpoint));
  }
  return endpoints;
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos || parts.size() > kListenMax) return parts;
    text.remove_prefix(comma + 1);
  }
}

Parsed<std::string> LogLevelFrom(const Node& node) {
  if (node.kind == Node::Kind::kText &&
      std::ranges::find(kLogLevels, node.text) != std::end(kLogLevels))
    return node.text;
  return std::unexpected(value::NotOneOf(node, kLogLevels));
}

// A word of the environment or command line as the node that it would be in the file.
Node NodeOf(const Scalar& scalar, std::string_view text) {
  Node node{.kind = Node::Kind::kText, .text = std::string(text)};
  if (scalar.form == Form::kEndpoints) {
    node.kind = Node::Kind::kList;
    for (std::string& part : SplitAtCommas(text)) {
      node.list.push_back({.kind = Node::Kind::kText, .text = std::move(part)});
    }
  } else if (scalar.form == Form::kCount) {
    if (const auto number = ParseInteger(text)) {
      node.kind = Node::Kind::kInteger;
      node.integer = *number;
    }
  }
  return node;
}

Parsed<void> Set(const Scalar& scalar, const Node& node, Place place, Settings& settings) {
  switch (scalar.form) {
    case Form::kEndpoints: {
      const auto texts = value::OneOrList(node);
      if (!texts) return std::unexpected(texts.error());
      return Store(scalar, ParseEndpoints(*texts), place, settings);
    }
    case Form::kLabel:
      return Store(scalar, value::Label(node), place, settings);
    case Form::kDuration:
      return Store(scalar, CheckedDuration(scalar, value::Time(node)), place, settings);
    case Form::kSize:
      return Store(scalar, InRange<int64_t>(scalar, value::Size(node), scalar.min, scalar.max),
                   place, settings);
    case Form::kCount:
      return Store(scalar, value::Integer(node, scalar.min, scalar.max), place, settings);
    case Form::kLogLevel:
      return Store(scalar, LogLevelFrom(node), place, settings);
    case Form::kFolder:
      return Store(scalar, value::Text(node), place, settings);
  }
  CHECK(false, "form out of range");
}

std::string UpperName(std::string name, char dot) {
  for (char& c : name)
    c = c == '.' ? dot : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

std::span<const Scalar> Scalars() { return kScalars; }

std::string FullName(const Scalar& scalar) {
  return scalar.section.empty() ? std::string(scalar.name)
                                : fmt::format("{}.{}", scalar.section, scalar.name);
}

std::string EnvironmentName(const Scalar& scalar) {
  return "WEIR_" + UpperName(FullName(scalar), '_');
}

std::string FlagName(const Scalar& scalar) {
  std::string name = FullName(scalar);
  std::ranges::replace(name, '.', '-');
  std::ranges::replace(name, '_', '-');
  return name;
}

Parsed<void> SetFromNode(const Scalar& scalar, const Node& node, Settings& settings) {
  return Set(scalar, node, {Origin::kFile, node.line, node.column}, settings);
}

Parsed<void> SetFromText(const Scalar& scalar, std::string_view text, Origin origin,
                         Settings& settings) {
  return Set(scalar, NodeOf(scalar, text), {.origin = origin}, settings);
}

std::string ValueToText(const Scalar& scalar, const Settings& settings) {
  switch (scalar.form) {
    case Form::kEndpoints: {
      std::vector<std::string> texts;
      for (const Endpoint& endpoint : *At<std::vector<Endpoint>>(scalar, settings)) {
        texts.push_back(fmt::format("\"{}\"", ToText(endpoint)));
      }
      return fmt::format("[{}]", fmt::join(texts, ", "));
    }
    case Form::kLabel:
      return fmt::format("\"{}\"", chat::LabelName(*At<chat::Label>(scalar, settings)));
    case Form::kDuration:
      return fmt::format("\"{}\"", ToText(*At<Duration>(scalar, settings)));
    case Form::kSize:
      return fmt::format("\"{}\"", SizeToText(*At<int64_t>(scalar, settings)));
    case Form::kCount:
      return std::to_string(*At<int64_t>(scalar, settings));
    case Form::kLogLevel:
    case Form::kFolder:
      return TomlText(*At<std::string>(scalar, settings));
  }
  CHECK(false, "form out of range");
}

Place PlaceOf(const Scalar& scalar, const Settings& settings) {
  return std::visit(
      [&settings](auto access) { return access(const_cast<Settings&>(settings)).place; },
      scalar.access);
}

}  // namespace weir::config
