#include "config/show.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/check.h"
#include "config/scalars.h"
#include "config/units.h"

namespace weir::config {
namespace {

std::string ListText(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& entry : list) text += (text.size() > 1 ? ", " : "") + TomlText(entry);
  return text + "]";
}

std::string ToToml(const std::string& value) { return TomlText(value); }
std::string ToToml(bool value) { return value ? "true" : "false"; }
std::string ToToml(int64_t value) { return std::to_string(value); }
// The shortest digits that read back as the same number.
std::string ToToml(double value) { return fmt::format("{}", value); }
std::string ToToml(Duration value) { return TomlText(ToText(value)); }
std::string ToToml(chat::Label value) { return TomlText(chat::LabelName(value)); }
std::string ToToml(Tier value) { return TomlText(TierName(value)); }
std::string ToToml(BackendKind value) { return TomlText(BackendKindName(value)); }
std::string ToToml(const std::vector<std::string>& value) { return ListText(value); }
std::string ToToml(const std::vector<double>& value) {
  return fmt::format("[{}]", fmt::join(value, ", "));
}

class Printer {
 public:
  explicit Printer(const Settings& settings)
      : file_(std::filesystem::path(settings.file).filename().string()) {}

  void Section(std::string_view text) { out_ += fmt::format("\n{}\n", text); }
  void Heading(std::string_view text, const Place& place) {
    out_ += fmt::format("\n{}  # {}\n", text, Where(place));
  }
  void Line(std::string_view key, std::string_view value, const Place& place,
            std::string_view variable = {}) {
    out_ += fmt::format("{} = {}  # {}{}{}\n", key, value, Where(place),
                        variable.empty() ? "" : " ", variable);
  }
  template <class T>
  void Put(std::string_view key, const Setting<T>& setting) {
    Line(key, ToToml(*setting), setting.place);
  }
  template <class T>
  void Put(std::string_view key, const Optional<T>& setting) {
    if (*setting) Line(key, ToToml(**setting), setting.place);
  }
  template <class T>
  void PutSet(std::string_view key, const Setting<T>& setting) {
    if (setting.place.origin != Origin::kDefault) Put(key, setting);
  }
  void PutMoney(std::string_view key, const Optional<int64_t>& setting, int decimals) {
    if (*setting) Line(key, TomlText(DecimalToText(**setting, decimals)), setting.place);
  }
  std::string Take() && { return std::move(out_); }

 private:
  std::string Where(const Place& place) const {
    switch (place.origin) {
      case Origin::kDefault:
        return "default";
      case Origin::kFile:
        return fmt::format("{}:{}", file_, place.line);
      case Origin::kEnvironment:
        return "environment";
      case Origin::kFlag:
        return "flag";
    }
    CHECK(false, "origin out of range");
  }

  std::string file_;
  std::string out_;
};

void ShowScalars(std::string_view section, const Settings& settings, Printer& out) {
  for (const Scalar& scalar : Scalars()) {
    if (scalar.section != section) continue;
    const Place place = PlaceOf(scalar, settings);
    std::string by;
    if (place.origin == Origin::kEnvironment) by = EnvironmentName(scalar);
    if (place.origin == Origin::kFlag) by = "--" + FlagName(scalar);
    out.Line(scalar.name, ValueToText(scalar, settings), place, by);
  }
}

void ShowBackend(const Backend& backend, Printer& out) {
  out.Heading("[[backend]]", backend.place);
  out.Put("name", backend.name);
  out.Put("kind", backend.kind);
  out.Put("tier", backend.tier);
  out.PutSet("url", backend.url);
  out.Put("ceiling", backend.ceiling);
  out.PutSet("key_env", backend.key_env);
  out.PutSet("key_file", backend.key_file);
  out.PutSet("ca_file", backend.ca_file);
  out.PutSet("preset", backend.preset);
  out.PutSet("replicas", backend.replicas);
  out.PutSet("proxy", backend.proxy);
  if (!backend.command->empty()) {
    out.Put("command", backend.command);
    out.Put("health", backend.health);
    out.Put("start_timeout", backend.start_timeout);
    out.Put("health_timeout", backend.health_timeout);
  }
  if (*backend.kind != BackendKind::kEngine) {
    out.Put("allow_public", backend.allow_public);
    out.Put("concurrency", backend.concurrency);
    out.Put("queue", backend.queue);
    out.Put("retries", backend.retries);
    out.Put("connect_timeout", backend.connect_timeout);
    out.Put("first_byte_timeout", backend.first_byte_timeout);
    out.Put("whole_answers", backend.whole_answers);
    out.Put("whole_timeout", backend.whole_timeout);
    out.Put("gap_timeout", backend.gap_timeout);
    out.Put("total_timeout", backend.total_timeout);
  }
  out.PutSet("region", backend.region);
}

void ShowTarget(const Target& target, Printer& out) {
  out.Heading("[[target]]", target.place);
  out.Put("name", target.name);
  out.Put("backend", target.backend);
  out.Put("model", target.model);
  out.Put("context", target.context);
  out.Put("max_output", target.max_output);
  out.Put("vision", target.vision);
  out.Put("audio", target.audio);
  out.Put("transcription", target.transcription);
  out.Put("tools", target.tools);
  out.Put("json_schema", target.json_schema);
  out.Put("reasoning", target.reasoning);
  out.Put("prefill_tokens_per_s", target.prefill_tokens_per_s);
  out.Put("decode_tokens_per_s", target.decode_tokens_per_s);
  const Price& price = target.price;
  if (price.currency->empty()) return;
  out.Put("price.currency", price.currency);
  out.PutMoney("price.input_per_million", price.input, kPerMillionDecimals);
  out.PutMoney("price.cached_input_per_million", price.cached_input, kPerMillionDecimals);
  out.PutMoney("price.output_per_million", price.output, kPerMillionDecimals);
  out.PutMoney("price.per_minute", price.per_minute, kMoneyDecimals);
}

void ShowDetector(const Detector& detector, Printer& out) {
  out.Heading("[[detector]]", detector.place);
  out.Put("name", detector.name);
  out.PutSet("words", detector.words);
  out.PutSet("pattern", detector.pattern);
  out.Put("label", detector.label);
  if (detector.enabled.place.origin != Origin::kDefault) out.Put("enabled", detector.enabled);
}

void ShowLabel(const LabelRule& rule, Printer& out) {
  out.Heading("[[label]]", rule.place);
  out.PutSet("match.project", rule.project);
  out.PutSet("match.key", rule.key);
  out.PutSet("match.tenant", rule.tenant);
  out.PutSet("match.user", rule.user);
  out.PutSet("match.model", rule.model);
  out.Put("label", rule.label);
}

void ShowRoute(const Route& route, Printer& out) {
  out.Heading(fmt::format("[route.{}]", TomlText(route.name)), route.place);
  out.Put("targets", route.targets);
  const Place& at = route.goal.place;
  if (const auto* share = std::get_if<CloudShareMax>(&*route.goal)) {
    out.Line("goal.cloud_share_max", ToToml(share->share), at);
  } else if (const auto* cost = std::get_if<CostPerDayMax>(&*route.goal)) {
    out.Line("goal.cost_per_day_max", TomlText(DecimalToText(cost->pico, kMoneyDecimals)), at);
    out.Line("goal.currency", TomlText(cost->currency), at);
  } else if (const auto* quality = std::get_if<QualityMin>(&*route.goal)) {
    out.Line("goal.quality_min", ToToml(quality->quality), at);
  }
  out.Put("min_confidence", route.min_confidence);
  out.Put("buffer", route.buffer);
  out.Put("neighbours", route.neighbours);
}

void ShowRule(const Rule& rule, Printer& out) {
  out.Heading("[[rule]]", rule.place);
  if (rule.when.empty()) out.Line("when", "{}", rule.place);
  for (const Condition& condition : rule.when) {
    const std::string is =
        std::visit([](const auto& value) { return ToToml(value); }, condition.is);
    out.Line("when." + condition.feature, is, condition.place);
  }
  out.PutSet("use", rule.use);
  out.PutSet("regions", rule.regions);
}

void ShowBudget(const Budget& budget, Printer& out) {
  out.Heading(fmt::format("[budget.{}]", TomlText(budget.name)), budget.place);
  out.PutSet("keys", budget.keys);
  out.PutSet("projects", budget.projects);
  out.PutSet("tenants", budget.tenants);
  out.PutSet("users", budget.users);
  out.Put("currency", budget.currency);
  out.PutMoney("per_day", budget.per_day, kMoneyDecimals);
  out.PutMoney("per_week", budget.per_week, kMoneyDecimals);
  out.PutMoney("per_month", budget.per_month, kMoneyDecimals);
  out.PutMoney("total", budget.total, kMoneyDecimals);
  out.Put("hard", budget.hard);
  out.Line("when_empty", *budget.refuses ? "\"refuse\"" : "\"lower\"", budget.refuses.place);
}

void ShowModel(const Model& model, Printer& out) {
  out.Heading(fmt::format("[model.{}]", TomlText(model.name)), model.place);
  out.PutSet("file", model.file);
  out.PutSet("projector", model.projector);
  out.Put("context", model.context);
  out.Put("parallel", model.parallel);
  out.Put("batch", model.batch);
  out.Put("micro_batch", model.micro_batch);
  out.Put("flash_attention", model.flash_attention);
  out.Put("prompt_lookup", model.prompt_lookup);
  out.PutSet("kv_type_k", model.kv_type_k);
  out.PutSet("kv_type_v", model.kv_type_v);
  out.Put("threads", model.threads);
  out.Put("gpu_layers", model.gpu_layers);
  out.PutSet("tensor_split", model.tensor_split);
  out.Put("cpu_moe_layers", model.cpu_moe_layers);
  out.Put("keep_alive", model.keep_alive);
  out.Put("preload", model.preload);
}

}  // namespace

std::string Show(const Settings& settings) {
  Printer out(settings);
  ShowScalars("", settings, out);
  out.Section("[limits]");
  ShowScalars("limits", settings, out);
  out.Section("[engine]");
  ShowScalars("engine", settings, out);
  const EnergyPrice& energy = settings.engine.energy_price;
  if (!energy.currency->empty()) {
    out.Put("energy_price.currency", energy.currency);
    out.PutMoney("energy_price.per_kwh", energy.per_kwh, kMoneyDecimals);
  }
  for (const Backend& backend : settings.backends) ShowBackend(backend, out);
  for (const Target& target : settings.targets) ShowTarget(target, out);
  for (const LabelRule& rule : settings.labels) ShowLabel(rule, out);
  for (const Detector& detector : settings.detectors) ShowDetector(detector, out);
  for (const Route& route : settings.routes) ShowRoute(route, out);
  for (const Rule& rule : settings.rules) ShowRule(rule, out);
  for (const Budget& budget : settings.budgets) ShowBudget(budget, out);
  for (const Model& model : settings.model_settings) ShowModel(model, out);
  return std::move(out).Take();
}

}  // namespace weir::config
