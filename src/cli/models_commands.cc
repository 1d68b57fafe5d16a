// list, show, ps, stop: what is there, what it is, what runs.
#include <fmt/core.h>

#include <optional>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/model_path.h"
#include "cli/options.h"
#include "cli/table.h"
#include "config/load.h"
#include "gguf/inspect.h"
#include "json/writer.h"
#include "models/rates.h"
#include "models/store.h"

namespace weir::cli {
namespace {

// A model of the store, or a file that is named by its path.
Result<models::OpenedModel> OpenNamed(const Common& common, const std::string& model) {
  if (IsModelPath(model)) return models::OpenModelFile(model);
  return models::Store(common.folders.models, PlacesOfUser()).Open(model);
}

std::string CapabilityWords(const gguf::Capabilities& can) {
  std::string words;
  const auto add = [&](bool has, std::string_view word) {
    if (has) words += (words.empty() ? "" : ", ") + std::string(word);
  };
  add(can.chat, "chat");
  add(can.tools, "tools");
  add(can.reasoning, "reasoning");
  add(can.fim, "fill-in-the-middle");
  add(can.embedding, "embedding");
  add(can.rerank, "rerank");
  return words.empty() ? "completion" : words;
}

// What `weir bench` measured of this very file; nothing otherwise.
std::optional<models::ModelRates> RatesOf(const Common& common, const models::OpenedModel& model) {
  const auto all = models::ReadRates(common.folders.data);
  if (!all) return std::nullopt;
  const auto found = all->find(model.name);
  if (found == all->end() || found->second.sha256 != model.sha256) return std::nullopt;
  return found->second;
}

std::string RatesText(const std::vector<models::RatePoint>& points, std::string_view unit) {
  std::string text;
  for (const models::RatePoint& point : points) {
    text += fmt::format("{}{:.0f} tokens/s at {} {}", text.empty() ? "" : ", ", point.tokens_per_s,
                        point.at, unit);
  }
  return text;
}

std::string InfoAsJson(const models::OpenedModel& model, const gguf::Info& info,
                       const std::optional<models::ModelRates>& rates,
                       const std::optional<json::Value>& engine) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject()
      .Field("name", model.name)
      .Field("sha256", model.sha256)
      .Field("size", model.size)
      .Field("architecture", info.architecture)
      .Field("title", info.name)
      .Field("parameters", info.parameters)
      .Field("quantisation", info.quantisation)
      .Field("context_length", info.context_length)
      .Field("embedding_length", info.embedding_length)
      .Field("layers", info.layers)
      .Field("heads", info.heads)
      .Field("heads_kv", info.heads_kv)
      .Field("vocabulary", info.tokenizer.tokens)
      .Field("tokenizer", info.tokenizer.model)
      .Field("sliding_window", info.sliding_window)
      .Field("kv_bytes_per_token", info.kv_bytes_per_token)
      .Field("licence", info.licence)
      .Field("chat_template", info.chat_template)
      .Field("capabilities", CapabilityWords(info.capabilities))
      .Key("rates");
  if (rates) {
    models::WriteRates(writer, *rates);
  } else {
    writer.Null();
  }
  writer.Key("engine");
  if (engine) {
    writer.Raw(json::Print(*engine));
  } else {
    writer.Null();
  }
  writer.EndObject();
  return text;
}

void PrintInfo(const models::OpenedModel& model, const gguf::Info& info,
               const std::optional<models::ModelRates>& rates) {
  const auto line = [](std::string_view what, const std::string& value) {
    if (!value.empty()) fmt::print("  {:<18}{}\n", what, value);
  };
  fmt::print("{}\n", model.name);
  line("title", info.name);
  line("architecture", info.architecture);
  line("parameters", fmt::format("{:.1f} M", static_cast<double>(info.parameters) / 1e6));
  line("quantisation", info.quantisation);
  line("size", Bytes(model.size));
  line("context", fmt::format("{} tokens", info.context_length));
  line("embedding length", std::to_string(info.embedding_length));
  line("layers", std::to_string(info.layers));
  line("heads", fmt::format("{} ({} for keys and values)", info.heads, info.heads_kv));
  line("vocabulary", fmt::format("{} tokens ({})", info.tokenizer.tokens, info.tokenizer.model));
  if (info.sliding_window > 0) {
    line("sliding window", fmt::format("{} tokens", info.sliding_window));
  }
  line("KV cache", fmt::format("{} a token (f16)", Bytes(info.kv_bytes_per_token)));
  line("capabilities", CapabilityWords(info.capabilities));
  line("chat template",
       info.chat_template.empty() ? "none" : fmt::format("{} bytes", info.chat_template.size()));
  line("licence", info.licence);
  line("sha256", model.sha256);
  if (!rates) return;
  line("prefill here", RatesText(rates->prefill, "tokens"));
  line("decode here", RatesText(rates->decode, "streams"));
  line("embedding here", RatesText(rates->embed, "texts"));
  if (!rates->kernel) return;
  line("kernel here",
       fmt::format("flash attention {}, micro-batch {}",
                   rates->kernel->flash_attention ? "on" : "off", rates->kernel->micro_batch));
}

std::string Whole(const json::Value& value, std::string_view key) {
  return fmt::format("{:.0f}", NumberAt(value, key));
}

// Found by a running one, an ended one, in host memory; of all.
std::string HitsText(const json::Value& engine) {
  const json::Value* hits = engine.Find("prefix_hits");
  if (hits == nullptr) return "-";
  const double live = NumberAt(*hits, "running") + NumberAt(*hits, "joined");
  const double idle = NumberAt(*hits, "idle"), host = NumberAt(*hits, "host");
  return fmt::format("{:.0f}/{:.0f}/{:.0f} of {:.0f}", live, idle, host,
                     live + idle + host + NumberAt(*hits, "misses"));
}

void PrintEngines(const json::Array& engines) {
  Table table({"NAME", "STATE", "MEMORY", "CELLS", "RUNNING", "WAITING", "HITS", "PREFILL",
               "DECODE", "STEP", "REQUEUED", "RESTARTS", "REUSE", "UNLOADS IN"});
  for (const json::Value& engine : engines) {
    const json::Value* unloads = engine.Find("unloads_in_s");
    const bool timed = unloads != nullptr && !unloads->is_null();
    const bool ready = TextAt(engine, "state") == "ready";
    table.Add({TextAt(engine, "model"), TextAt(engine, "state"),
               Bytes(static_cast<uint64_t>(NumberAt(engine, "memory_bytes"))),
               Whole(engine, "cells_used") + "/" + Whole(engine, "cells"), Whole(engine, "running"),
               Whole(engine, "waiting"), HitsText(engine),
               Whole(engine, "prefill_tokens_per_s") + "/s",
               Whole(engine, "decode_tokens_per_s") + "/s",
               fmt::format("{:.1f} ms", NumberAt(engine, "step_ms")), Whole(engine, "preemptions"),
               Whole(engine, "restarts"), TextAt(engine, "prefix_reuse"),
               timed   ? Seconds(NumberAt(engine, "unloads_in_s"))
               : ready ? "in use"
                       : "-"});
  }
  fmt::print("{}", table.Text());
}

// Where there are keys; without any there is only everybody.
void PrintKeys(const json::Array& lines) {
  Table table({"KEY", "MODEL", "RUNNING", "WAITING", "REQUESTS", "PROMPT", "CACHED", "COMPLETION"});
  bool any = false;
  for (const json::Value& line : lines) {
    const std::string name = TextAt(line, "name");
    if (TextAt(line, "key").empty()) continue;
    any = true;
    table.Add({name.empty() ? TextAt(line, "key") : name, TextAt(line, "model"),
               Whole(line, "running"), Whole(line, "waiting"), Whole(line, "requests"),
               Whole(line, "prompt_tokens"), Whole(line, "cached_tokens"),
               Whole(line, "completion_tokens")});
  }
  if (any) fmt::print("\n{}", table.Text());
}

// What a table has no room for: why a model is not there.
void PrintTrouble(const json::Value& engine) {
  const std::string model = TextAt(engine, "model");
  if (TextAt(engine, "state") == "failed") {
    const double wait = NumberAt(engine, "retry_in_s");
    fmt::print("{}: {}; {}\n", model, TextAt(engine, "error"),
               wait > 0 ? fmt::format("it may be tried again in {}", Seconds(wait))
                        : "the next request tries it again");
  } else if (TextAt(engine, "state") == "ready" && !FlagAt(engine, "answers")) {
    fmt::print("{}: its engine does not answer\n", model);
  }
}

}  // namespace

models::Places PlacesOfUser() { return models::Places::Of(config::ProcessVariable); }

int ListModels(const Common& common) {
  const models::Listing listing = models::Store(common.folders.models, PlacesOfUser()).List();
  for (const std::string& problem : listing.problems) fmt::print(stderr, "weir: {}\n", problem);
  if (common.json) {
    std::string text;
    json::Writer writer(&text);
    writer.BeginArray();
    for (const models::Manifest& model : listing.models) {
      writer.BeginObject()
          .Field("name", model.name.ToString())
          .Field("size", model.size)
          .Field("sha256", model.sha256)
          .Field("licence", model.licence)
          .Field("source", model.source)
          .Field("created", model.created)
          .EndObject();
    }
    writer.EndArray();
    fmt::print("{}\n", text);
    return 0;
  }
  Table table({"NAME", "ID", "SIZE", "LICENCE", "CREATED", "SOURCE"});
  for (const models::Manifest& model : listing.models) {
    table.Add({model.name.ToString(), model.sha256.substr(0, 12), Bytes(model.size), model.licence,
               model.created, model.source});
  }
  fmt::print("{}", table.Text());
  return 0;
}

// The engine of this model, if there is a server that has loaded it.
std::optional<json::Value> LoadedEngine(const Common& common, const std::string& model) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return std::nullopt;
  const auto engines = link->Get("/weir/v1/models");
  if (!engines) return std::nullopt;
  for (const json::Value& engine : ListAt(*engines, "data")) {
    if (TextAt(engine, "model") == model && TextAt(engine, "state") == "ready") return engine;
  }
  return std::nullopt;
}

void PrintEngine(const json::Value& engine) {
  fmt::print("  {:<18}{:.0f} threads, {:.0f} layers on a GPU, {:.0f} cells, {}, prefix reuse {}\n",
             "loaded", NumberAt(engine, "threads"), NumberAt(engine, "gpu_layers"),
             NumberAt(engine, "cells"),
             Bytes(static_cast<uint64_t>(NumberAt(engine, "memory_bytes"))),
             TextAt(engine, "prefix_reuse"));
}

int ShowModel(const Common& common, const std::string& model) {
  const auto opened = OpenNamed(common, model);
  if (!opened) return Report(opened.error());
  auto info = gguf::InspectDescriptor(opened->fd.get());
  if (!info) return Report(info.error());
  // What the store says was checked by a person; files spell their licence as they like.
  const auto manifest = models::Store(common.folders.models, PlacesOfUser()).Resolve(model);
  if (manifest && !manifest->licence.empty()) info->licence = manifest->licence;
  const auto rates = RatesOf(common, *opened);
  const std::optional<json::Value> engine = LoadedEngine(common, opened->name);
  if (common.json) {
    fmt::print("{}\n", InfoAsJson(*opened, *info, rates, engine));
  } else {
    PrintInfo(*opened, *info, rates);
    if (engine) PrintEngine(*engine);
  }
  return 0;
}

int ListEngines(const Common& common) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto engines = link->Get("/weir/v1/models");
  if (!engines) return Report(engines.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*engines));
    return 0;
  }
  PrintEngines(ListAt(*engines, "data"));
  for (const json::Value& engine : ListAt(*engines, "data")) PrintTrouble(engine);
  PrintKeys(ListAt(*engines, "keys"));
  return 0;
}

int StopModel(const Common& common, const std::string& model) {
  auto link = ServerLink::Find(common.folders);
  if (!link) return Report(NoServer());
  const auto stopped =
      link->Post("/weir/v1/models/stop", json::Value(json::Object{{"model", model}}));
  if (!stopped) return Report(stopped.error());
  fmt::print("{} stopped\n", TextAt(*stopped, "model"));
  return 0;
}

}  // namespace weir::cli
