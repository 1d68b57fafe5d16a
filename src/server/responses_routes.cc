#include "server/responses_routes.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "dialects/responses/answer.h"
#include "dialects/responses/request.h"
#include "http/message.h"
#include "knowledge/attributes.h"
#include "server/answering.h"
#include "server/prompt_tokens.h"

namespace weir::server {
namespace {

constexpr std::string_view kItemsOf = "/input_items";
constexpr std::string_view kCancelOf = "/cancel";
constexpr size_t kPageMax = 100;
constexpr size_t kPageDefault = 20;

conversations::Owner OwnerOf(const Call& call) {
  return {.tenant = call.asked.principal.tenant, .key_id = call.asked.principal.key_id};
}

// The same words for what never was, what was not kept, what was removed and what is somebody
// else's.
Error NotThere(std::string_view param, std::string_view reason) {
  return {Code::kNotFound, "there is no such answer here: it was not kept, or no longer is",
          std::string(param), std::string(reason)};
}

Error AboutPrevious(Error error) {
  if (error.code == Code::kNotFound)
    return NotThere("previous_response_id", "previous_response_not_found");
  error.param = "previous_response_id";
  return error;
}

std::vector<conversations::Item> Plain(std::vector<responses::KeptItem> items) {
  std::vector<conversations::Item> out;
  out.reserve(items.size());
  for (responses::KeptItem& item : items) out.push_back({std::move(item.id), std::move(item.json)});
  return out;
}

class ResponseRendering final : public Rendering {
 public:
  ResponseRendering(Site& site, const Call& call, const responses::CreateCall& asked,
                    std::string id)
      : site_(site), call_(call), asked_(asked), id_(std::move(id)) {}

  bool streams() const override { return asked_.stream; }
  std::string_view content_type() const override {
    return asked_.stream ? "text/event-stream" : "application/json";
  }
  void Begin(const std::string& model, int64_t now_s) override {
    encoder_.emplace(
        responses::AnswerHead{.id = id_, .created_s = now_s, .model = model}, asked_.echo,
        responses::AnswerForm{.stream = asked_.stream, .logprobs = asked_.logprobs}, Searched());
  }
  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_->Append(event, out);
  }
  // An answer that cannot be kept is still an answer: it says of itself that it was not kept.
  Task<Result<void>> Settle(std::string_view weir) override {
    const int64_t now_s = UnixSeconds(site_.clock.WallNow());
    auto object = encoder_->Object(weir, now_s, asked_.echo.store);
    if (!object) co_return std::unexpected(object.error());
    object_ = std::move(*object);
    if (!asked_.echo.store) co_return Result<void>();
    const auto put = co_await site_.conversations->Put(
        OwnerOf(call_), conversations::Answer{.id = id_,
                                              .previous_id = asked_.echo.previous_id,
                                              .body = object_,
                                              .input = Plain(asked_.items),
                                              .output = Plain(encoder_->Items())});
    if (put) co_return put;
    if (put.error().code == Code::kCancelled) co_return put;
    LogWarning("{}: the answer was not kept: {}", call_.request_id, put.error().message);
    object_ = encoder_->Object(weir, now_s, false).value_or(object_);
    co_return Result<void>();
  }
  Result<void> End(std::string_view, std::string& out) override {
    encoder_->End(object_, out);
    return {};
  }
  void Fail(const Error& error, std::string& out) override { encoder_->Fail(error, out); }
  void Progress(const chat::Progress& progress, std::string& out) override {
    encoder_->Progress(progress, out);
  }
  void Heartbeat(std::string& out) override { encoder_->Heartbeat(out); }

 private:
  std::optional<responses::Searched> Searched() const {
    if (!call_.sources) return std::nullopt;
    responses::Searched searched{.query = call_.question, .results = asked_.results};
    for (const knowledge::Passage& passage : *call_.sources) {
      searched.sources.push_back({.file_id = passage.file_id,
                                  .filename = std::string(FileNameOf(passage)),
                                  .text = passage.text,
                                  .score = passage.score,
                                  .attributes = knowledge::AttributesObject(passage.attributes)});
    }
    return searched;
  }

  Site& site_;
  const Call& call_;
  const responses::CreateCall& asked_;
  const std::string id_;
  std::optional<responses::Encoder> encoder_ = {};
  std::string object_ = {};
};

// Looks up what the request refers to, and makes its messages.
Task<Result<void>> Converse(Site& site, const Call& call, responses::CreateCall& asked,
                            std::string_view id_base) {
  std::vector<std::string> earlier;
  if (!asked.echo.previous_id.empty()) {
    if (site.conversations == nullptr)
      co_return weir::Fail(NotThere("previous_response_id", "previous_response_not_found"));
    auto items = co_await site.conversations->History(OwnerOf(call), asked.echo.previous_id, true);
    if (!items) co_return weir::Fail(AboutPrevious(std::move(items.error())));
    for (conversations::Item& item : *items) earlier.push_back(std::move(item.text));
  }
  responses::Referenced referenced;
  auto ids = responses::ReferencesOf(asked);
  if (!ids.empty() && site.conversations != nullptr) {
    auto found = co_await site.conversations->Find(OwnerOf(call), std::move(ids));
    if (!found) co_return std::unexpected(found.error());
    for (conversations::Item& item : *found)
      referenced.emplace(std::move(item.id), std::move(item.text));
  }
  co_return responses::Converse(asked, earlier, referenced, id_base);
}

std::string IdOf(std::string_view tail) { return http::PercentDecode(tail).value_or(""); }

Result<size_t> LimitOf(const std::string& query) {
  const auto text = http::QueryValue(query, "limit");
  if (!text) return kPageDefault;
  size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error == std::errc() && end == text->data() + text->size() && limit >= 1 &&
      limit <= kPageMax) {
    return limit;
  }
  return weir::Fail(Code::kInvalidArgument, "limit takes a number from 1 to 100", "limit");
}

// A page of a conversation's items. The newest come first unless `order` is asc.
Result<responses::Page> PageOf(std::vector<conversations::Item> items, const std::string& query) {
  const auto limit = LimitOf(query);
  if (!limit) return std::unexpected(limit.error());
  const std::string order = http::QueryValue(query, "order").value_or("desc");
  if (order != "asc" && order != "desc")
    return weir::Fail(Code::kInvalidArgument, "order takes asc or desc", "order");
  if (order == "desc") std::ranges::reverse(items);
  auto first = items.begin();
  if (const auto after = http::QueryValue(query, "after")) {
    first = std::ranges::find(items, *after, &conversations::Item::id);
    if (first == items.end())
      return weir::Fail(Code::kInvalidArgument, "after is the id of no item here", "after");
    ++first;
  }
  responses::Page page;
  for (; first != items.end() && page.items.size() < *limit; ++first)
    page.items.push_back({std::move(first->id), std::move(first->text)});
  page.has_more = first != items.end();
  return page;
}

Task<void> SendItems(Site& site, Call& call, std::string id) {
  Result<std::vector<conversations::Item>> items =
      weir::Fail(NotThere("response_id", "response_not_found"));
  if (site.conversations != nullptr)
    items = co_await site.conversations->History(OwnerOf(call), std::move(id), false);
  if (!items) {
    const bool gone = items.error().code == Code::kNotFound;
    co_await call.SendError(gone ? NotThere("response_id", "response_not_found") : items.error());
    co_return;
  }
  const auto page = PageOf(std::move(*items), call.request().query);
  if (!page) {
    co_await call.SendError(page.error());
    co_return;
  }
  co_await call.SendJson(200, responses::RenderItems(*page));
}

Task<Result<std::string>> BodyOf(Site& site, const Call& call, std::string id) {
  if (site.conversations == nullptr)
    co_return weir::Fail(NotThere("response_id", "response_not_found"));
  auto body = co_await site.conversations->Body(OwnerOf(call), std::move(id));
  if (!body && body.error().code == Code::kNotFound)
    co_return weir::Fail(NotThere("response_id", "response_not_found"));
  co_return body;
}

}  // namespace

Task<void> CreateResponse(Site& site, Call& call) {
  auto asked = responses::ReadCreate(call.request().body);
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  if (site.conversations == nullptr) {
    if (asked->store_asked) {
      co_await call.SendError({Code::kInvalidArgument,
                               "store is not supported: this server keeps no answers", "store",
                               "unsupported_parameter"});
      co_return;
    }
    asked->echo.store = false;
  }
  const std::string id = NewId("resp_");
  const auto conversed = co_await Converse(site, call, *asked, id.substr(id.find('_') + 1));
  if (!conversed) {
    co_await call.SendError(conversed.error());
    co_return;
  }
  chat::GenerateRequest request = std::move(asked->request);
  if (asked->file_search) {
    const auto given = co_await GiveSources(site, call, *asked->file_search, request);
    if (!given) {
      co_await call.SendError(given.error());
      co_return;
    }
  }
  ResponseRendering rendering(site, call, *asked, id);
  co_await AnswerGeneration(site, call, std::move(request), rendering);
}

Task<void> CountInputTokens(Site& site, Call& call) {
  auto asked = responses::ReadInputTokens(call.request().body);
  Result<void> ready =
      asked ? co_await Converse(site, call, *asked, "count") : std::unexpected(asked.error());
  if (!ready) {
    co_await call.SendError(ready.error());
    co_return;
  }
  const auto tokens = co_await PromptOf(site, std::move(asked->request));
  if (!tokens) {
    co_await call.SendError(tokens.error());
    co_return;
  }
  co_await call.SendJson(200,
                         responses::RenderInputTokens(static_cast<int64_t>(tokens->tokens.size())));
}

Task<void> GetResponse(Site& site, Call& call) {
  const std::string& query = call.request().query;
  if (std::string_view tail = call.tail; tail.ends_with(kItemsOf)) {
    tail.remove_suffix(kItemsOf.size());
    co_await SendItems(site, call, IdOf(tail));
    co_return;
  }
  // `include` asks for no more than what is kept, which comes whole.
  for (const char* name : {"stream", "starting_after"}) {
    const auto value = http::QueryValue(query, name);
    if (!value || *value == "false") continue;
    co_await call.SendError({Code::kInvalidArgument,
                             std::string(name) + " is not supported: a kept answer comes whole",
                             name, "unsupported_parameter"});
    co_return;
  }
  auto body = co_await BodyOf(site, call, IdOf(call.tail));
  if (!body) {
    co_await call.SendError(body.error());
    co_return;
  }
  co_await call.SendJson(200, std::move(*body));
}

Task<void> DeleteResponse(Site& site, Call& call) {
  const std::string id = IdOf(call.tail);
  Result<void> removed = weir::Fail(NotThere("response_id", "response_not_found"));
  if (site.conversations != nullptr)
    removed = co_await site.conversations->Remove(OwnerOf(call), id);
  if (!removed) {
    const bool gone = removed.error().code == Code::kNotFound;
    co_await call.SendError(gone ? NotThere("response_id", "response_not_found") : removed.error());
    co_return;
  }
  co_await call.SendJson(200, responses::RenderDeleted(id));
}

// Only answers in the background can be cancelled, and there are none yet: a client that goes away
// cancels the others.
Task<void> CancelResponse(Site& site, Call& call) {
  std::string_view tail = call.tail;
  if (!tail.ends_with(kCancelOf)) {
    co_await call.SendError(
        {Code::kNotFound, "there is nothing at this path", {}, "unknown_route"});
    co_return;
  }
  tail.remove_suffix(kCancelOf.size());
  const auto body = co_await BodyOf(site, call, IdOf(tail));
  co_await call.SendError(
      body ? Error{Code::kInvalidArgument,
                   "only an answer in the background can be cancelled; this one has ended",
                   "response_id", "not_cancellable"}
           : body.error());
}

}  // namespace weir::server
