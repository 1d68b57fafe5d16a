#include "server/openai_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/lists.h"
#include "dialects/openai/request.h"
#include "gateway/embed.h"
#include "gateway/generate.h"
#include "server/weir_object.h"

namespace weir::server {
namespace {

// What is gathered from the events for the `weir` object and the books.
struct Gathered {
  std::vector<chat::ChoiceDone> choices = {};
  std::optional<chat::Done> done = {};

  void Take(const chat::Event& event) {
    if (const auto* choice = std::get_if<chat::ChoiceDone>(&event)) choices.push_back(*choice);
    if (const auto* end = std::get_if<chat::Done>(&event)) done = *end;
  }
};

bool IsAnswer(const chat::Event& event) {
  return !std::holds_alternative<chat::Started>(event) &&
         !std::holds_alternative<chat::Progress>(event);
}

std::string WeirOf(const Call& call, const gateway::Generation& generation, Gathered gathered) {
  return RenderWeirObject({.decision_id = generation.decision_id(),
                           .target = generation.target(),
                           .decision = generation.decision(),
                           .explain = call.asked.explain,
                           .choices = std::move(gathered.choices),
                           .done = gathered.done});
}

void Book(Site& site, Call& call, const routing::Target& target, const chat::Usage& usage) {
  const int64_t prompt = usage.prompt_tokens.value_or(0);
  const int64_t completion = usage.completion_tokens.value_or(0);
  site.metrics.CountTokens(target.name, prompt, usage.cached_tokens.value_or(0), completion);
  call.tokens += prompt + completion;
}

openai::AnswerHead HeadOf(Site& site, const openai::AnswerForm& form,
                          const gateway::Generation& generation) {
  const bool chat = form.kind == openai::AnswerForm::Kind::kChat;
  return {.id = NewId(chat ? "chatcmpl-" : "cmpl-"),
          .created_s = UnixSeconds(site.clock.WallNow()),
          .model = generation.target().name};
}

Task<void> AnswerWhole(Site& site, Call& call, const openai::AnswerForm& form,
                       gateway::Generation& generation) {
  openai::WholeAnswer answer(HeadOf(site, form, generation), form);
  Gathered gathered;
  while (!gathered.done) {
    auto event = co_await generation.Next(site.options.heartbeat);
    if (!event) {
      co_await call.SendError(event.error());
      co_return;
    }
    if (!*event) continue;
    gathered.Take(**event);
    if (auto taken = answer.Append(**event); !taken) {
      co_await call.SendError(taken.error());
      co_return;
    }
  }
  Book(site, call, generation.target(), gathered.done->usage);
  Result<std::string> body = answer.End(WeirOf(call, generation, std::move(gathered)));
  if (!body) {
    co_await call.SendError(body.error());
    co_return;
  }
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, generation.decision_id(), generation.target(),
                     generation.decision().label);
  reply.body = std::move(*body);
  co_await call.exchange.Send(std::move(reply));
}

http::Reply StreamHead(Call& call, const gateway::Generation& generation) {
  http::Reply head = call.Head(200, "text/event-stream");
  head.headers.Add("cache-control", "no-cache");
  head.headers.Add("x-accel-buffering", "no");
  AddDecisionHeaders(head, generation.decision_id(), generation.target(),
                     generation.decision().label);
  return head;
}

// The head waits for the first token, so that a failure before it is an honest status, but not for
// ever.
Task<void> AnswerStream(Site& site, Call& call, const openai::AnswerForm& form,
                        gateway::Generation& generation) {
  const MonotonicTime head_at = site.clock.Now() + site.options.head_patience;
  std::optional<openai::StreamEncoder> encoder;
  Gathered gathered;
  std::string out;
  const auto start = [&] {
    call.exchange.Start(StreamHead(call, generation));
    encoder.emplace(HeadOf(site, form, generation), form);
  };
  std::vector<chat::Event> before_head;
  while (!gathered.done) {
    const Duration patience =
        encoder ? site.options.heartbeat
                : std::max<Duration>(head_at - site.clock.Now(), Duration::zero());
    auto event = co_await generation.Next(patience);
    if (!event && !encoder) {
      co_await call.SendError(event.error());
      co_return;
    }
    if (!event) {
      if (event.error().code == Code::kCancelled && call.exchange.ClientGone()) co_return;
      call.failed_in_stream = true;
      encoder->Fail(event.error(), out);
      break;
    }
    if (!*event) {
      if (!encoder) start();
      openai::StreamEncoder::Heartbeat(out);
    } else if (!encoder && !IsAnswer(**event)) {
      before_head.push_back(std::move(**event));
      continue;
    } else {
      if (!encoder) start();
      before_head.push_back(std::move(**event));
    }
    for (const chat::Event& ready : std::exchange(before_head, {})) {
      gathered.Take(ready);
      if (auto taken = encoder->Append(ready, out); !taken) {
        call.failed_in_stream = true;
        encoder->Fail(taken.error(), out);
        co_await call.exchange.Write(out);
        co_await call.exchange.End();
        co_return;
      }
    }
    if (!gathered.done && !out.empty()) {
      if (auto written = co_await call.exchange.Write(out); !written) co_return;
      out.clear();
    }
  }
  if (gathered.done) {
    Book(site, call, generation.target(), gathered.done->usage);
    encoder->End(WeirOf(call, generation, std::move(gathered)), out);
  }
  if (auto written = co_await call.exchange.Write(out); !written) co_return;
  co_await call.exchange.End();
}

Task<void> Answer(Site& site, Call& call, Result<openai::GenerateCall> asked) {
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const openai::AnswerForm form = openai::FormOf(*asked);
  const bool stream = asked->stream;
  auto generation = gateway::Generate(site.gateway, call.asked, std::move(asked->request));
  if (!generation) {
    co_await call.SendError(generation.error());
    co_return;
  }
  if (stream) {
    co_await AnswerStream(site, call, form, **generation);
  } else {
    co_await AnswerWhole(site, call, form, **generation);
  }
}

openai::ModelEntry EntryOf(const ListedModel& model) {
  return {model.name, model.created, model.owner};
}

}  // namespace

Task<void> OpenAiChat(Site& site, Call& call) {
  const openai::Limits limits{.choices_max = site.options.choices_max};
  co_await Answer(site, call, openai::ReadChat(call.request().body, limits));
}

Task<void> OpenAiCompletion(Site& site, Call& call) {
  const openai::Limits limits{.choices_max = site.options.choices_max};
  co_await Answer(site, call, openai::ReadCompletion(call.request().body, limits));
}

Task<void> OpenAiEmbeddings(Site& site, Call& call) {
  auto asked = openai::ReadEmbeddings(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  auto answered = co_await gateway::Embed(site.gateway, call.asked, std::move(asked->request));
  if (!answered) {
    co_await call.SendError(answered.error());
    co_return;
  }
  Book(site, call, answered->target, answered->value.usage);
  http::Reply reply = call.Head(200, "application/json");
  AddDecisionHeaders(reply, answered->decision_id, answered->target, answered->decision.label);
  const std::string weir = RenderWeirObject({.decision_id = answered->decision_id,
                                             .target = answered->target,
                                             .decision = answered->decision,
                                             .explain = call.asked.explain});
  reply.body =
      openai::RenderEmbeddings(answered->value, answered->target.name, asked->base64, weir);
  co_await call.exchange.Send(std::move(reply));
}

Task<void> OpenAiModels(Site& site, Call& call) {
  std::vector<openai::ModelEntry> entries;
  for (const ListedModel& model : site.list_models()) entries.push_back(EntryOf(model));
  co_await call.SendJson(200, openai::RenderModels(entries));
}

Task<void> OpenAiModel(Site& site, Call& call) {
  const std::string name = http::PercentDecode(call.tail).value_or("");
  for (const ListedModel& model : site.list_models()) {
    if (model.name != name) continue;
    co_await call.SendJson(200, openai::RenderModel(EntryOf(model)));
    co_return;
  }
  co_await call.SendError({Code::kNotFound,
                           fmt::format("there is no model '{}' here", name.substr(0, 128)), "model",
                           "model_not_found"});
}

}  // namespace weir::server
