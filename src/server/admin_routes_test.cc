#include "server/admin_routes.h"

#include <set>

#include "server/site_for_test.h"

namespace weir::server {
namespace {

using chat::Scope;
using testing::HasSubstr;
using testing::Not;

constexpr auto kInference = static_cast<uint32_t>(Scope::kInference);
constexpr auto kKeys = static_cast<uint32_t>(Scope::kKeys);

class AdminRoutesTest : public SiteTest {
 protected:
  std::unique_ptr<http::FakeExchange> Create(const keys::CreatedKey& as, const std::string& body) {
    return Do("POST", "/weir/v1/keys", body, With(as));
  }
};

TEST_F(AdminRoutesTest, AKeyIsCreatedShownOnceListedWithoutItsSecretAndRevoked) {
  const auto created =
      Do("POST", "/weir/v1/keys", R"({"name":"laptop","scopes":"inference","expires_in_s":60})");
  EXPECT_EQ(created->status(), 201);
  const size_t at = created->body().find("weir_sk_");
  ASSERT_NE(at, std::string::npos);
  const std::string secret = created->body().substr(at, 51);
  const HeaderList as_operator = {{"authorization", "Bearer weir_operator_token"}};
  const auto listed = Do("GET", "/weir/v1/keys", "", as_operator);
  EXPECT_THAT(listed->body(), HasSubstr(R"("name":"laptop")"));
  EXPECT_THAT(listed->body(), Not(HasSubstr("weir_sk_")));
  EXPECT_EQ(Do("GET", "/v1/models", "", {{"x-api-key", secret}})->status(), 200);
  EXPECT_EQ(Do("DELETE", "/weir/v1/keys/laptop", "", as_operator)->status(), 200);
  EXPECT_EQ(Do("GET", "/v1/models", "", {{"x-api-key", secret}})->status(), 401);
  EXPECT_EQ(Do("DELETE", "/weir/v1/keys/laptop", "", as_operator)->status(), 404);
  EXPECT_EQ(Do("DELETE", "/weir/v1/keys/%zz", "", as_operator)->status(), 404);
}

TEST_F(AdminRoutesTest, ABadKeyIs400AndNamed) {
  EXPECT_THAT(Do("POST", "/weir/v1/keys", "{}")->body(), HasSubstr(R"("param":"name")"));
  EXPECT_THAT(Do("POST", "/weir/v1/keys", R"({"name":"x","scopes":"everything"})")->body(),
              HasSubstr(R"("param":"scopes")"));
  EXPECT_EQ(Do("POST", "/weir/v1/keys", R"({"name":"x","secret":"mine"})")->status(), 400);
  EXPECT_FALSE(keys_->HasKeys());
}

TEST_F(AdminRoutesTest, AKeyCannotGiveScopesThatItLacks) {
  const auto maker = Key({.name = "maker", .scopes = kInference | kKeys});
  EXPECT_EQ(Create(maker, R"({"name":"a","scopes":"inference"})")->status(), 201);
  for (const char* scopes : {"admin", "models", "inference,models", "all"}) {
    const auto refused = Create(maker, R"({"name":"b","scopes":")" + std::string(scopes) + R"("})");
    EXPECT_EQ(refused->status(), 403) << scopes;
    EXPECT_THAT(refused->body(), HasSubstr("scope_missing"));
  }
  const auto only_keys = Key({.name = "only", .scopes = kKeys});
  EXPECT_EQ(Create(only_keys, R"({"name":"c"})")->status(), 403);  // inference is the default
}

TEST_F(AdminRoutesTest, AKeyThatIsNoAdministratorsMakesKeysOfItsOwnKindAlone) {
  const auto maker = Key({.name = "maker",
                          .tenant = "t1",
                          .project = "p1",
                          .scopes = kInference | kKeys,
                          .label_floor = chat::Label::kPersonal});
  const auto made = Create(maker, R"({"name":"a","label_floor":"personal"})");
  EXPECT_EQ(made->status(), 201);
  EXPECT_THAT(made->body(), HasSubstr(R"("tenant":"t1","project":"p1")"));
  const std::pair<const char*, const char*> cases[] = {
      {R"({"name":"b","label_floor":"secret","tenant":"t2"})", "tenant"},
      {R"({"name":"b","label_floor":"secret","project":"p2"})", "project"},
      {R"({"name":"b","label_floor":"internal"})", "label_floor"},
      {R"({"name":"b"})", "label_floor"},
      {R"({"name":"b","label_floor":"secret","may_assert_label":true})", "may_assert_label"}};
  for (const auto& [body, param] : cases) {
    const auto refused = Create(maker, body);
    EXPECT_EQ(refused->status(), 403) << body;
    EXPECT_THAT(refused->body(), HasSubstr(R"("param":")" + std::string(param) + '"'));
  }
  const auto admin = Key({.name = "admin", .scopes = chat::kAllScopes});
  EXPECT_EQ(Create(admin, R"({"name":"b","tenant":"t2","may_assert_label":true})")->status(), 201);
}

TEST_F(AdminRoutesTest, KeysOfAnotherTenantAreNotThereForAKeyThatIsNoAdministrators) {
  const auto maker = Key({.name = "maker", .tenant = "t1", .scopes = kKeys});
  const auto other = Key({.name = "other", .tenant = "t2"});
  const auto listed = Do("GET", "/weir/v1/keys", "", With(maker));
  EXPECT_THAT(listed->body(), HasSubstr("maker"));
  EXPECT_THAT(listed->body(), Not(HasSubstr("other")));
  for (const std::string& name : {std::string("other"), other.info.id}) {
    EXPECT_EQ(Do("DELETE", "/weir/v1/keys/" + name, "", With(maker))->status(), 404);
  }
  EXPECT_EQ(Do("GET", "/v1/models", "", With(other))->status(), 200);
}

TEST_F(AdminRoutesTest, DecisionsAreSeenByWhoMadeThemAndByAdministrators) {
  const auto a = Key({.name = "a"});
  const auto b = Key({.name = "b"});
  const auto admin = Key({.name = "admin", .scopes = chat::kAllScopes});
  const std::string id = Header(*Chat(With(a)), "x-weir-decision");
  const std::string path = "/weir/v1/decisions/" + id;
  const auto mine = Do("GET", path, "", With(a));
  EXPECT_EQ(mine->status(), 200);
  EXPECT_THAT(mine->body(), HasSubstr(R"("attempts":[{"target":"small","outcome":"served"}])"));
  EXPECT_THAT(mine->body(), Not(HasSubstr("private")));
  EXPECT_EQ(Do("GET", path, "", With(b))->status(), 404);
  EXPECT_EQ(Do("GET", path, "", With(admin))->status(), 200);
  EXPECT_THAT(Do("GET", "/weir/v1/decisions", "", With(b))->body(), Not(HasSubstr(id)));
  EXPECT_THAT(Do("GET", "/weir/v1/decisions", "", With(a))->body(), HasSubstr(id));
}

TEST_F(AdminRoutesTest, TargetsAreListedWithWhatMayGoThere) {
  const auto listed = Do("GET", "/weir/v1/targets");
  EXPECT_THAT(listed->body(),
              HasSubstr(R"("name":"cloud","backend":"far","model":"m-cloud","tier":"cloud",)"
                        R"("ceiling":"public")"));
  EXPECT_THAT(listed->body(), HasSubstr(R"({"name":"auto","targets":["small","large"]})"));
}

TEST_F(AdminRoutesTest, ModelsAreLoadedShownAndStopped) {
  EXPECT_THAT(Do("GET", "/weir/v1/models")->body(), HasSubstr(R"("data":[])"));
  const auto loaded = Do("POST", "/weir/v1/models/load", R"({"model":"m","keep_alive_s":-1})");
  EXPECT_EQ(loaded->status(), 200);
  EXPECT_THAT(loaded->body(), HasSubstr(R"("model":"m:full","state":"ready")"));
  const auto shown = Do("GET", "/weir/v1/models");
  EXPECT_THAT(shown->body(), HasSubstr(R"("state":"ready")"));
  EXPECT_THAT(shown->body(), HasSubstr(R"("unloads_in_s":null)"));
  EXPECT_EQ(Do("POST", "/weir/v1/models/stop", R"({"model":"m"})")->status(), 200);
  EXPECT_EQ(Do("POST", "/weir/v1/models/stop", R"({"model":"m"})")->status(), 404);
  EXPECT_EQ(Do("POST", "/weir/v1/models/load", R"({"model":"none"})")->status(), 404);
  EXPECT_EQ(Do("POST", "/weir/v1/models/load", R"({"model":"m","keep_alive_s":1e300})")->status(),
            400);
}

TEST_F(AdminRoutesTest, AModelThatCannotBeLoadedSaysWhy) {
  starter_.refusal = Error{Code::kUnavailable, "it failed too often", "", "engine_refused", 60};
  const auto refused = Do("POST", "/weir/v1/models/load", R"({"model":"m"})");
  EXPECT_EQ(refused->status(), 503);
  EXPECT_EQ(Header(*refused, "retry-after"), "60");
  EXPECT_THAT(refused->body(), HasSubstr("engine_refused"));
}

TEST_F(AdminRoutesTest, ScoresAreLogProbabilitiesAndTheirShares) {
  const auto answer = Do("POST", "/weir/v1/score",
                         R"({"model":"small","prompt":"x","continuations":["yes","no"]})");
  EXPECT_EQ(answer->status(), 200);
  EXPECT_THAT(answer->body(), HasSubstr(R"("scores":[{"logprob":-1)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("probability":0.731)"));
  EXPECT_THAT(answer->body(), HasSubstr(R"("cached_tokens":2)"));
  const char* bad[] = {
      R"({"model":"small","continuations":["x"]})", R"({"model":"small","prompt":"x"})",
      R"({"model":"small","prompt":"x","messages":[{"role":"user","content":"y"}],"continuations":["z"]})",
      R"({"model":"small","prompt":"x","continuations":["z"],"other":1})",
      R"({"model":"small","messages":[{"role":"robot","content":"y"}],"continuations":["z"]})"};
  for (const char* body : bad) EXPECT_EQ(Do("POST", "/weir/v1/score", body)->status(), 400) << body;
}

TEST_F(AdminRoutesTest, TextIsTokenizedByTheModelsEngine) {
  const auto tokens = Do("POST", "/tokenize", R"({"content":"x"})");
  EXPECT_EQ(tokens->body(), R"({"tokens":[1,2,3]})");
  const auto text = Do("POST", "/detokenize", R"({"tokens":[1,2,3]})");
  EXPECT_EQ(text->body(), R"({"content":"one two three"})");
  EXPECT_EQ(Do("POST", "/detokenize", R"({"tokens":[-1]})")->status(), 400);
}

// The text format's own grammar: comments, and lines of name{labels} value; each name has one TYPE,
// before its samples.
TEST_F(AdminRoutesTest, MetricsAreWhatPrometheusReads) {
  Chat();
  Chat({}, "", "nothing");
  Do("POST", "/weir/v1/models/load", R"({"model":"we\"ird"})");
  const auto answer = Do("GET", "/metrics");
  EXPECT_EQ(Header(*answer, "content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer->body(),
              HasSubstr("weir_requests_total{route=\"/v1/chat/completions\",status=\"404\"} 1\n"));
  EXPECT_THAT(answer->body(),
              HasSubstr("weir_tokens_total{model=\"small\",kind=\"completion\"} 2\n"));
  EXPECT_THAT(answer->body(), HasSubstr("weir_engine_running{model=\"we\\\"ird:full\"} 7\n"));
  std::set<std::string> typed;
  std::istringstream lines(answer->body());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(typed.insert(name).second) << line;
    } else if (!line.starts_with("# HELP ")) {
      EXPECT_TRUE(typed.contains(line.substr(0, line.find_first_of("{ ")))) << line;
      const std::string value = line.substr(line.rfind(' ') + 1);
      EXPECT_NO_THROW(std::stod(value)) << line;
    }
  }
  EXPECT_GE(typed.size(), 10u);
}

TEST_F(AdminRoutesTest, RoutesThatAreNotThereAreOneSeriesInTheMetrics) {
  for (int i = 0; i < 10; ++i) Do("GET", "/nothing" + std::to_string(i));
  EXPECT_THAT(metrics_.Render({}),
              HasSubstr(R"(weir_requests_total{route="none",status="404"} 10)"));
}

}  // namespace
}  // namespace weir::server
