#include "gateway/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "backends/fake_document_reader.h"
#include "gateway/retrieve.h"

namespace weir::gateway {
namespace {

using chat::Label;
using testing::ElementsAre;
using testing::HasSubstr;

class IngestTest : public testing::Test {
 protected:
  IngestTest() {
    std::string pattern = testing::TempDir() + "weir-ingest-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    store_ = vectors::Store::Open(folder_ / "vectors").value();
    library_ = knowledge::Library::Open(folder_, *store_, loop_.executor(), SystemClock()).value();
    documents_.emplace(Documents{.library = *library_,
                                 .reader = reader_,
                                 .model_name = [](const std::string&) { return "m-e"; }});
    policy_.targets = {{.name = "embedding", .model = "m-e", .generates = false, .embeds = true}};
  }
  ~IngestTest() override {
    library_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Result<Ingested> Give(const std::string& name, const std::string& text, const Asked& asked = {}) {
    return RunForTest(loop_, Ingest(gateway_, *documents_, asked,
                                    {.collection = "notes", .name = name, .bytes = text}));
  }
  knowledge::DocumentInfo Stored(const std::string& name) {
    return RunForTest(loop_, library_->Find("main/default/notes", name)).value();
  }
  Result<std::vector<knowledge::Passage>> Ask(const std::string& text) {
    return RunForTest(loop_, Retrieve(gateway_, *documents_, {}, {.collections = {"notes"}}, text));
  }

  Loop loop_;
  std::filesystem::path folder_;
  std::shared_ptr<vectors::Store> store_;
  std::unique_ptr<knowledge::Library> library_;
  backends::FakeDocumentReader reader_;
  std::optional<Documents> documents_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
};

TEST_F(IngestTest, ADocumentIsReadOnceAndKeptWithItsLabel) {
  const auto first = Give("a.txt", "Tides come and go.", {.label = Label::kPersonal});
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->embedded, 1U);
  EXPECT_EQ(first->document.found_label, Label::kPersonal);
  const auto again = Give("a.txt", "Tides come and go.", {.label = Label::kPersonal});
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->unchanged);
  EXPECT_EQ(reader_.reads, 1);
  const auto raised = Give("a.txt", "Tides come and go.", {.label = Label::kSecret});
  ASSERT_TRUE(raised.has_value());
  EXPECT_EQ(raised->embedded, 0U) << "a label changes no vector";
  EXPECT_EQ(Stored("a.txt").found_label, Label::kSecret);
}

TEST_F(IngestTest, WhatADocumentIsToBlameForIsKeptAndWhatItIsNotIsNot) {
  reader_.failure = Error{Code::kUnprocessable, "broken", "document", "broken_document"};
  EXPECT_EQ(Give("a.txt", "x").error().reason, "broken_document");
  EXPECT_EQ(Stored("a.txt").status, knowledge::DocumentStatus::kFailed);
  reader_.failure = Error{Code::kUnavailable, "no reader can be started"};
  EXPECT_EQ(Give("b.txt", "y").error().code, Code::kUnavailable);
  EXPECT_EQ(Stored("b.txt").status, knowledge::DocumentStatus::kReading);
  reader_.failure.reset();
  EXPECT_EQ(Give("c.png", std::string("\x89PNG\0\0", 6)).error().reason, "unsupported_document");
  backend_.models["m-e"].refusal = Error{Code::kBackendFailed, "gone", "", "backend_failed"};
  EXPECT_FALSE(Give("d.txt", "z").has_value());
  EXPECT_EQ(Stored("d.txt").status, knowledge::DocumentStatus::kReading);
  backend_.models["m-e"].refusal.reset();
  EXPECT_TRUE(Give("d.txt", "z").has_value());
  EXPECT_EQ(Stored("d.txt").status, knowledge::DocumentStatus::kReady);
}

TEST_F(IngestTest, TenantsDoNotSeeEachOthersCollections) {
  ASSERT_TRUE(Give("a.txt", "Tides come and go.").has_value());
  Asked other;
  other.principal.tenant = "other";
  const auto asked = RunForTest(
      loop_, Retrieve(gateway_, *documents_, other, {.collections = {"notes"}}, "tides"));
  ASSERT_FALSE(asked.has_value());
  EXPECT_EQ(asked.error().message, "there is no collection notes here");
}

TEST_F(IngestTest, NamesAreChecked) {
  for (const std::string& name : {std::string(), std::string(2000, 'x'), std::string("a\nb")})
    EXPECT_EQ(Give(name, "x").error().param, "document");
}

TEST_F(IngestTest, PassagesRaiseTheLabelOfWhoIsGivenThem) {
  ASSERT_TRUE(Give("a.txt", "Tides come and go.", {.label = Label::kPersonal}).has_value());
  const auto passages = Ask("When do tides come?");
  ASSERT_TRUE(passages.has_value()) << passages.error().message;
  ASSERT_EQ(passages->size(), 1U);
  Asked asked;
  chat::GenerateRequest request{
      .messages = {{.role = chat::Role::kUser, .parts = {{.text = "When do tides come?"}}}}};
  EXPECT_EQ(QuestionOf(request), "When do tides come?");
  GivePassages(*passages, asked, request);
  EXPECT_EQ(asked.passages_label, Label::kPersonal);
  ASSERT_EQ(request.messages.size(), 2U);
  EXPECT_EQ(request.messages[0].role, chat::Role::kSystem);
  EXPECT_THAT(chat::TextOf(request.messages[0]), HasSubstr("[1] a.txt, line 1\nTides come"));
  EXPECT_EQ(LabelOf(gateway_, asked, "auto", request.messages, {}, {}).value().label,
            Label::kPersonal);
  asked.passages_label = Label::kPublic;
  EXPECT_EQ(LabelOf(gateway_, asked, "auto", request.messages, {}, {}).value().label,
            Label::kInternal)
      << "a public passage does not make a request public";
}

TEST_F(IngestTest, NothingFoundIsSaidToTheModel) {
  Asked asked;
  chat::GenerateRequest request{
      .messages = {{.role = chat::Role::kSystem, .parts = {{.text = "Be brief."}}},
                   {.role = chat::Role::kUser, .parts = {{.text = "x"}}}}};
  GivePassages({}, asked, request);
  EXPECT_THAT(chat::TextOf(request.messages[0]), HasSubstr("nothing in them has to do with"));
  EXPECT_EQ(request.messages.size(), 2U);
  EXPECT_FALSE(asked.passages_label.has_value());
}

TEST_F(IngestTest, SearchesAreChecked) {
  EXPECT_EQ(Ask("x").error().reason, "collection_not_found");
  const auto ask = [&](const chat::FileSearch& where, const std::string& text) {
    return RunForTest(loop_, Retrieve(gateway_, *documents_, {}, where, text)).error().param;
  };
  EXPECT_EQ(ask({.collections = {}}, "x"), "collections");
  EXPECT_EQ(ask({.collections = {"notes"}}, ""), "query");
  EXPECT_EQ(ask({.collections = {"notes"}, .hits = 51}, "x"), "k");
  EXPECT_EQ(ask({.collections = {"a/b"}}, "x"), "collection");
}

}  // namespace
}  // namespace weir::gateway
