// list, show, ps, stop: what is there, what it is, what runs.
#include <fmt/core.h>

#include <optional>

#include "base/gpu_build.h"
#include "base/terminal_text.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/model_path.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "config/load.h"
#include "gguf/inspect.h"
#include "json/writer.h"
#include "models/footprint.h"
#include "models/rates.h"
#include "models/store.h"
#include "policy/engine_settings.h"
#include "process/probe.h"

namespace weir::cli {
namespace {

// A model of the store, or a file that is named by its path.
Result<models::OpenedModel> OpenNamed(const Common& common, const std::string& model) {
  if (IsModelPath(model)) return models::OpenModelFile(model);
  return models::Store(common.folders.models, PlacesOfUser()).Open(model);
}

std::string CapabilityWords(const gguf::Capabilities& can, bool has_projector) {
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
  add(has_projector, "vision");
  add(can.vision && !has_projector, "vision (not here: the model has no projector)");
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

// What it will take here, and of how much. As the gateway tells it.
struct Memory {
  models::Footprint footprint = {};
  policy::MemoryBudget budget = {};
  std::string would_fit = {};

  bool fits() const { return footprint.least() <= budget.bytes; }
};

// Nothing where the configuration is wrong; `weir config check` says what.
std::optional<Memory> MemoryOf(const Common& common, const models::OpenedModel& model,
                               const gguf::Info& info, const std::vector<std::string>& words) {
  const auto settings = LoadFor(words);
  if (!settings) return std::nullopt;
  const models::Store store(common.folders.models, PlacesOfUser());
  const wire::EngineSettings engine = policy::EngineSettingsOf(*settings, store, model.name, model);
  Memory memory{.footprint = models::FootprintOf(info, engine),
                .budget = policy::MemoryBudgetOf(*settings, ProbeMachine())};
  memory.footprint.weights += model.beside_bytes;
  if (!memory.fits()) memory.would_fit = models::WhatWouldFit(info, engine, memory.budget.bytes);
  return memory;
}

void AppendMemory(json::Writer& writer, const Memory& memory) {
  const models::Footprint& footprint = memory.footprint;
  writer.BeginObject()
      .Field("likely", footprint.likely())
      .Field("least", footprint.least())
      .Field("weights", footprint.weights)
      .Field("cache", footprint.cache)
      .Field("compute", footprint.compute)
      .Field("context_tokens", footprint.context_tokens)
      .Field("budget", memory.budget.bytes)
      .Field("budget_is_default", memory.budget.is_default)
      .Field("fits", memory.fits())
      .Field("would_fit", memory.would_fit)
      .EndObject();
}

std::string FitsText(const Memory& memory) {
  const std::string budget =
      fmt::format("{} for models{}", Bytes(memory.budget.bytes),
                  memory.budget.is_default ? " (the default; engine.memory sets it)" : "");
  if (memory.footprint.likely() <= memory.budget.bytes) return "yes, in " + budget;
  if (memory.fits()) return "alone, in " + budget;
  return fmt::format("no, not in {}{}{}", budget,
                     memory.would_fit.empty() ? "" : "; would fit: ", memory.would_fit);
}

std::string InfoAsJson(const models::OpenedModel& model, const gguf::Info& info,
                       const std::optional<models::ModelRates>& rates,
                       const std::optional<json::Value>& engine,
                       const std::optional<Memory>& memory, const models::Manifest& manifest) {
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
      .Field("capabilities", CapabilityWords(info.capabilities, !model.projector.empty()))
      .Field("gpu_build", GpuBuild())
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
  const auto file = [&](const models::StoredFile& each) {
    writer.BeginObject().Field("sha256", each.sha256).Field("size", each.size).EndObject();
  };
  writer.Key("adapters").BeginArray();
  for (const models::StoredFile& adapter : manifest.adapters) file(adapter);
  writer.EndArray().Key("projector");
  if (manifest.projector) {
    file(*manifest.projector);
  } else {
    writer.Null();
  }
  writer.Key("memory");
  if (memory) {
    AppendMemory(writer, *memory);
  } else {
    writer.Null();
  }
  writer.EndObject();
  return text;
}

std::string ComputesOn() {
  if (GpuBuild().empty()) return "the CPU (a build without a GPU; see WEIR_GPU in docs/models.md)";
  return fmt::format("GPUs ({}), as far as they have memory", GpuBuild());
}

void PrintInfo(const models::OpenedModel& model, const gguf::Info& info,
               const std::optional<models::ModelRates>& rates, const std::optional<Memory>& memory,
               const models::Manifest& manifest) {
  const auto line = [](std::string_view what, const std::string& value) {
    if (!value.empty()) fmt::print("  {:<18}{}\n", what, OneLine(value));
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
  line("capabilities", CapabilityWords(info.capabilities, !model.projector.empty()));
  line("chat template",
       info.chat_template.empty() ? "none" : fmt::format("{} bytes", info.chat_template.size()));
  line("licence", info.licence);
  line("sha256", model.sha256);
  for (const models::StoredFile& adapter : manifest.adapters)
    line("adapter", fmt::format("{} (LoRA, sha256 {})", Bytes(adapter.size), adapter.sha256));
  if (const auto& projector = manifest.projector)
    line("projector",
         fmt::format("{} (images, sha256 {})", Bytes(projector->size), projector->sha256));
  if (memory) {
    line("memory", fmt::format("about {} ({})", Bytes(memory->footprint.likely()),
                               models::FootprintText(memory->footprint)));
    line("fits here", FitsText(*memory));
  }
  line("computes on", ComputesOn());
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

std::string UnloadsText(const json::Value& engine) {
  const json::Value* unloads = engine.Find("unloads_in_s");
  if (TextAt(engine, "state") != "ready") return "-";
  if (FlagAt(engine, "pinned")) return "pinned";
  if (unloads != nullptr && !unloads->is_null()) return Seconds(NumberAt(engine, "unloads_in_s"));
  return NumberAt(engine, "open_requests") > 0 ? "in use" : "never";
}

void PrintMemory(const json::Value& engines) {
  const json::Value* memory = engines.Find("memory");
  const json::Value* max = memory == nullptr ? nullptr : memory->Find("max");
  if (max == nullptr || max->is_null()) return;
  fmt::print("memory: {} of {} for models{}\n",
             Bytes(static_cast<uint64_t>(NumberAt(*memory, "used"))),
             Bytes(static_cast<uint64_t>(NumberAt(*memory, "max"))),
             FlagAt(*memory, "max_is_default") ? " (the default; engine.memory sets it)" : "");
}

void PrintEngines(const json::Array& engines) {
  Table table({"NAME", "STATE", "MEMORY", "CELLS", "RUNNING", "WAITING", "HITS", "PREFILL",
               "DECODE", "STEP", "REQUEUED", "RESTARTS", "REUSE", "UNLOADS IN"});
  for (const json::Value& engine : engines) {
    table.Add({TextAt(engine, "model"), TextAt(engine, "state"),
               Bytes(static_cast<uint64_t>(NumberAt(engine, "memory_bytes"))),
               Whole(engine, "cells_used") + "/" + Whole(engine, "cells"), Whole(engine, "running"),
               Whole(engine, "waiting"), HitsText(engine),
               Whole(engine, "prefill_tokens_per_s") + "/s",
               Whole(engine, "decode_tokens_per_s") + "/s",
               fmt::format("{:.1f} ms", NumberAt(engine, "step_ms")), Whole(engine, "preemptions"),
               Whole(engine, "restarts"), TextAt(engine, "prefix_reuse"), UnloadsText(engine)});
  }
  fmt::print("{}", table.Text());
}

// Servers that run for backends of the configuration.
void PrintServers(const json::Array& servers) {
  if (servers.empty()) return;
  Table table({"SERVER OF", "STATE", "PID", "RESTARTS"});
  for (const json::Value& server : servers) {
    const std::string pid = Whole(server, "pid");
    table.Add({TextAt(server, "backend"), TextAt(server, "state"), pid == "0" ? "-" : pid,
               Whole(server, "restarts")});
  }
  fmt::print("\n{}", table.Text());
  for (const json::Value& server : servers) {
    const std::string problem = TextAt(server, "problem");
    if (!problem.empty()) fmt::print("{}: {}\n", TextAt(server, "backend"), OneLine(problem));
  }
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
    fmt::print("{}: {}; {}\n", model, OneLine(TextAt(engine, "error")),
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

std::string SharesText(const json::Array& shares) {
  std::string text;
  for (const json::Value& share : shares) {
    text += fmt::format("{}{:g}", text.empty() ? "" : ":", NumberOf(share));
  }
  return text;
}

void PrintEngine(const json::Value& engine) {
  fmt::print("  {:<18}{:.0f} threads, {:.0f} layers on a GPU, {:.0f} cells, {}, prefix reuse {}\n",
             "loaded", NumberAt(engine, "threads"), NumberAt(engine, "gpu_layers"),
             NumberAt(engine, "cells"),
             Bytes(static_cast<uint64_t>(NumberAt(engine, "memory_bytes"))),
             TextAt(engine, "prefix_reuse"));
  if (FlagAt(engine, "generates")) {
    fmt::print("  {:<18}flash attention {}, keys {}, values {}\n", "",
               TextAt(engine, "flash_attention"), TextAt(engine, "kv_type_k"),
               TextAt(engine, "kv_type_v"));
  }
  for (const json::Value& gpu : ListAt(engine, "gpus")) {
    if (gpu.AsString() != nullptr) fmt::print("  {:<18}{}\n", "GPU", *gpu.AsString());
  }
  if (const std::string split = SharesText(ListAt(engine, "tensor_split")); !split.empty()) {
    fmt::print("  {:<18}layers parted {}\n", "", split);
  }
  if (const double layers = NumberAt(engine, "cpu_moe_layers"); layers > 0) {
    fmt::print("  {:<18}experts of {:.0f} layers in the machine's memory\n", "", layers);
  }
}

int ShowModel(const Common& common, const std::string& model,
              const std::vector<std::string>& words) {
  const auto opened = OpenNamed(common, model);
  if (!opened) return Report(opened.error());
  auto info = gguf::InspectDescriptor(opened->fd.get());
  if (!info) return Report(info.error());
  // What the store says was checked by a person; files spell their licence as they like.
  const auto manifest = models::Store(common.folders.models, PlacesOfUser())
                            .Resolve(model)
                            .value_or(models::Manifest());
  if (!manifest.licence.empty()) info->licence = manifest.licence;
  const auto rates = RatesOf(common, *opened);
  const std::optional<json::Value> engine = LoadedEngine(common, opened->name);
  const std::optional<Memory> memory =
      info->kind == gguf::Kind::kModel ? MemoryOf(common, *opened, *info, words) : std::nullopt;
  if (common.json) {
    fmt::print("{}\n", InfoAsJson(*opened, *info, rates, engine, memory, manifest));
  } else {
    PrintInfo(*opened, *info, rates, memory, manifest);
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
  PrintMemory(*engines);
  PrintServers(ListAt(*engines, "servers"));
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
