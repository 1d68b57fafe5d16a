#include "server/audio_routes.h"

#include <string>
#include <utility>

#include "dialects/openai/transcription.h"
#include "gateway/transcribe.h"
#include "server/answering.h"
#include "server/weir_object.h"

namespace weir::server {
namespace {

Task<void> Answer(Site& site, Call& call, openai::SpeechTask task) {
  const std::string type(call.request().headers.Find("content-type").value_or(""));
  auto asked = openai::ReadTranscription(type, call.request().body, task);
  call.exchange.request().body = {};  // the sound is read out of it
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  KeyBook::Seat seat(site.metrics.keys(), call.asked.principal,
                     site.KnownName(asked->request.model));
  auto answered = co_await gateway::Transcribe(site.gateway, call.asked, std::move(asked->request),
                                               &call.unanswered);
  if (!answered) {
    co_await call.SendError(answered.error());
    co_return;
  }
  seat.Run(answered->target.name);
  Book(site, call, answered->target, answered->value.usage);
  http::Reply reply = call.Head(200, openai::ContentTypeOf(*asked));
  AddDecisionHeaders(reply, answered->decision_id, &answered->target, answered->decision.label);
  const std::string weir = RenderWeirObject({.decision_id = answered->decision_id,
                                             .target = &answered->target,
                                             .decision = answered->decision,
                                             .explain = call.asked.explain,
                                             .booked = answered->booked});
  if (!asked->stream) {
    reply.body = openai::RenderTranscription(*asked, answered->value, weir);
    co_await call.exchange.Send(std::move(reply));
    co_return;
  }
  reply.headers.Add("cache-control", "no-cache");
  call.exchange.Start(std::move(reply));
  for (const std::string& event : openai::RenderTranscriptionEvents(answered->value, weir)) {
    if (auto written = co_await call.exchange.Write(event); !written) co_return;
  }
  co_await call.exchange.End();
}

}  // namespace

Task<void> PostTranscription(Site& site, Call& call) {
  co_await Answer(site, call, openai::SpeechTask::kTranscribe);
}

Task<void> PostTranslation(Site& site, Call& call) {
  co_await Answer(site, call, openai::SpeechTask::kTranslate);
}

}  // namespace weir::server
