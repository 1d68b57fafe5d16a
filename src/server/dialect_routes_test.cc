// Anthropic's and Ollama's routes over a fake backend: the right shape of answers, streams and
// errors. What the shapes hold is tested with the dialects.
#include <tuple>

#include "server/error_shape.h"
#include "server/site_for_test.h"

namespace weir::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Error kBroken{Code::kBackendFailed, "it broke", "", "backend_failed"};
const HeaderList kClaude = {{"anthropic-version", "2023-06-01"}};

class DialectRoutesTest : public SiteTest {
 protected:
  std::deque<backends::Step>& Steps() { return backend_.models["m-small"].steps; }

  std::unique_ptr<http::FakeExchange> Messages(std::string_view more = "",
                                               std::string_view model = "auto") {
    return Do("POST", "/v1/messages",
              R"({"max_tokens":9,"model":")" + std::string(model) +
                  R"(","messages":[{"role":"user","content":"words"}])" + std::string(more) + "}",
              kClaude);
  }
  std::unique_ptr<http::FakeExchange> Ollama(std::string_view more = "",
                                             std::string_view model = "auto") {
    return Do("POST", "/api/chat",
              R"({"model":")" + std::string(model) +
                  R"(","messages":[{"role":"user","content":"words"}])" + std::string(more) + "}");
  }
};

TEST_F(DialectRoutesTest, AMessageIsAnsweredWholeInAnthropicsShape) {
  const auto answer = Messages();
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(answer->body(), StartsWith(R"({"id":"msg_)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("content":[{"type":"text","text":"Hello there"}])"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("model":"small")"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("weir":{"decision":"dec_)"));
  EXPECT_EQ(Header(*answer, "x-weir-target"), "small");
  EXPECT_THAT(Header(*answer, "request-id"), StartsWith("req_"));
}

TEST_F(DialectRoutesTest, AMessageStreamsFromItsStartToItsStop) {
  const auto answer = Messages(R"(,"stream":true)");
  EXPECT_TRUE(answer->streamed() && answer->finished());
  EXPECT_EQ(Header(*answer, "content-type"), "text/event-stream");
  const auto events = Events(*answer);
  ASSERT_GE(events.size(), 5u);
  EXPECT_THAT(events.front(), StartsWith(R"({"type":"message_start")"));
  EXPECT_THAT(events.back(), StartsWith(R"({"type":"message_stop","weir":{)"));
}

TEST_F(DialectRoutesTest, AMessageThatBreaksEndsInAnErrorEvent) {
  Steps() = {chat::Event(chat::Delta{.text = "half"}), kBroken};
  const auto events = Events(*Messages(R"(,"stream":true)"));
  EXPECT_THAT(events.back(), StartsWith(R"({"type":"error","error":{"type":"api_error")"));
  for (const std::string& event : events) EXPECT_THAT(event, Not(HasSubstr("message_stop")));
}

TEST_F(DialectRoutesTest, AChatIsAnsweredInOllamasShape) {
  const auto whole = Ollama(R"(,"stream":false)");
  EXPECT_EQ(whole->status(), 200);
  EXPECT_EQ(Header(*whole, "content-type"), "application/json");
  EXPECT_THAT(whole->body(), HasSubstr(R"("content":"Hello there")"));
  EXPECT_THAT(whole->body(), HasSubstr(R"("done":true)"));
  const auto stream = Ollama();
  EXPECT_TRUE(stream->streamed() && stream->finished());
  EXPECT_EQ(Header(*stream, "content-type"), "application/x-ndjson");
  EXPECT_THAT(stream->body(), HasSubstr(R"("done":false)"));
  EXPECT_THAT(stream->body(), HasSubstr(R"("done":true)"));
  EXPECT_THAT(stream->body(), EndsWith("}\n"));
}

TEST_F(DialectRoutesTest, AChatThatBreaksNeverSaysDone) {
  Steps() = {chat::Event(chat::Delta{.text = "half"}), kBroken};
  const auto stream = Ollama();
  EXPECT_THAT(stream->body(), EndsWith("{\"error\":\"it broke\",\"code\":\"backend_failed\"}\n"));
  EXPECT_THAT(stream->body(), Not(HasSubstr(R"("done":true)")));
  Steps() = {chat::Event(chat::Delta{.text = "half"}), kBroken};
  const auto whole = Ollama(R"(,"stream":false)", "small");
  EXPECT_EQ(whole->status(), 502);
  EXPECT_THAT(whole->body(), Not(HasSubstr("half")));
}

TEST_F(DialectRoutesTest, ErrorsHaveTheShapeOfTheRouteThatWasCalled) {
  const auto claude = Messages("", "nobody");
  EXPECT_EQ(claude->status(), 404);
  EXPECT_THAT(claude->body(), StartsWith(R"({"type":"error","error":{"type":"not_found_error")"));
  EXPECT_THAT(claude->body(), HasSubstr(R"("request_id":"req_)"));
  const auto ollama = Ollama("", "nobody");
  EXPECT_EQ(ollama->status(), 404);
  EXPECT_THAT(ollama->body(), StartsWith(R"({"error":")"));
  EXPECT_THAT(ollama->body(), HasSubstr(R"("param":"model")"));
  EXPECT_THAT(Chat({}, "", "nobody")->body(), StartsWith(R"({"error":{"message":)"));
  // Before any handler is reached, too.
  EXPECT_THAT(Do("GET", "/api/chat")->body(), StartsWith(R"({"error":")"));
  EXPECT_THAT(Do("GET", "/v1/messages")->body(), StartsWith(R"({"type":"error")"));
  Key({.name = "k"});
  const auto refused = Messages();
  EXPECT_EQ(refused->status(), 401);
  EXPECT_THAT(refused->body(), HasSubstr(R"("type":"authentication_error")"));
}

TEST_F(DialectRoutesTest, AnthropicsListOfModelsIsPaged) {
  const auto page = [&](std::string query) {
    http::Request request = RequestOf("GET", "/v1/models", "", kClaude);
    request.query = std::move(query);
    return Do(std::move(request))->body();
  };
  EXPECT_THAT(page(""), EndsWith(R"("has_more":false,"first_id":"small","last_id":"a/b"})"));
  EXPECT_THAT(page("limit=1"),
              EndsWith(R"("has_more":true,"first_id":"small","last_id":"small"})"));
  EXPECT_THAT(page("limit=1&after_id=small"),
              EndsWith(R"("has_more":false,"first_id":"a/b","last_id":"a/b"})"));
  EXPECT_THAT(page("after_id=a%2Fb"),
              EndsWith(R"("has_more":false,"first_id":null,"last_id":null})"));
  EXPECT_THAT(page("limit=1&before_id=a%2Fb"),
              EndsWith(R"("has_more":false,"first_id":"small","last_id":"small"})"));
  for (const auto& [query, param] : {std::pair{"limit=0", "limit"},
                                     {"limit=1001", "limit"},
                                     {"limit=x", "limit"},
                                     {"after_id=nobody", "after_id"},
                                     {"before_id=nobody", "before_id"},
                                     {"after_id=small&before_id=small", "before_id"}}) {
    EXPECT_THAT(page(query),
                StartsWith(R"({"type":"error","error":{"type":"invalid_request_error")"))
        << query;
    EXPECT_THAT(page(query), HasSubstr(param)) << query;
  }
}

TEST_F(DialectRoutesTest, AContextIsOfOneModelOfThisMachine) {
  const auto generate = [&](std::string_view model) {
    return Do("POST", "/api/generate",
              R"({"model":")" + std::string(model) + R"(","prompt":"p","context":[1,2]})");
  };
  for (const char* model : {"auto", "far", "none"}) {
    const auto refused = generate(model);
    EXPECT_EQ(refused->status(), 400) << model;
    EXPECT_THAT(refused->body(), HasSubstr(R"("param":"context")")) << model;
  }
  Steps() = {chat::Event(chat::Started{.prompt_tokens = 3, .prompt = {1, 2, 3}}),
             chat::Event(chat::Delta{.text = "a", .tokens = {7}}), chat::Event(chat::ChoiceDone{}),
             chat::Event(chat::Done{})};
  EXPECT_THAT(generate("small")->body(), HasSubstr(R"("context":[1,2,3,7])"));
  // Where the head does not wait for the model, too.
  site_->options.head_patience = std::chrono::milliseconds(1);
  Steps().push_front(Duration(std::chrono::milliseconds(20)));
  EXPECT_THAT(generate("small")->body(), HasSubstr(R"("context":[1,2,3,7])"));
}

TEST_F(DialectRoutesTest, ModelsAreListedInTheShapeThatTheClientReads) {
  EXPECT_THAT(Do("GET", "/v1/models")->body(), StartsWith(R"({"object":"list")"));
  EXPECT_THAT(Do("GET", "/v1/models", "", kClaude)->body(),
              StartsWith(R"({"data":[{"type":"model","id":"small")"));
  EXPECT_THAT(Do("GET", "/v1/models/a%2Fb", "", kClaude)->body(),
              StartsWith(R"({"type":"model","id":"a/b")"));
  EXPECT_THAT(Do("GET", "/api/tags")->body(), StartsWith(R"({"models":[{"name":"small")"));
  EXPECT_THAT(Do("GET", "/api/version")->body(), HasSubstr(R"("weir":")"));
  EXPECT_THAT(Do("POST", "/api/show", R"({"model":"small"})")->body(),
              HasSubstr(R"("capabilities":["completion")"));
  EXPECT_EQ(Do("POST", "/api/show", R"({"model":"none"})")->status(), 404);
}

TEST_F(DialectRoutesTest, AModelIsShownByWhatItsFileSaysAndTheWordsItWasMadeWith) {
  const auto shown = Do("POST", "/api/show", R"({"model":"small"})");
  ASSERT_EQ(shown->status(), 200) << shown->body();
  for (const char* piece :
       {R"("license":"apache-2.0")", R"("modelfile":"FROM small:full\n)", R"("system":"Be brief.")",
        R"("template":"{% for m in messages %}{{ m.content }}{% endfor %}")",
        R"("general.architecture":"llama")", R"("llama.context_length":128)",
        R"("tokenizer.ggml.tokens":null)", R"("general.parameter_count":)",
        R"("capabilities":["completion","tools")"})
    EXPECT_THAT(shown->body(), HasSubstr(piece));
  EXPECT_THAT(shown->body(), Not(HasSubstr(R"("tokenizer.chat_template")")));
}

TEST_F(DialectRoutesTest, WithoutChangesOfModelsTheCommandIsNamedThatDoesIt) {
  const std::string digest = "/api/blobs/sha256:" + std::string(64, 'a');
  for (const auto& [method, path, body] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"POST", "/api/pull", R"({"model":"x"})"},
           {"POST", "/api/create", R"({"model":"x","from":"y"})"},
           {"POST", "/api/copy", R"({"source":"x","destination":"y"})"},
           {"DELETE", "/api/delete", R"({"model":"x"})"},
           {"POST", digest, ""},
           {"HEAD", digest, ""}}) {
    const auto answer = Do(method, path, body);
    EXPECT_EQ(answer->status(), 422) << path;
    EXPECT_THAT(answer->body(), HasSubstr("weir pull")) << path;
  }
  EXPECT_THAT(Do("POST", "/api/push", R"({"model":"x"})")->body(), HasSubstr("sent nowhere"));
  const auto key = Key({.name = "k", .scopes = static_cast<uint32_t>(chat::Scope::kInference)});
  EXPECT_EQ(Do("POST", "/api/pull", "{}", With(key))->status(), 403);
}

TEST_F(DialectRoutesTest, LoadingNeedsTheScopeForIt) {
  const auto key = Key({.name = "k", .scopes = static_cast<uint32_t>(chat::Scope::kInference)});
  const auto answer = Do("POST", "/api/generate", R"({"model":"small","keep_alive":0})", With(key));
  EXPECT_EQ(answer->status(), 403);
}

}  // namespace
}  // namespace weir::server
