#include "json/append.h"
#include "json/writer.h"
#include "ledger/report.h"

namespace weir::ledger {
namespace {

void AppendMoney(json::Writer& writer, std::string_view key, const Money& money) {
  writer.Key(key).BeginObject();
  for (const auto& [currency, total] : money) writer.Field(currency, total.Text());
  writer.EndObject();
}

void AppendLine(json::Writer& writer, const Line& line) {
  writer.BeginObject()
      .Field("name", line.name)
      .Field("entries", line.entries)
      .Field("served", line.served)
      .Field("cancelled", line.cancelled)
      .Field("failed", line.failed)
      .Field("local", line.local)
      .Field("prompt_tokens", line.prompt_tokens)
      .Field("cached_tokens", line.cached_tokens)
      .Field("completion_tokens", line.completion_tokens)
      .Field("reasoning_tokens", line.reasoning_tokens)
      .Field("sound_seconds", line.sound_s)
      .Field("unpriced", line.unpriced)
      .Field("estimated", line.estimated)
      .Field("overrun", line.overrun);
  AppendMoney(writer, "cost", line.cost);
  writer.Key("would_have_cost").BeginObject();
  AppendMoney(writer, "strong", line.strong);
  AppendMoney(writer, "cheapest", line.cheapest);
  writer.Field("strong_entries", line.strong_known)
      .Field("cheapest_entries", line.cheapest_known)
      .EndObject();
  writer.Key("energy_joules");
  if (line.energy_known > 0) {
    writer.Double(static_cast<double>(line.energy_mj) / 1e3);
  } else {
    writer.Null();
  }
  writer.Field("energy_entries", line.energy_known);
  writer.Key("drift")
      .BeginObject()
      .Field("entries", line.compared)
      .Field("their_tokens", line.their_tokens)
      .Field("our_tokens", line.our_tokens)
      .EndObject()
      .EndObject();
}

}  // namespace

std::string ReportJson(const Report& report) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject()
      .Field("object", "ledger")
      .Field("by", report.by)
      .Field("since", UnixSeconds(report.since))
      .Key("lines")
      .BeginArray();
  for (const Line& line : report.lines) AppendLine(writer, line);
  writer.EndArray().Key("total");
  AppendLine(writer, report.total);
  writer.Key("baselines").BeginObject();
  json::AppendTexts(writer, "strong", report.strong_targets);
  json::AppendTexts(writer, "cheapest", report.cheapest_targets);
  writer.EndObject().Field("missing_entries", report.missing);
  AppendMoney(writer, "missing_cost", report.missing_cost);
  writer.EndObject();
  return text;
}

}  // namespace weir::ledger
