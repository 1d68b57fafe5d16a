#include "server/weir_object.h"

#include "json/writer.h"
#include "ledger/money.h"
#include "server/document_object.h"

namespace weir::server {
namespace {

void AppendStats(json::Writer& writer, const chat::AnswerStats& stats) {
  writer.BeginObject()
      .Field("tokens", stats.tokens)
      .Key("logprob_mean")
      .Float(stats.logprob_mean)
      .Key("logprob_min")
      .Float(stats.logprob_min)
      .Key("entropy_mean")
      .Float(stats.entropy_mean)
      .Key("entropy_max")
      .Float(stats.entropy_max)
      .Key("margin_mean")
      .Float(stats.margin_mean)
      .Key("margin_min")
      .Float(stats.margin_min)
      .EndObject();
}

void AppendTimings(json::Writer& writer, const chat::Done& done) {
  writer.BeginObject()
      .Field("queue_ms", done.queue_ms)
      .Field("prompt_ms", done.prompt_ms)
      .Field("decode_ms", done.decode_ms);
  if (done.draft_tokens > 0) {
    writer.Field("draft_tokens", done.draft_tokens)
        .Field("draft_tokens_accepted", done.draft_tokens_accepted);
  }
  writer.EndObject();
}

}  // namespace

std::string RenderWeirObject(const WeirObject& object) {
  std::string text;
  json::Writer writer(&text);
  writer.BeginObject().Field("decision", object.decision_id).Field("asked", object.decision.asked);
  if (object.target != nullptr) {
    writer.Field("target", object.target->name)
        .Field("model", object.target->model)
        .Field("tier", routing::TierName(object.target->tier));
  }
  writer.Field("label", chat::LabelName(object.decision.label)).Key("cost");
  if (object.booked.cost) {
    writer.String(ledger::MoneyText(*object.booked.cost));
  } else {
    writer.Null();
  }
  if (!object.booked.currency.empty()) writer.Field("currency", object.booked.currency);
  if (object.checked) {
    writer.Field("confidence", object.checked->verdict.confidence / double{routing::kCertain})
        .Field("gate", routing::GateKindName(object.checked->gate))
        .Key("checked_by");
    if (object.checked->checker.empty()) {
      writer.Null();
    } else {
      writer.String(object.checked->checker);
    }
    writer.Field("accepted", object.checked->verdict.accepted);
    if (object.checked->fault) {
      writer.Field("fault", routing::DraftFaultName(*object.checked->fault));
    }
  } else {
    writer.Key("confidence").Null();
  }
  if (!object.choices.empty()) {
    writer.Key("statistics").BeginArray();
    for (const chat::ChoiceDone& choice : object.choices) AppendStats(writer, choice.stats);
    writer.EndArray();
  }
  if (object.done) {
    writer.Key("timings");
    AppendTimings(writer, *object.done);
  }
  if (object.sources != nullptr) {
    writer.Key("sources");
    AppendPassages(writer, *object.sources, /*texts=*/false);
  }
  if (object.explain) {
    writer.Key("explanation").BeginArray();
    for (const std::string& line : object.decision.explanation) writer.String(line);
    writer.EndArray();
  }
  writer.EndObject();
  return text;
}

}  // namespace weir::server
