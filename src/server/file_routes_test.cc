#include "files/store.h"
#include "json/parse.h"
#include "server/site_for_test.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

class FileRoutesTest : public SiteTest {
 protected:
  FileRoutesTest() : files_(files::Store::Open(folder_, loop_.executor(), SystemClock()).value()) {
    site_->files = files_.get();
  }

  static std::string Field(std::string_view name, std::string_view value) {
    return "--b\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
           std::string(value) + "\r\n";
  }
  static std::string File(std::string_view name, std::string_view content) {
    return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(name) +
           "\"\r\nContent-Type: text/plain\r\n\r\n" + std::string(content) + "\r\n";
  }
  std::unique_ptr<http::FakeExchange> Post(std::string fields, HeaderList headers = {}) {
    headers.emplace_back("content-type", "multipart/form-data; boundary=b");
    return Do("POST", "/v1/files", std::move(fields) + "--b--\r\n", headers);
  }
  std::string Kept(std::string_view name, std::string_view content, HeaderList headers = {}) {
    const auto posted = Post(File(name, content) + Field("purpose", "user_data"), headers);
    EXPECT_EQ(posted->status(), 200) << posted->body();
    return TextOf(posted->body(), "id");
  }
  static std::string TextOf(const std::string& body, std::string_view field) {
    const auto value = json::Parse(body, {});
    const json::Value* found = value ? value->Find(field) : nullptr;
    return found != nullptr && found->AsString() != nullptr ? *found->AsString() : "";
  }

  std::unique_ptr<files::Store> files_;
};

TEST_F(FileRoutesTest, AFileIsKeptListedReadAndRemoved) {
  const std::string id = Kept("tide.md", "spring\r\ntide");
  const auto shown = Do("GET", "/v1/files/" + id);
  EXPECT_THAT(shown->body(), HasSubstr(R"("filename":"tide.md","purpose":"user_data")"));
  EXPECT_THAT(shown->body(), HasSubstr(R"("bytes":12)"));
  EXPECT_THAT(Do("GET", "/v1/files")->body(), HasSubstr("\"first_id\":\"" + id + "\""));
  const auto content = Do("GET", "/v1/files/" + id + "/content");
  EXPECT_EQ(content->body(), "spring\r\ntide");
  EXPECT_EQ(Header(*content, "content-disposition"), "attachment");
  EXPECT_THAT(Do("DELETE", "/v1/files/" + id)->body(), HasSubstr("\"deleted\":true"));
  EXPECT_EQ(Do("GET", "/v1/files/" + id)->status(), 404);
  EXPECT_EQ(Do("GET", "/v1/files/" + id + "/content")->status(), 404);
  EXPECT_EQ(Do("DELETE", "/v1/files/" + id)->status(), 404);
}

TEST_F(FileRoutesTest, WhatIsWrongWithAFormIsNamed) {
  const std::string file = File("a.md", "a");
  const std::string purpose = Field("purpose", "assistants");
  const auto refused = [&](const std::string& fields, std::string_view what) {
    const auto posted = Post(fields);
    EXPECT_EQ(posted->status(), 400) << posted->body();
    EXPECT_THAT(posted->body(), HasSubstr(std::string(what)));
  };
  refused(purpose, "file is missing");
  refused(file, "purpose is missing");
  refused(file + Field("purpose", "fun"), "purpose takes assistants");
  refused(file + purpose + purpose, "stands twice");
  refused(file + purpose + Field("label", "x"), "not known");
  refused(Field("file", "a") + purpose, "needs a filename");
  refused(File("", "a") + purpose, "name is empty");
  refused(file + purpose + Field("expires_after[seconds]", "3600"), "together");
  refused(file + purpose + Field("expires_after[seconds]", "1"), "3600 to 2592000");
  EXPECT_EQ(Do("POST", "/v1/files", "{}", {{"content-type", "application/json"}})->status(), 400);
  http::Request list = RequestOf("GET", "/v1/files");
  list.query = "limit=0";
  EXPECT_EQ(Do(std::move(list))->status(), 400);
}

TEST_F(FileRoutesTest, AFileOfAnotherTenantIsNotThereAndItsLabelIsKept) {
  const auto mine = Key({.name = "mine", .tenant = "a", .label_floor = chat::Label::kInternal});
  const auto other = Key({.name = "other", .tenant = "b"});
  HeaderList headers = With(mine);
  headers.emplace_back("x-weir-label", "personal");
  const std::string id = Kept("a.md", "a", headers);
  EXPECT_EQ(Do("GET", "/v1/files/" + id, "", With(mine))->status(), 200);
  for (const char* path : {"", "/content"})
    EXPECT_EQ(Do("GET", "/v1/files/" + id + path, "", With(other))->status(), 404);
  EXPECT_EQ(Do("DELETE", "/v1/files/" + id, "", With(other))->status(), 404);
  EXPECT_EQ(Do("GET", "/v1/files/" + id)->status(), 401);
  const auto kept = RunForTest(loop_, files_->Find("a", id));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->label, chat::Label::kPersonal);
  EXPECT_EQ(kept->label_floor, chat::Label::kInternal);
}

TEST_F(FileRoutesTest, AServerWithoutFilesSaysSo) {
  site_->files = nullptr;
  EXPECT_EQ(Do("GET", "/v1/files")->status(), 503);
  EXPECT_EQ(Do("GET", "/v1/files/file-x")->status(), 503);
  EXPECT_EQ(Post(File("a", "a") + Field("purpose", "evals"))->status(), 503);
}

}  // namespace
}  // namespace weir::server
