#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/glob.h"
#include "config/currency.h"
#include "config/document.h"
#include "config/nearest.h"
#include "config/preset.h"
#include "config/references.h"
#include "config/scalars.h"
#include "config/sections.h"
#include "config/supervised.h"
#include "config/url.h"

namespace weir::config {
namespace {

template <class E>
struct Word {
  std::string_view name;
  E value;
};

template <class E, size_t kCount>
auto OneOf(const std::array<Word<E>, kCount>& words) {
  return [&words](const Node& node) -> Parsed<E> {
    std::array<std::string_view, kCount> names;
    for (size_t i = 0; i < kCount; ++i) {
      if (node.kind == Node::Kind::kText && node.text == words[i].name) return words[i].value;
      names[i] = words[i].name;
    }
    return std::unexpected(value::NotOneOf(node, names));
  };
}

constexpr std::array kTiers = {Word<Tier>{"device", Tier::kDevice}, Word<Tier>{"edge", Tier::kEdge},
                               Word<Tier>{"cloud", Tier::kCloud}};
constexpr std::array kKinds = {Word<BackendKind>{"engine", BackendKind::kEngine},
                               Word<BackendKind>{"openai", BackendKind::kOpenAi},
                               Word<BackendKind>{"anthropic", BackendKind::kAnthropic},
                               Word<BackendKind>{"gemini", BackendKind::kGemini},
                               Word<BackendKind>{"ollama", BackendKind::kOllama},
                               Word<BackendKind>{"whisper", BackendKind::kWhisper},
                               Word<BackendKind>{"images", BackendKind::kImages}};

constexpr int64_t kTokensMax = 100'000'000;

// Tells what is wrong with a text that has the right type.
template <class Check>
auto Checked(Check check) {
  return [check](const Node& node) -> Parsed<std::string> {
    auto text = value::Text(node);
    if (!text) return text;
    return check(*text);
  };
}

Parsed<std::string> CheckBackendName(const std::string& name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.size() > 64 || !std::ranges::all_of(name, good)) {
    return std::unexpected("takes 1 to 64 characters of A-Z a-z 0-9 . _ -");
  }
  return name;
}

Parsed<std::string> CheckVariable(const std::string& name) {
  const auto good = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
  };
  if (name.size() > 128 || !std::ranges::all_of(name, good) || (name[0] >= '0' && name[0] <= '9')) {
    return std::unexpected("takes the name of an environment variable, never a key itself");
  }
  return name;
}

Parsed<std::string> CheckCurrency(const std::string& name) {
  const auto good = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (name.size() != 3 || !std::ranges::all_of(name, good)) {
    return std::unexpected("takes a currency of three capital letters, like \"USD\"");
  }
  if (!IsCurrency(name)) return std::unexpected(Quoted(name) + " is no currency of ISO 4217");
  return name;
}

Parsed<std::string> CheckPreset(const std::string& name) {
  if (FindPreset(name) != nullptr) return name;
  std::vector<std::string_view> names;
  for (const Preset& preset : Presets()) names.push_back(preset.name);
  return std::unexpected(
      fmt::format("{} is no known server{}", Quoted(name), Suggestion(name, names)));
}

constexpr size_t kReplicasMax = 63;

Parsed<std::vector<std::string>> ReadReplicas(const Node& node) {
  auto urls = value::List(node);
  if (!urls) return urls;
  if (urls->size() > kReplicasMax) return std::unexpected("takes at most 63 further urls");
  for (size_t i = 0; i < urls->size(); ++i) {
    auto url = ParseUrl((*urls)[i]);
    if (!url) return std::unexpected(fmt::format("[{}] {}", i, url.error()));
    (*urls)[i] = *std::move(url);
  }
  return urls;
}

// Optional<T> settings read with a parser of T.
template <class Parser>
auto Some(Parser parse) {
  using T = typename decltype(parse(std::declval<const Node&>()))::value_type;
  return [parse](const Node& node) -> Parsed<std::optional<T>> {
    auto value = parse(node);
    if (!value) return std::unexpected(std::move(value.error()));
    return std::optional<T>(*std::move(value));
  };
}

void CheckBackend(TableReader& reader, const Backend& backend) {
  const Node& table = reader.table();
  const auto add = [&](std::string_view message) {
    reader.context().Add(table.line, table.column, std::string(message));
  };
  const bool engine = *backend.kind == BackendKind::kEngine;
  for (const std::string_view key :
       {"url", "replicas", "proxy", "preset", "key_env", "key_file", "ca_file", "command"}) {
    if (engine && reader.Has(key)) add(fmt::format("a backend of kind engine has no {}", key));
  }
  if (reader.Has("proxy") && *backend.tier != Tier::kCloud) {
    add("a proxy is for backends of tier cloud: behind one, the address cannot be checked");
  }
  if (!engine && reader.Has("kind") && !reader.Has("url")) add("backend.url is missing");
  if (engine && *backend.tier != Tier::kDevice) add("a backend of kind engine is in tier device");
  if (!engine && reader.Has("kind") && !reader.Has("tier")) add("backend.tier is missing");
  if (reader.Has("key_env") && reader.Has("key_file")) {
    add("a backend takes key_env or key_file, not both");
  }
  CheckSupervised(reader, backend);
}

Backend ReadBackend(TableReader& reader) {
  Backend backend;
  reader.Require("name", backend.name, Checked(CheckBackendName));
  reader.Require("kind", backend.kind, OneOf(kKinds));
  reader.Read("tier", backend.tier, OneOf(kTiers));
  reader.Read("url", backend.url, Checked(ParseUrl));
  if (*backend.kind == BackendKind::kWhisper) {
    // It hears one speech after the other, and says nothing before its end.
    backend.concurrency.value = 1;
    backend.first_byte_timeout.value = std::chrono::minutes(10);
  }
  backend.ceiling.value =
      *backend.tier == Tier::kCloud ? chat::Label::kPublic : chat::Label::kSecret;
  reader.Read("ceiling", backend.ceiling, value::Label);
  reader.Read("key_env", backend.key_env, Checked(CheckVariable));
  reader.Read("key_file", backend.key_file, value::Text);
  reader.Read("ca_file", backend.ca_file, value::TextOrEmpty);
  reader.Read("region", backend.region, value::Name);
  reader.Read("preset", backend.preset, Checked(CheckPreset));
  reader.Read("replicas", backend.replicas, ReadReplicas);
  reader.Read("proxy", backend.proxy, Checked(ParseProxy));
  ReadSupervised(reader, backend);
  reader.Read("allow_public", backend.allow_public, value::Flag);
  reader.Read("concurrency", backend.concurrency, value::Within(1, 1024));
  reader.Read("queue", backend.queue, value::Within(0, 10'000));
  reader.Read("retries", backend.retries, value::Within(0, 10));
  reader.Read("connect_timeout", backend.connect_timeout, value::Timeout);
  reader.Read("first_byte_timeout", backend.first_byte_timeout, value::Timeout);
  reader.Read("whole_answers", backend.whole_answers, value::Flag);
  if (backend.first_byte_timeout.place.origin != Origin::kDefault) {
    backend.whole_timeout.value = *backend.first_byte_timeout;
  }
  reader.Read("whole_timeout", backend.whole_timeout, value::Timeout);
  reader.Read("gap_timeout", backend.gap_timeout, value::Timeout);
  reader.Read("total_timeout", backend.total_timeout, value::Timeout);
  for (const std::string_view key : {"key", "api_key", "apikey", "token", "secret", "password"}) {
    reader.Refuse(
        key, "does not belong in this file; name a variable with key_env or a file with key_file");
  }
  CheckBackend(reader, backend);
  return backend;
}

void ReadPrice(const Node& table, Price& price, const FileContext& context) {
  TableReader reader(table, "target.price", context);
  reader.Require("currency", price.currency, Checked(CheckCurrency));
  reader.Read("input_per_million", price.input, Some(value::PerMillion));
  reader.Read("cached_input_per_million", price.cached_input, Some(value::PerMillion));
  reader.Read("output_per_million", price.output, Some(value::PerMillion));
  reader.Read("per_minute", price.per_minute, Some(value::Money));
  reader.Finish();
}

// The member as a table; a Problem when it is something else.
const Node* TakeTable(TableReader& reader, std::string_view key) {
  const Node* node = reader.Take(key);
  if (node == nullptr || node->kind == Node::Kind::kTable) return node;
  reader.Wrong(*node, key, fmt::format("takes a table, not {}", KindName(node->kind)));
  return nullptr;
}

Target ReadTarget(TableReader& reader) {
  Target target;
  const auto tokens = Some(value::Within(1, kTokensMax));
  reader.Require("name", target.name, value::Name);
  reader.Require("backend", target.backend, value::Name);
  reader.Require("model", target.model, value::Text);
  reader.Read("context", target.context, tokens);
  reader.Read("max_output", target.max_output, tokens);
  reader.Read("vision", target.vision, Some(value::Flag));
  reader.Read("audio", target.audio, Some(value::Flag));
  reader.Read("transcription", target.transcription, Some(value::Flag));
  reader.Read("tools", target.tools, Some(value::Flag));
  reader.Read("json_schema", target.json_schema, Some(value::Flag));
  reader.Read("reasoning", target.reasoning, Some(value::Flag));
  reader.Read("prefill_tokens_per_s", target.prefill_tokens_per_s, tokens);
  reader.Read("decode_tokens_per_s", target.decode_tokens_per_s, tokens);
  if (const Node* price = TakeTable(reader, "price")) {
    ReadPrice(*price, target.price, reader.context());
  }
  return target;
}

LabelRule ReadLabelRule(TableReader& reader) {
  LabelRule rule;
  if (!reader.Has("match")) reader.Missing("match");
  if (const Node* match = TakeTable(reader, "match")) {
    TableReader fields(*match, "label.match", reader.context());
    fields.Read("project", rule.project, value::Text);
    fields.Read("key", rule.key, value::Text);
    fields.Read("tenant", rule.tenant, value::Text);
    fields.Read("user", rule.user, value::Text);
    fields.Read("model", rule.model, value::Text);
    fields.Finish();
    if (match->members.empty()) reader.Wrong(*match, "match", "needs at least one condition");
  }
  reader.Require("label", rule.label, value::Label);
  return rule;
}

Parsed<std::optional<chat::Label>> DetectedLabel(const Node& node) {
  const auto label = value::Label(node);
  if (!label) return std::unexpected(label.error());
  if (*label == chat::Label::kPublic) {
    return std::unexpected(
        "takes internal, personal or secret; enabled = false leaves a built-in type out");
  }
  return *label;
}

// What an own detector, or a built-in type, has to have and may not have.
void CheckDetector(TableReader& reader, const Detector& detector) {
  const auto problem = [&](std::string_view what) {
    reader.context().Add(reader.table().line, reader.table().column,
                         fmt::format("detector {}", what));
  };
  const std::string& name = *detector.name;
  const bool has_rule = reader.Has("words") || reader.Has("pattern");
  if (std::ranges::find(kDetectorTypes, name) != std::end(kDetectorTypes)) {
    if (has_rule)
      problem(fmt::format("{} is built in and takes no words or pattern; choose another name",
                          Quoted(name)));
    if (!reader.Has("label") && !reader.Has("enabled")) {
      problem(fmt::format("{} is built in; say label or enabled, or this changes nothing",
                          Quoted(name)));
    }
    return;
  }
  if (!has_rule) {
    return problem(fmt::format("{} is not built in, so it needs words or a pattern{}", Quoted(name),
                               Suggestion(name, kDetectorTypes)));
  }
  if (reader.Has("words") && reader.Has("pattern")) problem("takes words or a pattern, not both");
  if (reader.Has("enabled"))
    problem("takes enabled for built-in types alone; remove this one instead");
  if (!reader.Has("label")) reader.Missing("label");
}

Detector ReadDetector(TableReader& reader) {
  Detector detector;
  reader.Require("name", detector.name, value::Name);
  reader.Read("words", detector.words, value::List);
  reader.Read("pattern", detector.pattern, value::Text);
  reader.Read("label", detector.label, DetectedLabel);
  reader.Read("enabled", detector.enabled, value::Flag);
  if (!detector.name->empty()) CheckDetector(reader, detector);
  return detector;
}

Parsed<Goal> ReadGoal(const Node& node, const FileContext& context) {
  if (node.kind != Node::Kind::kTable) {
    return std::unexpected(fmt::format("takes a table, not {}", KindName(node.kind)));
  }
  TableReader reader(node, "goal", context);
  Setting<double> share;
  Setting<int64_t> cost;
  Text currency{"USD"};
  Setting<double> quality;
  reader.Read("cloud_share_max", share, value::Share);
  reader.Read("cost_per_day_max", cost, value::Money);
  reader.Read("currency", currency, Checked(CheckCurrency));
  reader.Read("quality_min", quality, value::Share);
  reader.Finish();
  const int set =
      reader.Has("cloud_share_max") + reader.Has("cost_per_day_max") + reader.Has("quality_min");
  if (set != 1) {
    return std::unexpected("takes exactly one of cloud_share_max, cost_per_day_max, quality_min");
  }
  if (reader.Has("currency") && !reader.Has("cost_per_day_max")) {
    return std::unexpected("takes currency beside cost_per_day_max alone");
  }
  if (reader.Has("cloud_share_max")) return CloudShareMax{*share};
  if (reader.Has("cost_per_day_max")) return CostPerDayMax{*cost, *currency};
  return QualityMin{*quality};
}

Route ReadRoute(TableReader& reader) {
  Route route;
  reader.Require("targets", route.targets, value::SomeList);
  reader.Read("goal", route.goal,
              [&reader](const Node& node) { return ReadGoal(node, reader.context()); });
  reader.Read("min_confidence", route.min_confidence, Some(value::Share));
  reader.Read("buffer", route.buffer, value::Flag);
  reader.Read("neighbours", route.neighbours, value::Flag);
  return route;
}

// Features whose names are known beforehand.
void CheckNames(std::string_view feature, const Names& names, const FileContext& context) {
  constexpr std::string_view kLabels[] = {"public", "internal", "personal", "secret", "unscanned"};
  const auto refuse = [&](std::string_view name, std::string_view what,
                          std::span<const std::string_view> known) {
    context.Add(names.place.line, names.place.column,
                fmt::format("rule.when.{} {} is no {}{}", feature, Quoted(name), what,
                            Suggestion(name, known)));
  };
  const auto is_one = [](std::span<const std::string_view> known, const std::string& name) {
    return std::ranges::find(known, name) != known.end();
  };
  for (const std::string& name : *names) {
    if (feature == "label" && !is_one(kLabels, name)) refuse(name, "label", kLabels);
    if (feature == "language" && !is_one(kLanguageNames, name)) {
      refuse(name, "language that is told apart", kLanguageNames);
    }
    const auto fits = [&name](std::string_view task) { return MatchesGlob(name, task); };
    if (feature == "task" && std::ranges::none_of(kTaskNames, fits)) {
      refuse(name, "task", kTaskNames);
    }
  }
}

void ReadConditions(const Node& table, Rule& rule, const FileContext& context) {
  TableReader reader(table, "rule.when", context);
  for (const std::string_view feature : kFlagFeatures) {
    Setting<bool> is;
    reader.Read(feature, is, value::Flag);
    if (is.place.origin == Origin::kFile)
      rule.when.push_back({is.place, std::string(feature), *is});
  }
  for (const std::string_view feature : kNameFeatures) {
    Names is;
    reader.Read(feature, is, value::OneOrList);
    if (is.place.origin == Origin::kFile)
      rule.when.push_back({is.place, std::string(feature), *is});
    CheckNames(feature, is, context);
  }
  reader.Finish();
}

Rule ReadRule(TableReader& reader) {
  Rule rule;
  if (!reader.Has("when")) reader.Missing("when");
  if (const Node* when = TakeTable(reader, "when")) ReadConditions(*when, rule, reader.context());
  reader.Read("use", rule.use, value::SomeList);
  reader.Read("regions", rule.regions, value::SomeList);
  if (!reader.Has("use") && !reader.Has("regions")) {
    reader.context().Add(reader.table().line, reader.table().column,
                         "a rule needs use or regions, or it decides nothing");
  }
  return rule;
}

Budget ReadBudget(TableReader& reader) {
  Budget budget;
  reader.Read("keys", budget.keys, value::List);
  reader.Read("projects", budget.projects, value::List);
  reader.Read("tenants", budget.tenants, value::List);
  reader.Read("users", budget.users, value::List);
  if (budget.keys->empty() && budget.projects->empty() && budget.tenants->empty() &&
      budget.users->empty()) {
    reader.Missing("keys");
  }
  reader.Read("currency", budget.currency, Checked(CheckCurrency));
  reader.Read("per_day", budget.per_day, Some(value::Money));
  reader.Read("per_week", budget.per_week, Some(value::Money));
  reader.Read("per_month", budget.per_month, Some(value::Money));
  reader.Read("total", budget.total, Some(value::Money));
  reader.Read("hard", budget.hard, value::Flag);
  reader.Read("when_empty", budget.refuses, [](const Node& node) -> Parsed<bool> {
    constexpr std::string_view kWords[] = {"lower", "refuse"};
    if (node.kind == Node::Kind::kText && node.text == kWords[0]) return false;
    if (node.kind == Node::Kind::kText && node.text == kWords[1]) return true;
    return std::unexpected(value::NotOneOf(node, kWords));
  });
  if (!reader.Has("per_day") && !reader.Has("per_week") && !reader.Has("per_month") &&
      !reader.Has("total")) {
    reader.Missing("per_day");
  }
  return budget;
}

Parsed<std::string> CellType(const Node& node) {
  const bool known = node.kind == Node::Kind::kText &&
                     std::ranges::find(kCellTypes, node.text) != std::end(kCellTypes);
  if (!known) return std::unexpected(value::NotOneOf(node, kCellTypes));
  return node.text;
}

Parsed<std::vector<double>> Shares(const Node& node) {
  const auto is_number = [](const Node& entry) {
    return entry.kind == Node::Kind::kInteger || entry.kind == Node::Kind::kDecimal;
  };
  if (node.kind != Node::Kind::kList || !std::ranges::all_of(node.list, is_number)) {
    return std::unexpected("takes a list with a share for each GPU, like [3, 1]");
  }
  std::vector<double> shares;
  for (const Node& entry : node.list) {
    const bool whole = entry.kind == Node::Kind::kInteger;
    shares.push_back(whole ? static_cast<double>(entry.integer) : entry.decimal);
  }
  return CheckShares(std::move(shares));
}

Model ReadModel(TableReader& reader) {
  Model model;
  reader.Read("file", model.file, value::Text);
  reader.Read("projector", model.projector, value::Text);
  reader.Read("context", model.context, Some(value::Within(64, kTokensMax)));
  reader.Read("parallel", model.parallel, Some(value::Within(1, 256)));
  reader.Read("batch", model.batch, Some(value::Within(1, 65'536)));
  reader.Read("micro_batch", model.micro_batch, Some(value::Within(1, 65'536)));
  reader.Read("flash_attention", model.flash_attention, Some(value::Flag));
  reader.Read("prompt_lookup", model.prompt_lookup, Some(value::Flag));
  reader.Read("kv_type_k", model.kv_type_k, CellType);
  reader.Read("kv_type_v", model.kv_type_v, CellType);
  reader.Read("threads", model.threads, Some(value::Within(1, 1024)));
  reader.Read("gpu_layers", model.gpu_layers, Some(value::Within(0, 10'000)));
  reader.Read("tensor_split", model.tensor_split, Shares);
  reader.Read("cpu_moe_layers", model.cpu_moe_layers, Some(value::Within(0, 10'000)));
  reader.Read("keep_alive", model.keep_alive, Some(value::Time));
  reader.Read("preload", model.preload, value::Flag);
  return model;
}

// [[kind]]
template <class T>
void ReadList(TableReader& top, std::string_view kind, std::vector<T>& into,
              T (*read)(TableReader&)) {
  const Node* node = top.Take(kind);
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kList) {
    return top.Wrong(*node, kind, fmt::format("is a list of tables; write [[{}]]", kind));
  }
  if (node->list.size() > kSectionMax) {
    return top.Wrong(*node, kind, fmt::format("has more than {} entries", kSectionMax));
  }
  for (const Node& entry : node->list) {
    if (entry.kind != Node::Kind::kTable) {
      top.Wrong(entry, kind, fmt::format("is a list of tables; write [[{}]]", kind));
      continue;
    }
    TableReader reader(entry, std::string(kind), top.context());
    into.push_back(read(reader));
    into.back().place = TableReader::PlaceOf(entry);
    reader.Finish();
  }
}

// [kind.NAME]
template <class T>
void ReadNamed(TableReader& top, std::string_view kind, std::vector<T>& into,
               T (*read)(TableReader&)) {
  const Node* node = TakeTable(top, kind);
  if (node == nullptr) return;
  if (node->members.size() > kSectionMax) {
    return top.Wrong(*node, kind, fmt::format("has more than {} entries", kSectionMax));
  }
  for (const Member& member : node->members) {
    const Node name{.kind = Node::Kind::kText, .text = member.name};
    const auto good = value::Name(name);
    if (!good || member.value.kind != Node::Kind::kTable) {
      top.context().Add(member.line, member.column,
                        good ? fmt::format("{} {} takes a table; write [{}.NAME]", kind,
                                           Quoted(member.name), kind)
                             : fmt::format("the name of a {} {}", kind, good.error()));
      continue;
    }
    TableReader reader(member.value, fmt::format("{}.{}", kind, member.name), top.context());
    into.push_back(read(reader));
    into.back().place = {Origin::kFile, member.line, member.column};
    into.back().name = member.name;
    reader.Finish();
  }
}

void ReadEnergyPrice(TableReader& engine, EnergyPrice& price, const FileContext& context) {
  const Node* table = TakeTable(engine, "energy_price");
  if (table == nullptr) return;
  TableReader reader(*table, "engine.energy_price", context);
  reader.Require("currency", price.currency, Checked(CheckCurrency));
  reader.Read("per_kwh", price.per_kwh, Some(value::Money));
  if (!reader.Has("per_kwh")) reader.Missing("per_kwh");
  reader.Finish();
}

void ReadScalars(TableReader& reader, std::string_view section, Settings& settings) {
  for (const Scalar& scalar : Scalars()) {
    if (scalar.section != section) continue;
    const Node* node = reader.Take(scalar.name);
    if (node == nullptr) continue;
    if (auto set = SetFromNode(scalar, *node, settings); !set) {
      reader.Wrong(*node, scalar.name, set.error());
    }
  }
}

void ReadTop(const Node& root, Settings& settings, const FileContext& context) {
  TableReader reader(root, /*path=*/"", context);
  ReadScalars(reader, "", settings);
  for (const char* section : {"limits", "engine"}) {
    const Node* table = TakeTable(reader, section);
    if (table == nullptr) continue;
    TableReader fields(*table, section, context);
    ReadScalars(fields, section, settings);
    if (section == std::string_view("engine")) {
      ReadEnergyPrice(fields, settings.engine.energy_price, context);
    }
    fields.Finish();
  }
  ReadList(reader, "backend", settings.backends, ReadBackend);
  ReadList(reader, "target", settings.targets, ReadTarget);
  ReadList(reader, "label", settings.labels, ReadLabelRule);
  ReadList(reader, "detector", settings.detectors, ReadDetector);
  ReadNamed(reader, "route", settings.routes, ReadRoute);
  ReadList(reader, "rule", settings.rules, ReadRule);
  ReadNamed(reader, "budget", settings.budgets, ReadBudget);
  ReadNamed(reader, "model", settings.model_settings, ReadModel);
  reader.Finish();
}

}  // namespace

void ParseInto(std::string_view text, const std::string& file, Settings& settings,
               Problems& problems) {
  const auto document = ParseDocument(text, file);
  if (!document) return problems.Add(document.error().where, document.error().message);
  const FileContext context{file, problems};
  ReadTop(*document, settings, context);
  AddDefaultBackend(settings);
  CheckReferences(settings, context);
}

}  // namespace weir::config
