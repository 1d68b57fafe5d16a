#include "server/metrics.h"

#include <fmt/core.h>

namespace weir::server {
namespace {

void Head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

using Engines = std::vector<backends::EngineStatus>;

// One sample for each engine.
template <class Value>
void PerEngine(std::string& out, const Engines& engines, std::string_view name,
               std::string_view type, std::string_view help, Value value) {
  Head(out, name, type, help);
  for (const auto& engine : engines) {
    out += fmt::format("{}{{model=\"{}\"}} {}\n", name, EscapedLabel(engine.model), value(engine));
  }
}

void RenderHits(const Engines& engines, std::string& out) {
  Head(out, "weir_engine_prefix_hits_total", "counter",
       "Requests that found the beginning of their prompt, by where.");
  for (const auto& engine : engines) {
    const auto line = [&](std::string_view source, uint64_t hits) {
      out += fmt::format("weir_engine_prefix_hits_total{{model=\"{}\",source=\"{}\"}} {}\n",
                         EscapedLabel(engine.model), source, hits);
    };
    line("running", engine.stats.hits_running);
    line("joined", engine.stats.hits_joined);
    line("idle", engine.stats.hits_idle);
    line("host", engine.stats.hits_host);
  }
}

void RenderEngines(const Engines& engines, std::string& out) {
  const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
    PerEngine(out, engines, name, "gauge", help, value);
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto value) {
    PerEngine(out, engines, name, "counter", help, value);
  };
  gauge("weir_engine_up", "1 ready, 0 loading or failed.",
        [](const auto& e) { return e.state == backends::EngineState::kReady ? 1 : 0; });
  gauge("weir_engine_waiting", "Answers that wait for their first step.",
        [](const auto& e) { return e.stats.waiting; });
  gauge("weir_engine_held", "Of these, for a prefix that another is computing.",
        [](const auto& e) { return e.stats.held; });
  gauge("weir_engine_running", "Answers in progress.",
        [](const auto& e) { return e.stats.running; });
  gauge("weir_engine_prefilling", "Of these, in their prompt.",
        [](const auto& e) { return e.stats.prefilling; });
  gauge("weir_engine_decoding", "Of these, giving tokens.",
        [](const auto& e) { return e.stats.decoding; });
  gauge("weir_engine_cells", "KV cells.", [](const auto& e) { return e.stats.cells; });
  gauge("weir_engine_cells_used", "KV cells in use, cached prefixes included.",
        [](const auto& e) { return e.stats.cells_used; });
  gauge("weir_engine_cells_idle", "KV cells of cached prefixes alone.",
        [](const auto& e) { return e.stats.cells_idle; });
  gauge("weir_engine_host_bytes", "Prefixes in host memory.",
        [](const auto& e) { return e.stats.host_bytes; });
  gauge("weir_engine_prefill_tokens_per_second", "Measured over recent steps.",
        [](const auto& e) { return e.stats.prefill_tokens_per_s; });
  gauge("weir_engine_decode_tokens_per_second", "Measured over recent steps.",
        [](const auto& e) { return e.stats.decode_tokens_per_s; });
  gauge("weir_engine_embed_tokens_per_second", "Measured over recent turns.",
        [](const auto& e) { return e.stats.embed_tokens_per_s; });
  gauge("weir_engine_step_seconds", "A step with the present streams; recent.",
        [](const auto& e) { return e.stats.step_ms / 1000; });
  gauge("weir_engine_memory_bytes", "Resident memory; of one that loads, what is expected.",
        [](const auto& e) { return e.memory_bytes; });
  RenderHits(engines, out);
  counter("weir_engine_prefix_misses_total", "Requests that found nothing of their prompt.",
          [](const auto& e) { return e.stats.misses; });
  counter("weir_engine_prefix_tokens_total", "Prompt tokens that were not computed again.",
          [](const auto& e) { return e.stats.prompt_tokens_cached; });
  counter("weir_engine_preemptions_total", "Requests that lost their place for a while.",
          [](const auto& e) { return e.stats.preemptions; });
  counter("weir_engine_draft_tokens_total", "Tokens that were computed on a guess.",
          [](const auto& e) { return e.stats.draft_tokens; });
  counter("weir_engine_draft_tokens_accepted_total", "Of these, those that came true.",
          [](const auto& e) { return e.stats.draft_tokens_accepted; });
  counter("weir_engine_refused_total", "Requests that found the engine's queue full.",
          [](const auto& e) { return e.stats.refused; });
  counter("weir_engine_restarts_total", "Starts after a failure.",
          [](const auto& e) { return e.restarts; });
}

void RenderMemory(const backends::FleetMemory& memory, std::string& out) {
  Head(out, "weir_models_memory_bytes", "gauge", "Of all engines; what loads counts as expected.");
  out += fmt::format("weir_models_memory_bytes {}\n", memory.used);
  if (memory.max == UINT64_MAX) return;
  Head(out, "weir_models_memory_max_bytes", "gauge", "What they may take together.");
  out += fmt::format("weir_models_memory_max_bytes {}\n", memory.max);
}

void RenderKeys(const KeyBook& book, std::string& out) {
  const auto labels = [](const auto& entry) {
    return fmt::format("key=\"{}\",name=\"{}\",model=\"{}\"", EscapedLabel(entry.first.first),
                       EscapedLabel(entry.second.key_name), EscapedLabel(entry.first.second));
  };
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        auto value) {
    Head(out, name, type, help);
    for (const auto& entry : book.lines()) {
      out += fmt::format("{}{{{}}} {}\n", name, labels(entry), value(entry.second));
    }
  };
  each("weir_key_waiting", "gauge", "Requests of a key that nothing has begun.",
       [](const auto& line) { return line.waiting; });
  each("weir_key_running", "gauge", "Requests of a key in progress.",
       [](const auto& line) { return line.running; });
  each("weir_key_requests_total", "counter", "Requests of a key that have ended.",
       [](const auto& line) { return line.requests; });
  Head(out, "weir_key_tokens_total", "counter", "Tokens by key; cached is part of prompt.");
  for (const auto& entry : book.lines()) {
    const auto line = [&](std::string_view kind, int64_t tokens) {
      out +=
          fmt::format("weir_key_tokens_total{{{},kind=\"{}\"}} {}\n", labels(entry), kind, tokens);
    };
    line("prompt", entry.second.prompt_tokens);
    line("cached", entry.second.cached_tokens);
    line("completion", entry.second.completion_tokens);
  }
}

}  // namespace

std::string EscapedLabel(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

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

std::string Metrics::Render(const std::vector<backends::EngineStatus>& engines,
                            const std::vector<backends::ProviderStatus>& targets,
                            const backends::FleetMemory& memory) const {
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
    const std::string name = EscapedLabel(model);
    out +=
        fmt::format("weir_tokens_total{{model=\"{}\",kind=\"prompt\"}} {}\n", name, tokens.prompt);
    out +=
        fmt::format("weir_tokens_total{{model=\"{}\",kind=\"cached\"}} {}\n", name, tokens.cached);
    out += fmt::format("weir_tokens_total{{model=\"{}\",kind=\"completion\"}} {}\n", name,
                       tokens.completion);
  }
  RenderKeys(keys_, out);
  RenderEngines(engines, out);
  RenderMemory(memory, out);
  const auto of_targets = [&](std::string_view name, std::string_view type, std::string_view help,
                              auto value) {
    if (targets.empty()) return;
    Head(out, name, type, help);
    for (const auto& target : targets) {
      out +=
          fmt::format("{}{{target=\"{}\"}} {}\n", name, EscapedLabel(target.target), value(target));
    }
  };
  of_targets("weir_target_attempts_total", "counter", "Calls to the provider.",
             [](const auto& target) { return target.attempts; });
  of_targets("weir_target_failures_total", "counter", "Calls that failed.",
             [](const auto& target) { return target.failures; });
  of_targets("weir_target_retries_total", "counter", "Calls that were repeated at the same target.",
             [](const auto& target) { return target.retries; });
  of_targets("weir_target_running", "gauge", "Calls under way.",
             [](const auto& target) { return target.running; });
  of_targets("weir_target_waiting", "gauge", "Requests that wait for a seat.",
             [](const auto& target) { return target.waiting; });
  of_targets("weir_target_breaker_open", "gauge", "1 while the target is left alone.",
             [](const auto& target) { return target.may_ask ? 0 : 1; });
  of_targets("weir_target_replicas_left_alone", "gauge", "Its addresses that are left alone.",
             [](const auto& target) { return target.left_alone.size(); });
  of_targets("weir_target_retired", "gauge", "1 when the provider says it has no such model.",
             [](const auto& target) { return target.retired ? 1 : 0; });
  of_targets("weir_target_deprecated", "gauge", "1 when the provider announces the model's end.",
             [](const auto& target) { return target.deprecation.announced ? 1 : 0; });
  of_targets("weir_target_sunset_seconds", "gauge",
             "When the model will be gone, as the provider says, in Unix time; 0: it does not say.",
             [](const auto& target) {
               return target.deprecation.sunset ? UnixSeconds(*target.deprecation.sunset) : 0;
             });
  return out;
}

std::string RenderServers(const std::vector<backends::EdgeServers::Status>& servers) {
  std::string out;
  if (servers.empty()) return out;
  Head(out, "weir_server_up", "gauge", "1 while the server that runs for this backend is ready.");
  for (const auto& server : servers) {
    out += fmt::format("weir_server_up{{backend=\"{}\"}} {}\n", EscapedLabel(server.backend),
                       server.state == wire::ServerState::kUp ? 1 : 0);
  }
  Head(out, "weir_server_restarts_total", "counter", "How often it failed and was started again.");
  for (const auto& server : servers) {
    out += fmt::format("weir_server_restarts_total{{backend=\"{}\"}} {}\n",
                       EscapedLabel(server.backend), server.restarts);
  }
  return out;
}

}  // namespace weir::server
