#include "routing/from_settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/gpu_build.h"
#include "config/named_files.h"
#include "routing/draft_check.h"

namespace weir::routing {
namespace {

static_assert(std::ranges::equal(config::kLanguageNames, kLanguages));

bool IsBeyond(const config::Backend& backend) {
  return *backend.kind != config::BackendKind::kEngine;
}

const config::Backend* FindBackend(const config::Settings& settings, std::string_view name) {
  const auto found = std::ranges::find_if(
      settings.backends, [name](const config::Backend& backend) { return *backend.name == name; });
  return found == settings.backends.end() ? nullptr : &*found;
}

}  // namespace

Tier TierOf(config::Tier tier) {
  switch (tier) {
    case config::Tier::kDevice:
      return Tier::kDevice;
    case config::Tier::kEdge:
      return Tier::kEdge;
    case config::Tier::kCloud:
      return Tier::kCloud;
  }
  return Tier::kCloud;
}

// The configuration has checked that every feature is there.
Rule RuleOf(const config::Rule& rule) {
  Rule made{.line = rule.place.line, .use = *rule.use, .regions = *rule.regions};
  for (const config::Condition& condition : rule.when) {
    auto read = std::visit([&](const auto& is) { return MakeCondition(condition.feature, is); },
                           condition.is);
    CHECK(read.has_value(), "config/settings.h and routing/rule.h know the same features");
    made.when.push_back(std::move(*read));
  }
  return made;
}

std::vector<LabelFloor> FloorsOf(const config::Settings& settings) {
  std::vector<LabelFloor> floors;
  for (const config::LabelRule& rule : settings.labels) {
    LabelFloor floor{.line = rule.place.line, .label = *rule.label};
    const auto add = [&](NameFeature feature, const config::Text& pattern) {
      if (!pattern->empty()) floor.match.push_back({feature, {*pattern}});
    };
    add(NameFeature::kProject, rule.project);
    add(NameFeature::kKey, rule.key);
    add(NameFeature::kTenant, rule.tenant);
    add(NameFeature::kUser, rule.user);
    add(NameFeature::kModel, rule.model);
    floors.push_back(std::move(floor));
  }
  return floors;
}

std::vector<Declared> DeclaredTargets(const config::Settings& settings) {
  std::vector<Declared> declared;
  for (const config::Target& target : settings.targets) {
    if (const auto* backend = FindBackend(settings, *target.backend)) {
      declared.push_back({backend, target});
    }
  }
  const auto add_named = [&](const std::string& name) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos) return;
    const auto* backend = FindBackend(settings, std::string_view(name).substr(0, slash));
    const bool known = std::ranges::any_of(
        declared, [&](const Declared& other) { return *other.target.name == name; });
    if (backend == nullptr || !IsBeyond(*backend) || known) return;
    Declared made{.backend = backend};
    made.target.name.value = name;
    made.target.backend.value = *backend->name;
    made.target.model.value = name.substr(slash + 1);
    declared.push_back(std::move(made));
  };
  for (const auto& route : settings.routes) std::ranges::for_each(*route.targets, add_named);
  for (const auto& rule : settings.rules) std::ranges::for_each(*rule.use, add_named);
  return declared;
}

Target TargetOf(const Declared& declared) {
  const auto& [backend, target] = declared;
  const bool beyond = IsBeyond(*backend);
  // What transcribes answers chats only where it says that these may hold sound.
  const bool whisper = *backend->kind == config::BackendKind::kWhisper;
  const bool transcribes = whisper || target.transcription->value_or(false);
  const bool chats = !transcribes || (!whisper && target.audio->value_or(false));
  return {.name = *target.name,
          .backend = *backend->name,
          .model = *target.model,
          .tier = TierOf(*backend->tier),
          .ceiling = *backend->ceiling,
          .region = *backend->region,
          .context_tokens = *target.context,
          .prefill_tokens_per_s = *target.prefill_tokens_per_s,
          .decode_tokens_per_s = *target.decode_tokens_per_s,
          .generates = chats,
          .embeds = *backend->kind != config::BackendKind::kAnthropic && !transcribes,
          .scores = !beyond,
          .transcribes = transcribes,
          .vision = target.vision->value_or(false),
          .audio = target.audio->value_or(false),
          .tools = target.tools->value_or(!beyond),
          .json_schema = target.json_schema->value_or(!beyond),
          .reasoning = target.reasoning->value_or(false),
          .beyond = beyond};
}

VirtualModel VirtualOf(const config::Route& route) {
  VirtualModel made{.name = route.name, .targets = *route.targets, .buffer = *route.buffer};
  made.neighbours = *route.neighbours;
  if (*route.min_confidence) {
    made.confidence_min = static_cast<int32_t>(std::lround(**route.min_confidence * kCertain));
  }
  const auto chance = [](double share) {
    return static_cast<int32_t>(std::lround(share * kCertain));
  };
  if (const auto* share = std::get_if<config::CloudShareMax>(&*route.goal))
    made.goal.cloud_share_max = chance(share->share);
  if (const auto* cost = std::get_if<config::CostPerDayMax>(&*route.goal))
    made.goal.cost_per_day_max = CostPerDay{cost->pico, cost->currency};
  if (const auto* quality = std::get_if<config::QualityMin>(&*route.goal))
    made.goal.quality_min = chance(quality->quality);
  return made;
}

Energy EnergyOf(const config::Settings& settings) {
  const config::Engine& engine = settings.engine;
  return {.watts = *engine.watts,
          .pico_per_kwh = engine.energy_price.per_kwh.value.value_or(0),
          .currency = *engine.energy_price.currency};
}

Policy PolicyOf(const config::Settings& settings) {
  Policy policy;
  for (const Declared& declared : DeclaredTargets(settings)) {
    policy.targets.push_back(TargetOf(declared));
  }
  for (const config::Route& route : settings.routes) {
    policy.virtuals.push_back(VirtualOf(route));
  }
  for (const config::Rule& rule : settings.rules) policy.rules.push_back(RuleOf(rule));
  policy.energy = EnergyOf(settings);
  return policy;
}

ChosenPredictor PredictorOf(const config::Settings& settings) {
  if (*settings.prediction == config::kBuiltInPrediction) return {Predictor::BuiltIn()};
  const auto text = config::TextOfNamed(settings, *settings.prediction);
  auto read = text ? Predictor::Parse(*text) : Fail(text.error());
  if (read) return {std::move(*read)};
  return {Predictor::ByLength(),
          fmt::format("prediction: the model file of the configuration is refused ({}); the length "
                      "of the prompt takes its place",
                      read.error().message)};
}

Result<DraftCheck> DraftCheckOf(const config::Settings& settings) {
  if (*settings.calibration == config::kBuiltInCalibration) return DraftCheck::BuiltIn();
  const auto text = config::TextOfNamed(settings, *settings.calibration);
  auto read = text ? DraftCheck::Parse(*text) : Fail(text.error());
  if (!read) {
    return Fail(Code::kInvalidArgument,
                fmt::format("calibration: the file {} is refused ({})", *settings.calibration,
                            read.error().message),
                "calibration");
  }
  read->Add(DraftCheck::BuiltIn());
  return read;
}

namespace {

// Of a model in a build whose engines know no GPU.
void AddGpuSettings(const std::string& file, const config::Model& model,
                    std::vector<std::string>& lines) {
  const auto add = [&](std::string_view name, std::string_view flag, const config::Place& at) {
    if (at.origin == config::Origin::kDefault) return;
    const bool in_file = at.origin == config::Origin::kFile;
    lines.push_back(fmt::format(
        "{} has no effect: this build computes on the CPU alone; WEIR_GPU=cuda make build (or "
        "vulkan, metal, hip) makes one that does not",
        in_file ? fmt::format("{}:{}: model.\"{}\".{}", file, at.line, model.name, name)
                : std::string(flag)));
  };
  if (model.gpu_layers.value.value_or(0) != 0) {
    add("gpu_layers", "--n-gpu-layers", model.gpu_layers.place);
  }
  add("tensor_split", "--tensor-split", model.tensor_split.place);
  if (model.cpu_moe_layers.value.value_or(0) != 0) {
    add("cpu_moe_layers", "--n-cpu-moe", model.cpu_moe_layers.place);
  }
}

}  // namespace

std::vector<std::string> WithoutEffect(const config::Settings& settings) {
  std::vector<std::string> lines;
  if (GpuBuild().empty()) {
    for (const config::Model& model : settings.model_settings) {
      AddGpuSettings(settings.file, model, lines);
    }
  }
  return lines;
}

std::vector<std::string> PolicyProblems(const config::Settings& settings) {
  std::vector<std::string> lines;
  const PolicyProof proof = CheckPolicy(PolicyOf(settings), FloorsOf(settings));
  for (const PolicyProblem& problem : proof.problems) {
    lines.push_back(fmt::format("{}:{}: a label could reach a target above its ceiling: {}",
                                settings.file, problem.line, problem.path));
  }
  if (const auto check = DraftCheckOf(settings); !check) lines.push_back(check.error().message);
  return lines;
}

}  // namespace weir::routing
