#include "routing/policy_hash.h"

#include <fmt/core.h>

#include <variant>

#include "base/fnv.h"

namespace weir::routing {
namespace {

// Each value with its length or its presence before it, so that two different lists never read the
// same.
class Mixer {
 public:
  Mixer& Text(std::string_view text) {
    hash_.Add(text.size()).Add(text);
    return *this;
  }
  Mixer& Number(int64_t number) {
    hash_.Add(static_cast<uint64_t>(number));
    return *this;
  }
  template <class T>
  Mixer& Maybe(const std::optional<T>& number) {
    Number(number ? 1 : 0);
    return number ? Number(*number) : *this;
  }
  Mixer& Texts(const std::vector<std::string>& texts) {
    Number(static_cast<int64_t>(texts.size()));
    for (const std::string& text : texts) Text(text);
    return *this;
  }
  std::string Digits() const { return fmt::format("{:016x}", hash_.value()); }

 private:
  Fnv1a hash_ = {};
};

void Add(Mixer& mixer, const Target& target) {
  mixer.Text(target.name).Text(target.backend).Text(target.model).Text(target.region);
  mixer.Number(static_cast<int>(target.tier)).Number(static_cast<int>(target.ceiling));
  mixer.Maybe(target.context_tokens).Maybe(target.prefill_tokens_per_s);
  mixer.Maybe(target.decode_tokens_per_s);
  for (const bool flag :
       {target.generates, target.embeds, target.ranks, target.scores, target.vision, target.audio,
        target.tools, target.json_schema, target.reasoning, target.beyond, target.online}) {
    mixer.Number(flag ? 1 : 0);
  }
  // Hashes of policies without stay as they were.
  if (target.transcribes) mixer.Text("transcribes");
  if (!target.file_sha256.empty()) mixer.Text("file").Text(target.file_sha256);
}

void Add(Mixer& mixer, const VirtualModel& model) {
  mixer.Text(model.name).Texts(model.targets).Number(static_cast<int>(model.tier_max));
  mixer.Number(model.confidence_min).Number(model.buffer ? 1 : 0);
  mixer.Maybe(model.goal.cloud_share_max).Maybe(model.goal.quality_min);
  const auto& cost = model.goal.cost_per_day_max;
  mixer.Number(cost ? 1 : 0);
  if (cost) mixer.Number(cost->pico).Text(cost->currency);
  if (model.neighbours) mixer.Text("neighbours");  // hashes of policies without stay as they were
}

void Add(Mixer& mixer, const Rule& rule) {
  mixer.Number(static_cast<int64_t>(rule.when.size())).Texts(rule.use).Texts(rule.regions);
  for (const Condition& condition : rule.when) {
    mixer.Number(static_cast<int64_t>(condition.index()));
    if (const auto* flag = std::get_if<FlagIs>(&condition)) {
      mixer.Number(static_cast<int>(flag->feature)).Number(flag->is ? 1 : 0);
    } else {
      const NameIn& names = std::get<NameIn>(condition);
      mixer.Number(static_cast<int>(names.feature)).Texts(names.patterns);
    }
  }
}

}  // namespace

std::string HashOf(const Policy& policy) {
  Mixer mixer;
  const auto add_all = [&mixer](const auto& items) {
    mixer.Number(static_cast<int64_t>(items.size()));
    for (const auto& item : items) Add(mixer, item);
  };
  add_all(policy.targets);
  add_all(policy.virtuals);
  add_all(policy.rules);
  if (policy.energy != Energy()) {  // hashes of policies without stay as they were
    mixer.Text("energy").Number(policy.energy.watts).Number(policy.energy.pico_per_kwh);
    mixer.Text(policy.energy.currency);
  }
  return mixer.Digits();
}

}  // namespace weir::routing
