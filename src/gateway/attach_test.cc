#include "gateway/attach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "backends/fake_document_reader.h"
#include "gateway/file_reading.h"
#include "gateway/retrieve.h"
#include "knowledge/shelf.h"

namespace weir::gateway {
namespace {

using chat::Label;
using knowledge::DocumentStatus;
using testing::ElementsAre;

class AttachTest : public testing::Test {
 protected:
  AttachTest() {
    std::string pattern = testing::TempDir() + "weir-attach-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    policy_.targets = {{.name = "embedding", .model = "m-e", .generates = false, .embeds = true}};
    Open();
    made_ = OnShelf<knowledge::StoreInfo>([](knowledge::Shelf& shelf, int64_t now_s) {
      return shelf.CreateStore({.collection = "main/default/vs_1", .active_s = now_s});
    });
  }
  ~AttachTest() override {
    Close();
    std::filesystem::remove_all(folder_);
  }

  void Open() {
    store_ = vectors::Store::Open(folder_ / "vectors").value();
    library_ = knowledge::Library::Open(folder_, *store_, loop_.executor(), SystemClock()).value();
    documents_.emplace(Documents{.library = *library_,
                                 .reader = reader_,
                                 .model_name = [](const std::string&) { return "m-e"; }});
    files_ = files::Store::Open(folder_, loop_.executor(), SystemClock()).value();
    reading_.emplace(loop_.executor(), gateway_, *documents_, *files_);
  }
  void Close() {
    if (reading_) RunForTest(loop_, reading_->End());
    reading_.reset();
    files_.reset();
    documents_.reset();
    library_.reset();
    store_.reset();
  }

  template <class T, class Call>
  T OnShelf(Call call) {
    auto done = RunForTest(loop_, library_->OnShelf<T>(std::move(call)));
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(T());
  }
  std::string Kept(const std::string& name, const std::string& text,
                   std::optional<Label> label = {}, Label floor = Label::kPublic) {
    const auto body = std::make_shared<const std::string>(text);
    return RunForTest(loop_, files_->Put("main", {.name = name,
                                                  .purpose = "assistants",
                                                  .holder = body,
                                                  .content = *body,
                                                  .label = label,
                                                  .label_floor = floor}))
        ->id;
  }
  Result<std::vector<knowledge::DocumentInfo>> Give(const std::string& file_id,
                                                    const Asked& asked = {}) {
    std::vector<FileAsked> wanted = {{.file_id = file_id}};
    auto attached = RunForTest(
        loop_, Attach(*documents_, *files_, asked, "main/default/vs_1", std::move(wanted), ""));
    reading_->Wake();
    return attached;
  }
  knowledge::DocumentInfo Look(const std::string& file_id) {
    return OnShelf<knowledge::DocumentInfo>([file_id](knowledge::Shelf& shelf, int64_t) {
      return shelf.FindFile("main/default/vs_1", file_id);
    });
  }
  // What became of a file, once something has.
  knowledge::DocumentInfo Done(const std::string& file_id) {
    while (Look(file_id).status == DocumentStatus::kReading) {
    }
    return Look(file_id);
  }

  Loop loop_;
  std::filesystem::path folder_;
  std::shared_ptr<vectors::Store> store_;
  std::unique_ptr<knowledge::Library> library_;
  backends::FakeDocumentReader reader_;
  std::optional<Documents> documents_;
  std::unique_ptr<files::Store> files_;
  std::optional<FileReading> reading_;
  knowledge::StoreInfo made_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
};

TEST_F(AttachTest, AFileIsReadInTheBackgroundWithItsLabelAndWhatItsKeyMustHave) {
  reading_->Begin();
  const std::string plain = Kept("a.txt", "Tides come and go.");
  const std::string personal = Kept("b.txt", "Boats come and go.", Label::kPersonal);
  const std::string floored = Kept("c.txt", "Gulls come and go.", {}, Label::kSecret);
  for (const std::string& id : {plain, personal, floored}) ASSERT_TRUE(Give(id));
  EXPECT_EQ(Done(plain).status, DocumentStatus::kReady);
  EXPECT_EQ(Done(plain).found_label, Label::kInternal);
  EXPECT_EQ(Done(personal).found_label, Label::kPersonal);
  EXPECT_EQ(Done(floored).found_label, Label::kSecret);
  const auto found =
      RunForTest(loop_, Retrieve(gateway_, *documents_, {}, {.collections = {"vs_1"}}, "tides"));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->front().file_id, plain);
}

TEST_F(AttachTest, WhatWaitsWhenTheServerEndsIsReadByTheNext) {
  const std::string id = Kept("a.txt", "Tides come and go.");
  ASSERT_TRUE(Give(id));
  Close();
  Open();
  EXPECT_EQ(Look(id).status, DocumentStatus::kReading);
  reading_->Begin();
  EXPECT_EQ(Done(id).status, DocumentStatus::kReady);
}

TEST_F(AttachTest, AFileThatCannotBeReadSaysWhyAndTheOthersGoOn) {
  reading_->Begin();
  const std::string picture = Kept("a.png", std::string("\x89PNG\0\0", 6));
  const std::string gone = Kept("gone.txt", "x");
  ASSERT_TRUE(Give(picture));
  const std::string good = Kept("b.txt", "Tides.");
  ASSERT_TRUE(Give(good));
  EXPECT_EQ(Done(picture).reason, "unsupported_document");
  EXPECT_EQ(Done(good).status, DocumentStatus::kReady);
  EXPECT_EQ(Give("file-never").error().reason, "file_not_found");
  reader_.failure = Error{Code::kUnprocessable, "broken", "document", "broken_document"};
  ASSERT_TRUE(Give(gone));
  EXPECT_EQ(Done(gone).reason, "broken_document");
}

TEST_F(AttachTest, AFileThatIsDeletedBeforeItIsReadIsFailed) {
  const std::string id = Kept("a.txt", "Tides.");
  ASSERT_TRUE(Give(id));
  ASSERT_TRUE(RunForTest(loop_, files_->Remove("main", id)));
  reading_->Begin();
  const auto document = Done(id);
  EXPECT_EQ(document.status, DocumentStatus::kFailed);
  EXPECT_EQ(document.reason, "file_not_found");
}

TEST_F(AttachTest, WhatMayPassIsTriedAgain) {
  FakeClock clock;
  Gateway gateway{.clock = clock, .engines = backend_, .policy = gateway_.policy};
  FileReading reading(loop_.executor(), gateway, *documents_, *files_);
  const std::string id = Kept("a.txt", "Tides.");
  ASSERT_TRUE(Give(id));
  reader_.failure = Error{Code::kUnavailable, "no reader can be started"};
  reading.Begin();
  for (int attempt = 1; attempt <= FileReading::kAttemptsMax; ++attempt) {
    reading.Wake();
    ASSERT_TRUE(RunUntilTrue(loop_, [&] { return reader_.reads == attempt; })) << attempt;
    if (attempt < FileReading::kAttemptsMax) {
      EXPECT_EQ(Look(id).status, DocumentStatus::kReading);
    }
    clock.Advance(std::chrono::minutes(10));
    reading.Wake();
  }
  const auto document = Done(id);
  EXPECT_EQ(document.status, DocumentStatus::kFailed);
  EXPECT_EQ(document.message, "no reader can be started");
  RunForTest(loop_, reading.End());
}

TEST_F(AttachTest, AKeyThatMayNotEmbedAddsNothing) {
  Asked asked;
  asked.principal.grant = std::make_shared<const chat::Grant>(chat::Grant{.models = {"small"}});
  const auto refused = Give(Kept("a.txt", "x"), asked);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "model_not_allowed");
}

TEST(TextOfAsked, SaysWhoAskedAndIsReadBack) {
  Asked asked;
  asked.principal = {.key_id = "key_1",
                     .key_name = "laptop",
                     .project = "hr",
                     .user = "ada",
                     .label_floor = Label::kInternal,
                     .may_assert_label = true};
  const Asked back = AskedOfText(TextOfAsked(asked, Label::kPersonal), "t");
  EXPECT_EQ(back.principal.key_id, "key_1");
  EXPECT_EQ(back.principal.key_name, "laptop");
  EXPECT_EQ(back.principal.project, "hr");
  EXPECT_EQ(back.principal.user, "ada");
  EXPECT_EQ(back.principal.tenant, "t");
  EXPECT_EQ(back.principal.label_floor, Label::kPersonal);
  EXPECT_TRUE(back.principal.may_assert_label);
  EXPECT_EQ(AskedOfText("", "t").principal.label_floor, Label::kUnscanned);
}

}  // namespace
}  // namespace weir::gateway
