// /v1/responses over a fake backend: what is kept, who gets it back, and what goes on from it. What
// the objects and events hold is tested with the dialect.
#include "conversations/store.h"
#include "json/parse.h"
#include "server/site_for_test.h"

namespace weir::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ResponsesRoutesTest : public SiteTest {
 protected:
  ResponsesRoutesTest() {
    store_ = conversations::Store::Open(folder_, loop_.executor(), SystemClock()).value();
    site_->conversations = store_.get();
  }

  std::unique_ptr<http::FakeExchange> Create(std::string_view more = "",
                                             const HeaderList& headers = {}) {
    return Do("POST", "/v1/responses",
              R"({"model":"auto","input":"words")" + std::string(more) + "}", headers);
  }
  static std::string After(const std::string& id) {
    return R"(,"previous_response_id":")" + id + "\"";
  }
  static std::string IdIn(const http::FakeExchange& exchange) {
    const auto value = json::Parse(exchange.body());
    const json::Value* id = value ? value->Find("id") : nullptr;
    return id == nullptr ? "" : *id->AsString();
  }
  std::vector<std::string> Said() const {
    std::vector<std::string> texts;
    for (const chat::Message& message : backend_.requests.back().messages)
      texts.push_back(chat::TextOf(message));
    return texts;
  }

  std::unique_ptr<conversations::Store> store_;
};

TEST_F(ResponsesRoutesTest, AnAnswerComesWholeAndIsKept) {
  const auto answer = Create();
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(answer->body(), StartsWith(R"({"id":"resp_)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("text":"Hello there")"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("model":"small")"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("weir":{"decision":"dec_)"));
  EXPECT_EQ(Header(*answer, "x-weir-target"), "small");
  const auto again = Do("GET", "/v1/responses/" + IdIn(*answer));
  EXPECT_EQ(again->status(), 200);
  EXPECT_EQ(again->body(), answer->body());
}

TEST_F(ResponsesRoutesTest, AStreamIsKeptBeforeItsLastEvent) {
  const auto stream = Create(R"(,"stream":true)");
  EXPECT_EQ(Header(*stream, "content-type"), "text/event-stream");
  const auto events = Events(*stream);
  EXPECT_THAT(events.front(), StartsWith(R"({"type":"response.created")"));
  ASSERT_THAT(events.back(), StartsWith(R"({"type":"response.completed")"));
  const auto last = json::Parse(events.back());
  const auto kept = Do("GET", "/v1/responses/" + *last->Find("response")->Find("id")->AsString());
  EXPECT_EQ(*json::Parse(kept->body()), *last->Find("response"));
}

TEST_F(ResponsesRoutesTest, TheNextTurnGoesOnFromWhatIsKept) {
  const std::string first = IdIn(*Create(R"(,"instructions":"rules")"));
  EXPECT_THAT(Said(), ElementsAre("rules", "words"));
  const auto second = Create(After(first));
  EXPECT_EQ(second->status(), 200);
  EXPECT_THAT(Said(), ElementsAre("words", "Hello there", "words"));
  EXPECT_THAT(second->body(), HasSubstr(R"("previous_response_id":")" + first + "\""));
  Create(After(IdIn(*second)) + R"(,"instructions":"others")");
  EXPECT_THAT(Said(),
              ElementsAre("others", "words", "Hello there", "words", "Hello there", "words"));
}

TEST_F(ResponsesRoutesTest, WhatIsNotStoredIsNotThere) {
  const auto answer = Create(R"(,"store":false)");
  EXPECT_THAT(answer->body(), HasSubstr(R"("store":false)"));
  const std::string id = IdIn(*answer);
  EXPECT_EQ(Do("GET", "/v1/responses/" + id)->status(), 404);
  const auto next = Create(After(id));
  EXPECT_EQ(next->status(), 404);
  EXPECT_THAT(next->body(), HasSubstr(R"("code":"previous_response_not_found")"));
  EXPECT_THAT(next->body(), HasSubstr(R"("param":"previous_response_id")"));
}

TEST_F(ResponsesRoutesTest, AServerThatKeepsNothingSaysSo) {
  site_->conversations = nullptr;
  EXPECT_THAT(Create()->body(), HasSubstr(R"("store":false)"));
  const auto refused = Create(R"(,"store":true)");
  EXPECT_EQ(refused->status(), 400);
  EXPECT_THAT(refused->body(), HasSubstr(R"("param":"store")"));
  EXPECT_EQ(Create(After("resp_x"))->status(), 404);
  EXPECT_EQ(Do("GET", "/v1/responses/resp_x")->status(), 404);
  EXPECT_EQ(Do("GET", "/v1/responses/resp_x/input_items")->status(), 404);
  EXPECT_EQ(Do("DELETE", "/v1/responses/resp_x")->status(), 404);
  EXPECT_EQ(Do("POST", "/v1/responses/resp_x/cancel")->status(), 404);
}

// The answers to a stranger and about an id that never was are the same byte for byte, but for the
// request's own id, which is not in the body.
TEST_F(ResponsesRoutesTest, AnotherKeysAnswerIsLikeNone) {
  const auto ada = Key({.name = "ada"});
  const auto bob = Key({.name = "bob"});
  const std::string id = IdIn(*Create("", With(ada)));
  const std::string none(id.size(), 'x');
  for (const auto& [method, more] : std::vector<std::pair<std::string, std::string>>{
           {"GET", ""}, {"GET", "/input_items"}, {"POST", "/cancel"}, {"DELETE", ""}}) {
    const auto foreign = Do(method, "/v1/responses/" + id + more, "", With(bob));
    const auto unknown = Do(method, "/v1/responses/" + none + more, "", With(bob));
    EXPECT_EQ(foreign->status(), 404) << method << more;
    EXPECT_EQ(foreign->body(), unknown->body()) << method << more;
  }
  const auto foreign = Create(After(id), With(bob));
  EXPECT_EQ(foreign->status(), 404);
  EXPECT_EQ(foreign->body(), Create(After(none), With(bob))->body());
  EXPECT_EQ(Do("GET", "/v1/responses/" + id, "", With(ada))->status(), 200);
}

TEST_F(ResponsesRoutesTest, ItemsComeInPages) {
  const std::string first = IdIn(*Create());
  const std::string second = IdIn(*Create(After(first)));
  const std::string path = "/v1/responses/" + second + "/input_items";
  const auto all = json::Parse(Do("GET", path)->body());
  ASSERT_TRUE(all);
  EXPECT_EQ(all->Find("data")->AsArray()->size(), 3u);  // asked, answered, asked
  const auto query = [&](std::string text) {
    http::Request request = RequestOf("GET", path);
    request.query = std::move(text);
    return Do(std::move(request));
  };
  const auto oldest = json::Parse(query("order=asc&limit=2")->body());
  EXPECT_EQ(*oldest->Find("has_more"), json::Value(true));
  EXPECT_EQ(*oldest->Find("first_id"), *all->Find("last_id"));
  const auto rest =
      json::Parse(query("order=asc&after=" + *oldest->Find("last_id")->AsString())->body());
  EXPECT_EQ(rest->Find("data")->AsArray()->size(), 1u);
  EXPECT_EQ(*rest->Find("has_more"), json::Value(false));
  for (const auto& [text, param] :
       std::vector<std::pair<std::string, std::string>>{{"limit=0", "limit"},
                                                        {"limit=101", "limit"},
                                                        {"order=up", "order"},
                                                        {"after=none", "after"}}) {
    const auto refused = query(text);
    EXPECT_EQ(refused->status(), 400) << text;
    EXPECT_THAT(refused->body(), HasSubstr(R"("param":")" + param + "\"")) << text;
  }
}

TEST_F(ResponsesRoutesTest, WhatIsDeletedIsGone) {
  const std::string id = IdIn(*Create());
  EXPECT_EQ(Do("DELETE", "/v1/responses/" + id)->body(),
            R"({"id":")" + id + R"(","object":"response","deleted":true})");
  EXPECT_EQ(Do("DELETE", "/v1/responses/" + id)->status(), 404);
  EXPECT_EQ(Create(After(id))->status(), 404);
}

TEST_F(ResponsesRoutesTest, NothingThatHasEndedIsCancelled) {
  const std::string id = IdIn(*Create());
  const auto refused = Do("POST", "/v1/responses/" + id + "/cancel");
  EXPECT_EQ(refused->status(), 400);
  EXPECT_THAT(refused->body(), HasSubstr(R"("code":"not_cancellable")"));
  EXPECT_EQ(Do("POST", "/v1/responses/" + id + "/other")->status(), 404);
}

TEST_F(ResponsesRoutesTest, ItemsAreReferredToByTheirIds) {
  const auto answer = Create();
  const auto object = json::Parse(answer->body());
  const std::string item = *(*object->Find("output")->AsArray())[0].Find("id")->AsString();
  const auto next = Do("POST", "/v1/responses",
                       R"({"model":"auto","input":[{"type":"item_reference","id":")" + item +
                           R"("},{"role":"user","content":"and?"}]})");
  EXPECT_EQ(next->status(), 200);
  EXPECT_THAT(Said(), ElementsAre("Hello there", "and?"));
}

TEST_F(ResponsesRoutesTest, AStreamThatBreaksFailsAndIsNotKept) {
  backend_.models["m-small"].steps = {
      chat::Event(chat::Delta{.text = "half"}),
      Error{Code::kBackendFailed, "it broke", "", "backend_failed"}};
  const auto events = Events(*Create(R"(,"stream":true)"));
  ASSERT_GE(events.size(), 2u);
  EXPECT_THAT(events[events.size() - 2], StartsWith(R"({"type":"error")"));
  EXPECT_THAT(events.back(), StartsWith(R"({"type":"response.failed")"));
  const auto last = json::Parse(events.back());
  const std::string id = *last->Find("response")->Find("id")->AsString();
  EXPECT_EQ(Do("GET", "/v1/responses/" + id)->status(), 404);
}

TEST_F(ResponsesRoutesTest, WhatIsKeptComesWhole) {
  http::Request request = RequestOf("GET", "/v1/responses/" + IdIn(*Create()));
  request.query = "stream=true";
  const auto refused = Do(std::move(request));
  EXPECT_EQ(refused->status(), 400);
  EXPECT_THAT(refused->body(), HasSubstr(R"("param":"stream")"));
}

TEST_F(ResponsesRoutesTest, BadRequestsAreRefusedBeforeAnythingIsAsked) {
  const auto refused = Create(R"(,"background":true)");
  EXPECT_EQ(refused->status(), 400);
  EXPECT_THAT(refused->body(), HasSubstr(R"("param":"background")"));
  EXPECT_TRUE(backend_.asked.empty());
}

}  // namespace
}  // namespace weir::server
