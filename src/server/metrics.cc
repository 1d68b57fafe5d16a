#include "server/metrics.h"

#include <fmt/core.h>

namespace weir::server {
namespace {

// Label values are our own names, but a model's may hold a quote.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

void Head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

void Metrics::CountRequest(std::string_view route, int status, Duration took) {
  Route& entry = routes_[{std::string(route), status}];
  ++entry.count;
  entry.seconds += Milliseconds(took) / 1000;
}

void Metrics::CountTokens(std::string_view model, int64_t prompt, int64_t cached,
                          int64_t completion) {
  auto found = tokens_.find(model);
  if (found == tokens_.end()) found = tokens_.emplace(std::string(model), Tokens{}).first;
  found->second.prompt += prompt;
  found->second.cached += cached;
  found->second.completion += completion;
}

std::string Metrics::Render(const std::vector<backends::EngineStatus>& engines) const {
  std::string out;
  Head(out, "weir_requests_total", "counter", "Requests answered, by route and status.");
  for (const auto& [key, route] : routes_) {
    out += fmt::format("weir_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first,
                       key.second, route.count);
  }
  Head(out, "weir_request_seconds_total", "counter", "Time spent on requests, to their last byte.");
  for (const auto& [key, route] : routes_) {
    out += fmt::format("weir_request_seconds_total{{route=\"{}\",status=\"{}\"}} {:.6f}\n",
                       key.first, key.second, route.seconds);
  }
  Head(out, "weir_clients_gone_total", "counter",
       "Clients that left before their answer was whole.");
  out += fmt::format("weir_clients_gone_total {}\n", clients_gone_);
  Head(out, "weir_streams_broken_total", "counter",
       "Streams that ended in an error event after their head had left.");
  out += fmt::format("weir_streams_broken_total {}\n", broken_streams_);
  Head(out, "weir_tokens_total", "counter", "Tokens by model and kind; cached is part of prompt.");
  for (const auto& [model, tokens] : tokens_) {
    const std::string name = Escaped(model);
    out +=
        fmt::format("weir_tokens_total{{model=\"{}\",kind=\"prompt\"}} {}\n", name, tokens.prompt);
    out +=
        fmt::format("weir_tokens_total{{model=\"{}\",kind=\"cached\"}} {}\n", name, tokens.cached);
    out += fmt::format("weir_tokens_total{{model=\"{}\",kind=\"completion\"}} {}\n", name,
                       tokens.completion);
  }
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    Head(out, name, "gauge", help);
    for (const auto& engine : engines) {
      out += fmt::format("{}{{model=\"{}\"}} {}\n", name, Escaped(engine.model), value(engine));
    }
  };
  gauge("weir_engine_waiting", "Requests that wait for their first step.",
        [](const auto& engine) { return engine.stats.waiting; });
  gauge("weir_engine_running", "Answers in progress.",
        [](const auto& engine) { return engine.stats.running; });
  gauge("weir_engine_cells", "KV cells.", [](const auto& engine) { return engine.stats.cells; });
  gauge("weir_engine_cells_used", "KV cells in use, cached prefixes included.",
        [](const auto& engine) { return engine.stats.cells_used; });
  gauge("weir_engine_preemptions", "Requests that lost their place for a while.",
        [](const auto& engine) { return engine.stats.preemptions; });
  gauge("weir_engine_prefill_tokens_per_second", "Measured over recent steps.",
        [](const auto& engine) { return engine.stats.prefill_tokens_per_s; });
  gauge("weir_engine_decode_tokens_per_second", "Measured over recent steps.",
        [](const auto& engine) { return engine.stats.decode_tokens_per_s; });
  gauge("weir_engine_memory_bytes", "Resident memory.",
        [](const auto& engine) { return engine.stats.memory_bytes; });
  return out;
}

}  // namespace weir::server
