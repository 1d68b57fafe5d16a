// The routes of vector stores without a reader: what is given waits. tests/blackbox reads it.
#include <algorithm>
#include <ranges>

#include "files/store.h"
#include "gateway/file_reading.h"
#include "json/parse.h"
#include "server/site_for_test.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

class NoReader final : public backends::DocumentReader {
 public:
  Task<Result<wire::Pages>> Read(wire::Document) override {
    co_return Fail(Code::kUnavailable, "nothing is read in this test");
  }
};

class VectorStoreRoutesTest : public SiteTest {
 protected:
  VectorStoreRoutesTest()
      : store_(vectors::Store::Open(folder_ / "vectors").value()),
        library_(
            knowledge::Library::Open(folder_, *store_, loop_.executor(), SystemClock()).value()),
        files_(files::Store::Open(folder_, loop_.executor(), SystemClock()).value()),
        documents_{.library = *library_, .reader = reader_, .model_name = site_->local_model},
        reading_(loop_.executor(), gateway_, documents_, *files_) {
    site_->documents = &documents_;
    site_->files = files_.get();
    site_->reading = &reading_;
  }

  json::Value Ask(std::string method, std::string path, std::string body = "", int status = 200,
                  const HeaderList& headers = {}) {
    http::Request request = RequestOf(std::move(method), path, std::move(body), headers);
    if (const size_t at = path.find('?'); at != std::string::npos) {
      request.path = path.substr(0, at);
      request.query = path.substr(at + 1);
    }
    const auto exchange = Do(std::move(request));
    EXPECT_EQ(exchange->status(), status) << path << " " << exchange->body();
    return json::Parse(exchange->body()).value_or(json::Value());
  }
  static std::string Text(const json::Value& value, std::string_view key) {
    const json::Value* found = value.Find(key);
    return found != nullptr && found->AsString() != nullptr ? *found->AsString() : "";
  }
  static std::vector<std::string> Ids(const json::Value& list) {
    std::vector<std::string> ids;
    for (const json::Value& item : *list.Find("data")->AsArray()) ids.push_back(Text(item, "id"));
    return ids;
  }
  std::string Kept(const std::string& name, std::string tenant = "main") {
    const auto body = std::make_shared<const std::string>("text");
    return RunForTest(loop_, files_->Put(std::move(tenant), {.name = name,
                                                             .purpose = "assistants",
                                                             .holder = body,
                                                             .content = *body}))
        ->id;
  }
  int64_t Count(const json::Value& object, std::string_view which) {
    return *object.Find("file_counts")->Find(which)->AsInt();
  }

  std::shared_ptr<vectors::Store> store_;
  std::unique_ptr<knowledge::Library> library_;
  std::unique_ptr<files::Store> files_;
  NoReader reader_;
  gateway::Documents documents_;
  gateway::FileReading reading_;
};

TEST_F(VectorStoreRoutesTest, AStoreIsMadeShownChangedAndRemoved) {
  const auto made = Ask("POST", "/v1/vector_stores",
                        R"({"name":"Papers","metadata":{"a":"b"},
                            "expires_after":{"anchor":"last_active_at","days":3}})");
  const std::string id = Text(made, "id");
  EXPECT_TRUE(id.starts_with("vs_"));
  EXPECT_EQ(Text(made, "status"), "completed");
  const std::string path = "/v1/vector_stores/" + id;
  EXPECT_EQ(Ask("GET", path), made);
  EXPECT_EQ(Text(Ask("GET", "/v1/vector_stores/Papers"), "id"), id);
  const auto changed = Ask("POST", path, R"({"name":"Books","expires_after":null})");
  EXPECT_EQ(Text(changed, "name"), "Books");
  EXPECT_TRUE(changed.Find("expires_after")->is_null());
  EXPECT_EQ(*changed.Find("metadata"), *made.Find("metadata")) << "what is not said stays";
  EXPECT_EQ(Text(Ask("DELETE", path), "object"), "vector_store.deleted");
  Ask("GET", path, "", 404);
  Ask("DELETE", path, "", 404);
}

TEST_F(VectorStoreRoutesTest, StoresAreListedInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Text(Ask("POST", "/v1/vector_stores", "{}"), "id"));
  // Of those of one second the ids decide.
  const auto in_order = Ids(Ask("GET", "/v1/vector_stores?order=asc"));
  EXPECT_THAT(in_order, testing::UnorderedElementsAreArray(ids));
  ids = in_order;
  const auto newest_first = Ids(Ask("GET", "/v1/vector_stores"));
  EXPECT_TRUE(std::ranges::equal(newest_first, ids | std::views::reverse));
  const auto page = Ask("GET", "/v1/vector_stores?order=asc&limit=2&after=" + ids[1]);
  EXPECT_EQ(Ids(page), (std::vector<std::string>{ids[2], ids[3]}));
  EXPECT_EQ(*page.Find("has_more"), json::Value(true));
  EXPECT_EQ(Ids(Ask("GET", "/v1/vector_stores?order=asc&limit=2&before=" + ids[3])),
            (std::vector<std::string>{ids[1], ids[2]}));
  EXPECT_EQ(Ids(Ask("GET", "/v1/vector_stores?limit=1")), (std::vector<std::string>{ids[4]}));
  Ask("GET", "/v1/vector_stores?after=vs_never", "", 400);
  Ask("GET", "/v1/vector_stores?limit=101", "", 400);
}

TEST_F(VectorStoreRoutesTest, FilesWaitAndABatchIsCancelled) {
  const std::string store =
      "/v1/vector_stores/" + Text(Ask("POST", "/v1/vector_stores", "{}"), "id");
  const std::string a = Kept("a.md");
  const auto added =
      Ask("POST", store + "/files", R"({"file_id":")" + a + R"(","attributes":{"by":"Ada"}})");
  EXPECT_EQ(Text(added, "id"), a);
  EXPECT_EQ(Text(added, "status"), "in_progress");
  EXPECT_EQ(Text(*added.Find("attributes"), "by"), "Ada");
  const auto set = Ask("POST", store + "/files/" + a, R"({"attributes":{"by":"Eva"}})");
  EXPECT_EQ(Text(*set.Find("attributes"), "by"), "Eva");
  Ask("POST", store + "/files", R"({"file_id":"file-never"})", 404);

  const std::string b = Kept("b.md");
  const std::string c = Kept("c.md");
  const auto batch =
      Ask("POST", store + "/file_batches", R"({"file_ids":[")" + b + R"(",")" + c + R"("]})");
  const std::string batch_path = store + "/file_batches/" + Text(batch, "id");
  EXPECT_EQ(Count(batch, "in_progress"), 2);
  EXPECT_EQ(Count(Ask("GET", store), "total"), 3);
  EXPECT_EQ(Ids(Ask("GET", batch_path + "/files")).size(), 2U);
  const auto cancelled = Ask("POST", batch_path + "/cancel");
  EXPECT_EQ(Text(cancelled, "status"), "cancelled");
  EXPECT_EQ(Count(Ask("GET", batch_path), "cancelled"), 2);
  EXPECT_EQ(Ids(Ask("GET", store + "/files?filter=in_progress")), std::vector<std::string>{a});
  EXPECT_EQ(Ids(Ask("GET", store + "/files?filter=cancelled")).size(), 2U);
  Ask("GET", store + "/files?filter=lost", "", 400);
  Ask("GET", store + "/file_batches/vsfb_never", "", 404);

  EXPECT_EQ(Text(Ask("DELETE", store + "/files/" + a), "object"), "vector_store.file.deleted");
  Ask("GET", store + "/files/" + a, "", 404);
  Ask("GET", "/v1/files/" + a);  // the file itself stays
  Ask("DELETE", "/v1/files/" + b);
  Ask("GET", store + "/files/" + b, "", 404);
}

TEST_F(VectorStoreRoutesTest, AStoreWithAFileThatIsNotThereIsNotMade) {
  Ask("POST", "/v1/vector_stores", R"({"file_ids":["file-never"]})", 404);
  EXPECT_TRUE(Ids(Ask("GET", "/v1/vector_stores")).empty());
  const auto made = Ask("POST", "/v1/vector_stores", R"({"file_ids":[")" + Kept("a.md") + R"("]})");
  EXPECT_EQ(Text(made, "status"), "in_progress");
}

TEST_F(VectorStoreRoutesTest, TenantsSeeTheirOwnAndScopesHold) {
  const auto mine = With(Key({.name = "mine", .tenant = "a"}));
  const auto other = With(Key({.name = "other", .tenant = "b"}));
  const auto keys_alone = With(
      Key({.name = "keys", .tenant = "a", .scopes = static_cast<uint32_t>(chat::Scope::kKeys)}));
  const std::string file = Kept("a.md", "a");
  const std::string store =
      "/v1/vector_stores/" +
      Text(Ask("POST", "/v1/vector_stores", R"({"name":"Papers"})", 200, mine), "id");
  Ask("POST", store + "/files", R"({"file_id":")" + file + R"("})", 200, mine);
  const std::pair<const char*, std::string> calls[] = {
      {"GET", store},
      {"POST", store},
      {"DELETE", store},
      {"GET", store + "/files"},
      {"GET", store + "/files/" + file},
      {"GET", store + "/files/" + file + "/content"},
      {"DELETE", store + "/files/" + file},
      {"GET", "/v1/vector_stores/Papers"}};
  for (const auto& [method, path] : calls) {
    Ask(method, path, "{}", 404, other);
    Ask(method, path, "{}", 403, keys_alone);
    Ask(method, path, "{}", 401);
  }
  Ask("POST", store + "/search", R"({"query":"x"})", 404, other);
  Ask("POST", store + "/files", R"({"file_id":")" + file + R"("})", 404, other);
  const std::string others =
      "/v1/vector_stores/" + Text(Ask("POST", "/v1/vector_stores", "{}", 200, other), "id");
  Ask("POST", others + "/files", R"({"file_id":")" + file + R"("})", 404, other);
  EXPECT_EQ(Ids(Ask("GET", store + "/files", "", 200, mine)).size(), 1U);
}

TEST_F(VectorStoreRoutesTest, AnEmptyStoreIsSearchedAndASearchNamesWhatIsWrong) {
  const std::string store =
      "/v1/vector_stores/" + Text(Ask("POST", "/v1/vector_stores", "{}"), "id");
  backend_.models["m-small"].steps = {};
  documents_.embedding_model = "small";
  const auto found = Ask("POST", store + "/search", R"({"query":["tides","boats"]})");
  EXPECT_EQ(Text(found, "object"), "vector_store.search_results.page");
  EXPECT_EQ(found.Find("search_query")->AsArray()->size(), 2U);
  EXPECT_TRUE(found.Find("data")->AsArray()->empty());
  Ask("POST", store + "/search", R"({"query":""})", 400);
  // There is no model here that could: the question is searched for as it is.
  const auto asked = Ask("POST", store + "/search", R"({"query":"x","rewrite_query":true})");
  EXPECT_EQ(*asked.Find("search_query")->AsArray()->front().AsString(), "x");
  Ask("POST", "/v1/vector_stores/never/search", R"({"query":"x"})", 404);
}

TEST_F(VectorStoreRoutesTest, AServerWithoutDocumentsSaysSo) {
  site_->documents = nullptr;
  Ask("POST", "/v1/vector_stores", "{}", 503);
  Ask("GET", "/v1/vector_stores", "", 503);
  Ask("GET", "/v1/vector_stores/x", "", 503);
  Ask("POST", "/v1/vector_stores/x/search", R"({"query":"x"})", 503);
}

}  // namespace
}  // namespace weir::server
