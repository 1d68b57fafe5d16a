#include "history/record.h"

#include <algorithm>

#include "json/fields.h"
#include "json/parse.h"
#include "ledger/money.h"
#include "routing/router.h"

namespace weir::history {
namespace {

constexpr size_t kTextMax = 4096;
constexpr json::Limits kLimits = {.depth = 8, .bytes = size_t{1} << 20, .values = 65536};
constexpr int64_t kMax = INT64_MAX;

constexpr chat::Label kLabels[] = {chat::Label::kPublic, chat::Label::kInternal,
                                   chat::Label::kPersonal, chat::Label::kSecret,
                                   chat::Label::kUnscanned};
constexpr routing::Task kTasks[] = {routing::Task::kGenerate, routing::Task::kEmbed,
                                    routing::Task::kScore, routing::Task::kRank,
                                    routing::Task::kTranscribe};

int64_t UnixMs(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

void AppendLines(json::Writer& writer, std::string_view key, const std::vector<std::string>& all) {
  writer.Key(key).BeginArray();
  for (size_t i = 0; i < all.size() && i < kLinesMax; ++i) writer.String(all[i]);
  writer.EndArray();
}

template <class T>
void AppendMaybe(json::Writer& writer, std::string_view key, const std::optional<T>& number) {
  if (number) writer.Field(key, *number);
}

void AppendFilters(json::Writer& writer, uint32_t failed) {
  writer.BeginArray();
  for (int bit = 0; bit < routing::kFilterCount; ++bit) {
    if (failed & (1u << bit)) {
      writer.String(routing::FilterName(static_cast<routing::Filter>(1u << bit)));
    }
  }
  writer.EndArray();
}

void AppendConsidered(json::Writer& writer, const routing::Considered& item) {
  writer.BeginObject().Field("target", item.target).Key("failed");
  AppendFilters(writer, item.failed);
  AppendMaybe(writer, "expected_ms", item.expected_ms);
  AppendMaybe(writer, "expected_energy_mj", item.energy_mj);
  if (item.cost) {
    writer.Key("expected_cost")
        .BeginObject()
        .Field("pico", item.cost->pico)
        .Field("currency", item.cost->currency)
        .EndObject();
  }
  if (item.speed != routing::Speed()) {
    writer.Key("speed").BeginObject();
    AppendMaybe(writer, "load_ms", item.speed.load_ms);
    AppendMaybe(writer, "queue_ms", item.speed.queue_ms);
    AppendMaybe(writer, "first_ms", item.speed.first_ms);
    AppendMaybe(writer, "prefill_tokens_per_1000_s", item.speed.prefill_rate);
    AppendMaybe(writer, "decode_tokens_per_1000_s", item.speed.decode_rate);
    AppendMaybe(writer, "answer_tokens", item.speed.answer_tokens);
    if (item.speed.cached_tokens > 0) writer.Field("cached_tokens", item.speed.cached_tokens);
    writer.EndObject();
  }
  writer.EndObject();
}

void AppendFeatures(json::Writer& writer, const routing::Features& features) {
  writer.Key("features")
      .BeginObject()
      .Field("task", routing::TaskName(features.task))
      .Field("tier_max", routing::TierName(features.tier_max))
      .Field("prompt_bytes", features.prompt_bytes)
      .Field("answer_tokens", features.answer_tokens)
      .Field("images", features.images)
      .Field("audio", features.audio)
      .Field("tools", features.tools)
      .Field("json_schema", features.json_schema)
      .Field("reasoning", features.reasoning)
      .Field("online", features.online)
      .Field("language", features.language);
  AppendMaybe(writer, "deadline_ms", features.deadline_ms);
  writer.Field("key_name", features.key).Field("user", features.user).EndObject();
}

void AppendFacts(json::Writer& writer, const routing::PromptFacts& facts) {
  writer.Key("prompt")
      .BeginObject()
      .Field("kind", routing::TaskKindName(facts.kind))
      .Field("small_right", facts.predicted.small_right)
      .Field("gain", facts.predicted.gain)
      .Field("tool_loop", facts.tool_loop)
      .Field("one_text", facts.one_text)
      .Field("whole", facts.whole);
  if (!facts.last_target.empty()) writer.Field("last_target", facts.last_target);
  if (facts.vote) {
    writer.Key("vote")
        .BeginObject()
        .Field("near", facts.vote->near)
        .Field("right", facts.vote->right)
        .Field("nearest", facts.vote->nearest)
        .EndObject();
  }
  writer.EndObject();
}

void AppendLabel(json::Writer& writer, const privacy::LabelInputs& label) {
  writer.Key("label_inputs").BeginObject().Field("floor", chat::LabelName(label.floor));
  if (label.asserted) writer.Field("asserted", chat::LabelName(*label.asserted));
  if (label.passages) writer.Field("passages", chat::LabelName(*label.passages));
  if (label.recalled) writer.Field("recalled", chat::LabelName(*label.recalled));
  writer.Field("may_assert", label.may_assert)
      .Field("foreign_assistant", label.foreign_assistant)
      .Field("detected", chat::LabelName(label.detected));
  AppendLines(writer, "findings", label.findings);
  writer.Field("unscanned", label.unscanned)
      .Field("unscanned_at", label.unscanned_at)
      .Field("unreadable", label.unreadable)
      .EndObject();
}

void AppendChecked(json::Writer& writer, const Checked& checked) {
  writer.Key("check").BeginObject().Field("gate", routing::GateKindName(checked.gate));
  if (checked.own) {
    writer.Field("after_tokens", checked.own->after_tokens)
        .Field("signal", routing::DraftSignalName(checked.own->signal));
  }
  writer.Field("draft_model", checked.draft_model)
      .Field("checker", checked.checker)
      .Field("checker_model", checked.checker_model);
  if (checked.fault) {
    writer.Field("fault", routing::DraftFaultName(*checked.fault));
  } else {
    writer.Field(checked.own ? "value_milli" : "likelihood_milli", checked.at_milli);
  }
  writer.Field("confidence", checked.confidence)
      .Field("gain", checked.gain)
      .Field("accepted", checked.accepted)
      .EndObject();
}

void AppendServed(json::Writer& writer, const Served& served) {
  writer.Key("served")
      .BeginObject()
      .Field("target", served.target)
      .Field("tier", routing::TierName(served.tier));
  AppendMaybe(writer, "prompt_tokens", served.usage.prompt_tokens);
  AppendMaybe(writer, "cached_tokens", served.usage.cached_tokens);
  AppendMaybe(writer, "completion_tokens", served.usage.completion_tokens);
  AppendMaybe(writer, "reasoning_tokens", served.usage.reasoning_tokens);
  AppendMaybe(writer, "sound_seconds", served.usage.sound_s);
  writer.Key("cost");
  if (served.cost) {
    writer.String(ledger::MoneyText(*served.cost));
  } else {
    writer.Null();
  }
  AppendMaybe(writer, "cost_pico", served.cost);
  writer.Field("currency", served.currency).Field("took_ms", served.took_ms).EndObject();
}

std::string TextOf(json::Fields& fields, std::string_view key) {
  return fields.String(key, kTextMax).value_or("");
}
bool FlagOf(json::Fields& fields, std::string_view key) { return fields.Bool(key).value_or(false); }
int64_t CountOf(json::Fields& fields, std::string_view key) {
  return fields.Int(key, 0, kMax).value_or(0);
}
int32_t ChanceOf(json::Fields& fields, std::string_view key) {
  return static_cast<int32_t>(fields.Int(key, -routing::kCertain, routing::kCertain).value_or(0));
}

// One of `all` by its name; the first where there is none.
template <class T, size_t kCount>
T WordOf(json::Fields& fields, std::string_view key, const T (&all)[kCount],
         std::string_view (*name_of)(T)) {
  const auto text = fields.String(key, kTextMax);
  if (!text) return all[0];
  const auto* found =
      std::ranges::find_if(all, [&](const T& one) { return name_of(one) == *text; });
  if (found != std::end(all)) return *found;
  fields.Refuse(key, "is not known");
  return all[0];
}

chat::Label LabelAt(json::Fields& fields, std::string_view key) {
  return WordOf(fields, key, kLabels, chat::LabelName);
}

constexpr routing::GateKind kGates[] = {
    routing::GateKind::kDraftCheck, routing::GateKind::kFirstTokens, routing::GateKind::kWholeDraft,
    routing::GateKind::kHardFacts};
constexpr routing::DraftFault kFaults[] = {routing::DraftFault::kRefusal,
                                           routing::DraftFault::kInvalidAnswer,
                                           routing::DraftFault::kInvalidCall};
constexpr routing::Tier kTiers[] = {routing::Tier::kDevice, routing::Tier::kEdge,
                                    routing::Tier::kCloud};
constexpr routing::TaskKind kKinds[] = {routing::TaskKind::kGeneral, routing::TaskKind::kMath,
                                        routing::TaskKind::kExtraction, routing::TaskKind::kCode};

// Records from before languages were told have none.
std::string_view LanguageOf(json::Fields& fields) {
  const auto name = fields.String("language", kTextMax);
  if (!name) return routing::kUnknownLanguage;
  const auto* known = std::ranges::find(routing::kLanguages, *name);
  if (known != std::end(routing::kLanguages)) return *known;
  fields.Refuse("language", "is not known");
  return routing::kUnknownLanguage;
}

void ReadFeatures(json::Fields& fields, routing::Features& features) {
  features.task = WordOf(fields, "task", kTasks, routing::TaskName);
  features.tier_max = WordOf(fields, "tier_max", kTiers, routing::TierName);
  features.prompt_bytes = CountOf(fields, "prompt_bytes");
  features.answer_tokens = CountOf(fields, "answer_tokens");
  features.images = FlagOf(fields, "images");
  features.audio = FlagOf(fields, "audio");
  features.tools = FlagOf(fields, "tools");
  features.json_schema = FlagOf(fields, "json_schema");
  features.reasoning = FlagOf(fields, "reasoning");
  features.online = FlagOf(fields, "online");
  features.language = LanguageOf(fields);
  features.deadline_ms = fields.Int("deadline_ms", -kMax, kMax);
  features.key = TextOf(fields, "key_name");
  features.user = TextOf(fields, "user");
}

routing::NeighbourVote ReadVote(json::Fields& fields) {
  constexpr auto kVotersMax = static_cast<int64_t>(routing::Neighbours::kVotersMax);
  const auto near = fields.Int("near", 0, kVotersMax).value_or(0);
  return {.near = static_cast<int32_t>(near),
          .right = static_cast<int32_t>(fields.Int("right", 0, near).value_or(0)),
          .nearest = ChanceOf(fields, "nearest")};
}

routing::PromptFacts ReadFacts(json::Fields& fields) {
  routing::PromptFacts facts{.kind = WordOf(fields, "kind", kKinds, routing::TaskKindName),
                             .predicted = {.small_right = ChanceOf(fields, "small_right"),
                                           .gain = ChanceOf(fields, "gain")},
                             .tool_loop = FlagOf(fields, "tool_loop"),
                             .one_text = FlagOf(fields, "one_text"),
                             .whole = FlagOf(fields, "whole"),
                             .last_target = TextOf(fields, "last_target")};
  if (auto vote = fields.Nested("vote")) facts.vote = ReadVote(*vote);
  return facts;
}

privacy::LabelInputs ReadLabel(json::Fields& fields) {
  privacy::LabelInputs label{.floor = LabelAt(fields, "floor"),
                             .may_assert = FlagOf(fields, "may_assert"),
                             .foreign_assistant = FlagOf(fields, "foreign_assistant"),
                             .detected = LabelAt(fields, "detected"),
                             .findings = fields.Strings("findings", kLinesMax, kTextMax),
                             .unscanned = FlagOf(fields, "unscanned"),
                             .unscanned_at = TextOf(fields, "unscanned_at"),
                             .unreadable = FlagOf(fields, "unreadable")};
  if (fields.Take("asserted") != nullptr) label.asserted = LabelAt(fields, "asserted");
  if (fields.Take("passages") != nullptr) label.passages = LabelAt(fields, "passages");
  if (fields.Take("recalled") != nullptr) label.recalled = LabelAt(fields, "recalled");
  return label;
}

// Records of before there were other gates have none: they are of draft checks.
Checked ReadChecked(json::Fields& fields) {
  Checked checked{.draft_model = TextOf(fields, "draft_model"),
                  .checker = TextOf(fields, "checker"),
                  .checker_model = TextOf(fields, "checker_model"),
                  .confidence = ChanceOf(fields, "confidence"),
                  .gain = ChanceOf(fields, "gain"),
                  .accepted = FlagOf(fields, "accepted")};
  if (fields.Take("gate") != nullptr) {
    checked.gate = WordOf(fields, "gate", kGates, routing::GateKindName);
  }
  if (checked.gate == routing::GateKind::kHardFacts) {
    checked.fault = WordOf(fields, "fault", kFaults, routing::DraftFaultName);
    return checked;
  }
  const bool own = checked.gate != routing::GateKind::kDraftCheck;
  if (own) {
    checked.own = OwnTokens{
        .after_tokens = CountOf(fields, "after_tokens"),
        .signal = WordOf(fields, "signal", routing::kDraftSignals, routing::DraftSignalName)};
  }
  checked.at_milli = static_cast<int32_t>(
      fields.Int(own ? "value_milli" : "likelihood_milli", INT32_MIN, INT32_MAX).value_or(0));
  return checked;
}

Served ReadServed(json::Fields& fields) {
  return {.target = TextOf(fields, "target"),
          .tier = WordOf(fields, "tier", kTiers, routing::TierName),
          .usage = {.prompt_tokens = fields.Int("prompt_tokens", 0, kMax),
                    .cached_tokens = fields.Int("cached_tokens", 0, kMax),
                    .completion_tokens = fields.Int("completion_tokens", 0, kMax),
                    .reasoning_tokens = fields.Int("reasoning_tokens", 0, kMax),
                    .sound_s = fields.Int("sound_seconds", 0, kMax)},
          .cost = fields.Int("cost_pico", 0, kMax),
          .currency = TextOf(fields, "currency"),
          .took_ms = CountOf(fields, "took_ms")};
}

uint32_t ReadFilters(json::Fields& fields) {
  uint32_t failed = 0;
  for (const std::string& name : fields.Strings("failed", routing::kFilterCount, kTextMax)) {
    for (int bit = 0; bit < routing::kFilterCount; ++bit) {
      const auto filter = static_cast<routing::Filter>(1u << bit);
      if (routing::FilterName(filter) == name) failed |= filter;
    }
  }
  return failed;
}

routing::Considered ReadConsidered(json::Fields& fields) {
  routing::Considered item{.target = TextOf(fields, "target"),
                           .failed = ReadFilters(fields),
                           .expected_ms = fields.Int("expected_ms", 0, kMax),
                           .energy_mj = fields.Int("expected_energy_mj", 0, kMax)};
  if (auto cost = fields.Nested("expected_cost")) {
    item.cost = routing::Cost{cost->Int("pico", 0, kMax).value_or(0), TextOf(*cost, "currency")};
  }
  if (auto speed = fields.Nested("speed")) {
    item.speed = {.load_ms = speed->Int("load_ms", 0, kMax),
                  .queue_ms = speed->Int("queue_ms", 0, kMax),
                  .first_ms = speed->Int("first_ms", 0, kMax),
                  .prefill_rate = speed->Int("prefill_tokens_per_1000_s", 0, kMax),
                  .decode_rate = speed->Int("decode_tokens_per_1000_s", 0, kMax),
                  .answer_tokens = speed->Int("answer_tokens", 0, kMax),
                  .cached_tokens = CountOf(*speed, "cached_tokens")};
  }
  return item;
}

template <class Read>
void ReadEach(json::Fields& fields, std::string_view key, size_t max, const Read& read) {
  const json::Array* all = fields.List(key, max);
  for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
    json::Fields one(fields.problem(), (*all)[i], fields.PathOf(key, i));
    read(one);
  }
}

}  // namespace

std::optional<bool> WasRight(const Signals& signals) {
  if (signals.vote) return signals.vote;
  if (signals.regenerated || signals.escalated) return false;
  if (signals.continued) return true;
  return std::nullopt;
}

void AppendRecord(json::Writer& writer, const Record& record) {
  writer.Field("id", record.id)
      .Field("time", UnixSeconds(record.time))
      .Field("time_ms", UnixMs(record.time))
      .Field("tenant", record.features.tenant)
      .Field("project", record.features.project)
      .Field("key", record.key_id)
      .Field("asked", record.asked)
      .Field("policy", record.policy)
      .Field("label", chat::LabelName(record.features.label));
  writer.Key("considered").BeginArray();
  for (const auto& item : record.considered) AppendConsidered(writer, item);
  writer.EndArray();
  AppendLines(writer, "order", record.order);
  if (!record.refused.empty()) writer.Field("refused", record.refused);
  AppendLines(writer, "explanation", record.explanation);
  writer.Key("attempts").BeginArray();
  for (const Attempt& attempt : record.attempts) {
    writer.BeginObject()
        .Field("target", attempt.target)
        .Field("outcome", attempt.outcome)
        .EndObject();
  }
  writer.EndArray();
  AppendLines(writer, "notes", record.notes);
  AppendFeatures(writer, record.features);
  AppendLabel(writer, record.label);
  if (record.facts) AppendFacts(writer, *record.facts);
  if (record.checked) AppendChecked(writer, *record.checked);
  if (record.served) AppendServed(writer, *record.served);
  writer.Field("ended", record.ended).Key("vote");
  if (record.signals.vote) {
    writer.String(*record.signals.vote ? "up" : "down");
  } else {
    writer.Null();
  }
  writer.Field("regenerated", record.signals.regenerated)
      .Field("escalated", record.signals.escalated)
      .Field("continued", record.signals.continued);
}

std::string PrintRecord(const Record& record) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject();
  AppendRecord(writer, record);
  writer.EndObject();
  return text;
}

Result<Record> ParseRecord(std::string_view text) {
  auto document = json::Parse(text, kLimits);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  Record record{.id = fields.Require().String("id", kTextMax).value_or("")};
  record.time = WallTime(
      std::chrono::milliseconds(fields.Require().Int("time_ms", 0, int64_t{1} << 50).value_or(0)));
  record.key_id = TextOf(fields, "key");
  record.asked = TextOf(fields, "asked");
  record.policy = TextOf(fields, "policy");
  if (auto features = fields.Require().Nested("features")) ReadFeatures(*features, record.features);
  record.features.label = LabelAt(fields, "label");
  record.features.tenant = TextOf(fields, "tenant");
  record.features.project = TextOf(fields, "project");
  if (auto facts = fields.Nested("prompt")) record.facts = ReadFacts(*facts);
  if (auto label = fields.Nested("label_inputs")) record.label = ReadLabel(*label);
  ReadEach(fields, "considered", routing::kCandidatesMax,
           [&](json::Fields& one) { record.considered.push_back(ReadConsidered(one)); });
  record.order = fields.Strings("order", routing::kCandidatesMax, kTextMax);
  record.refused = TextOf(fields, "refused");
  record.explanation = fields.Strings("explanation", kLinesMax, kTextMax);
  ReadEach(fields, "attempts", routing::kCandidatesMax + 1, [&](json::Fields& one) {
    record.attempts.push_back({TextOf(one, "target"), TextOf(one, "outcome")});
  });
  record.notes = fields.Strings("notes", kLinesMax, kTextMax);
  if (auto checked = fields.Nested("check")) record.checked = ReadChecked(*checked);
  if (auto served = fields.Nested("served")) record.served = ReadServed(*served);
  record.ended = FlagOf(fields, "ended");
  if (const auto vote = fields.String("vote", kTextMax)) record.signals.vote = *vote == "up";
  record.signals.regenerated = FlagOf(fields, "regenerated");
  record.signals.escalated = FlagOf(fields, "escalated");
  record.signals.continued = FlagOf(fields, "continued");
  if (problem) return Fail(problem.Take());
  return record;
}

}  // namespace weir::history
