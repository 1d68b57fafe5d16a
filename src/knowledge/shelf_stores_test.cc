// Collections as vector stores: the registry and the vector database in step, without a reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "knowledge/attributes.h"
#include "knowledge/shelf_for_test.h"

namespace weir::knowledge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kTenant = "main";

class StoresTest : public ShelfFixture {
 protected:
  StoreInfo Make(const std::string& id, const std::string& name = "", int64_t now_s = 100) {
    auto made = shelf_->CreateStore(
        {.collection = "main/default/" + id, .name = name, .created_s = now_s, .active_s = now_s});
    EXPECT_TRUE(made) << made.error().message;
    return made.value_or(StoreInfo());
  }
  StoreInfo Look(const std::string& id) {
    auto found = shelf_->FindStore(std::string(kTenant), id);
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(StoreInfo());
  }
  std::vector<DocumentInfo> Attach(const StoreInfo& store, std::vector<FileWish> wishes,
                                   const std::string& batch = "", int64_t now_s = 100) {
    auto attached = shelf_->Attach(store.collection, wishes, batch, now_s);
    EXPECT_TRUE(attached) << attached.error().message;
    return attached.value_or(std::vector<DocumentInfo>());
  }
  // As gateway/file_reading does it; false when nobody wanted it any more.
  bool ReadIt(const DocumentInfo& document, const std::string& text = "Tides come and go.") {
    auto admitted = shelf_->Admit({.collection = document.collection,
                                   .name = document.name,
                                   .bytes = std::make_shared<const std::string>(text),
                                   .model = "m",
                                   .file_id = document.file_id},
                                  100);
    if (!admitted) return false;
    return Keep(*admitted, text);
  }
  bool Keep(const Admitted& admitted, const std::string& text = "Tides come and go.") {
    const wire::Pages pages{.blocks = {{.end = text.size(), .text = text}}};
    auto prepared = shelf_->Prepare(admitted.document, pages, text);
    EXPECT_TRUE(prepared);
    for (auto& vector : prepared->vectors) vector = {1, 0, 0};
    return shelf_->Keep(admitted.document, *prepared, "m", 100).has_value();
  }
  std::vector<std::string> Found(const StoreInfo& store, const chat::AttributeFilter& filter = {}) {
    std::vector<std::string> names;
    const auto collection = store_->Find(store.collection);
    if (!collection || (*collection)->spec().spaces.empty()) return names;
    const auto passages = FindPassages(
        **collection,
        {.vector = {1, 0, 0}, .text = "tides", .hits = 10, .filter = FilterOf(filter)});
    EXPECT_TRUE(passages) << passages.error().message;
    for (const Passage& passage : passages.value_or(std::vector<Passage>()))
      names.push_back(passage.file_id);
    std::ranges::sort(names);
    return names;
  }
  static chat::AttributeFilter Of(std::string key, chat::AttributeValue value) {
    return {.kind = chat::AttributeFilter::Kind::kEqual,
            .key = std::move(key),
            .values = {std::move(value)}};
  }
};

TEST_F(StoresTest, AFileGoesFromWaitingToFoundAlsoOverAStart) {
  const StoreInfo store = Make("vs_1", "Papers");
  EXPECT_EQ(Look("vs_1").name, "Papers");
  const auto documents = Attach(store, {{.file_id = "file-a", .name = "tide.md", .bytes = 18}});
  Open();
  EXPECT_EQ(Look("vs_1").files, (FileCounts{.reading = 1}));
  auto waiting = shelf_->Waiting(10);
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 1U);
  EXPECT_EQ(waiting->front().name, "tide.md");
  ASSERT_TRUE(ReadIt(waiting->front()));
  EXPECT_THAT(*shelf_->Waiting(10), IsEmpty());
  EXPECT_THAT(Found(store), ElementsAre("file-a"));
  const StoreInfo after = Look("Papers");
  EXPECT_EQ(after.files, (FileCounts{.ready = 1}));
  EXPECT_EQ(after.bytes, 18 + 3 * 4);
  EXPECT_EQ(*shelf_->Texts(*shelf_->FindFile(store.collection, "file-a")),
            std::vector<std::string>{"Tides come and go."});
}

TEST_F(StoresTest, FilesOfOneNameAndOneContentAreApart) {
  const StoreInfo store = Make("vs_1");
  for (const DocumentInfo& document :
       Attach(store, {{.file_id = "file-a", .name = "a.md", .attributes = {{"n", int64_t{1}}}},
                      {.file_id = "file-b", .name = "a.md", .attributes = {{"n", int64_t{2}}}},
                      {.file_id = "file-b", .name = "a.md"}})) {
    ASSERT_TRUE(ReadIt(document));
  }
  EXPECT_EQ(Look("vs_1").files, (FileCounts{.ready = 2}));
  EXPECT_THAT(Found(store), ElementsAre("file-a", "file-b"));
  EXPECT_THAT(Found(store, Of("n", int64_t{2})), ElementsAre("file-b"));
  EXPECT_EQ(shelf_->FindFile(store.collection, "file-b")->name, "file-b/a.md");
}

TEST_F(StoresTest, AttributesThatChangeAreFoundByAtOnce) {
  const StoreInfo store = Make("vs_1");
  const auto documents =
      Attach(store, {{.file_id = "file-a", .name = "a.md", .attributes = {{"old", true}}}});
  ASSERT_TRUE(ReadIt(documents[0]));
  EXPECT_THAT(Found(store, Of("old", true)), ElementsAre("file-a"));
  ASSERT_TRUE(
      shelf_->ChangeAttributes(*shelf_->FindFile(store.collection, "file-a"), {{"new", 1.5}}, 101));
  EXPECT_THAT(Found(store, Of("old", true)), IsEmpty());
  EXPECT_THAT(Found(store, Of("new", 1.5)), ElementsAre("file-a"));
  // While it is read, they are kept with what comes of that.
  Attach(store, {{.file_id = "file-a", .name = "a.md", .attributes = {{"x", int64_t{1}}}}});
  auto admitted = shelf_->Admit({.collection = store.collection,
                                 .name = "a.md",
                                 .bytes = std::make_shared<const std::string>("More."),
                                 .model = "m",
                                 .file_id = "file-a"},
                                102);
  ASSERT_TRUE(admitted) << admitted.error().message;
  ASSERT_TRUE(
      shelf_->ChangeAttributes(*shelf_->FindFile(store.collection, "file-a"), {{"y", true}}, 103));
  ASSERT_TRUE(Keep(*admitted, "More tides."));
  EXPECT_THAT(Found(store, Of("y", true)), ElementsAre("file-a"));
  EXPECT_THAT(Found(store, Of("x", int64_t{1})), IsEmpty());
}

TEST_F(StoresTest, WhatIsCancelledOrRemovedWhileItIsReadComesToNothing) {
  const StoreInfo store = Make("vs_1");
  const auto documents = Attach(store,
                                {{.file_id = "file-a", .name = "a.md"},
                                 {.file_id = "file-b", .name = "b.md"},
                                 {.file_id = "file-c", .name = "c.md"}},
                                "batch-1");
  ASSERT_TRUE(ReadIt(documents[0]));
  const auto under_way = shelf_->Admit({.collection = store.collection,
                                        .name = "b.md",
                                        .bytes = std::make_shared<const std::string>("x"),
                                        .model = "m",
                                        .file_id = "file-b"},
                                       100);
  ASSERT_TRUE(under_way);
  const auto cancelled = shelf_->CancelBatch(store.collection, "batch-1");
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_TRUE(cancelled->cancelled);
  EXPECT_EQ(cancelled->files, (FileCounts{.ready = 1, .cancelled = 2}));
  EXPECT_FALSE(Keep(*under_way));
  EXPECT_FALSE(ReadIt(documents[2]));
  EXPECT_THAT(*shelf_->Waiting(10), IsEmpty());
  EXPECT_THAT(Found(store), ElementsAre("file-a"));

  Attach(store, {{.file_id = "file-d", .name = "d.md"}});
  const auto removed = shelf_->Admit({.collection = store.collection,
                                      .name = "d.md",
                                      .bytes = std::make_shared<const std::string>("x"),
                                      .model = "m",
                                      .file_id = "file-d"},
                                     100);
  ASSERT_TRUE(shelf_->RemoveFile(std::string(kTenant), "file-d", 100));
  EXPECT_FALSE(Keep(*removed));
  ASSERT_TRUE(shelf_->RemoveFile("other", "file-a", 100));
  EXPECT_THAT(Found(store), ElementsAre("file-a")) << "another tenant's word";
}

TEST_F(StoresTest, AStoreThatIsRemovedTakesAllOfItWithItAndOthersStay) {
  const StoreInfo store = Make("vs_1", "same");
  const StoreInfo other = Make("vs_10", "same");
  ASSERT_TRUE(ReadIt(Attach(store, {{.file_id = "file-a", .name = "a.md"}})[0]));
  ASSERT_TRUE(ReadIt(Attach(other, {{.file_id = "file-a", .name = "a.md"}})[0]));
  const auto waiting = Attach(store, {{.file_id = "file-b", .name = "b.md"}}, "batch-1");
  EXPECT_EQ(shelf_->FindStore("main", "same").error().reason, "name_ambiguous");
  ASSERT_TRUE(shelf_->RemoveStore(store.collection));
  EXPECT_FALSE(ReadIt(waiting[0]));
  EXPECT_EQ(shelf_->FindStore("main", "vs_1").error().reason, "collection_not_found");
  EXPECT_EQ(Look("same").collection, other.collection);
  EXPECT_THAT(Found(other), ElementsAre("file-a"));
  EXPECT_FALSE(store_->Find(store.collection));
  EXPECT_EQ(shelf_->FindStore("other", "vs_10").error().code, Code::kNotFound);
}

TEST_F(StoresTest, WhatWaitsForACollectionThatWasDroppedElsewhereIsForgotten) {
  const StoreInfo store = Make("vs_1");
  Attach(store, {{.file_id = "file-a", .name = "a.md"}});
  ASSERT_TRUE(store_->Drop(store.collection));
  EXPECT_THAT(*shelf_->Waiting(10), IsEmpty());
  EXPECT_FALSE(store_->Find(store.collection)) << "it is not made again";
}

TEST_F(StoresTest, FilesAreListedInPagesAndByStatus) {
  const StoreInfo store = Make("vs_1");
  std::vector<DocumentInfo> documents;
  for (const char* name : {"a", "b", "c", "d"}) {
    documents.push_back(Attach(store, {{.file_id = std::string("file-") + name, .name = name}}, "",
                               100 + static_cast<int64_t>(documents.size()))[0]);
  }
  ASSERT_TRUE(ReadIt(documents[1]));
  const auto names = [&](const FilesQuery& query) {
    std::vector<std::string> out;
    for (const DocumentInfo& document : shelf_->Files(store.collection, query).value())
      out.push_back(document.name);
    return out;
  };
  EXPECT_THAT(names({}), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(names({.status = DocumentStatus::kReady}), ElementsAre("b"));
  EXPECT_THAT(names({.after = "file-c", .limit = 1}), ElementsAre("b"));
  EXPECT_THAT(names({.before = "file-b", .limit = 1}), ElementsAre("c"));
  EXPECT_THAT(names({.before = "file-c", .limit = 5, .oldest_first = true}), ElementsAre("a", "b"));
  EXPECT_FALSE(shelf_->Files(store.collection, {.after = "file-x"}));
}

TEST_F(StoresTest, AnExpiredStoreSaysSoAndLosesItsFiles) {
  constexpr int64_t kDayS = 86'400;
  StoreInfo store = Make("vs_1");
  store = shelf_->ChangeStore(store, {.expires_days = 2}, 100).value();
  ASSERT_TRUE(ReadIt(Attach(store, {{.file_id = "file-a", .name = "a.md"}})[0]));
  ASSERT_TRUE(shelf_->ForSearch("main", "vs_1", kDayS)) << "a search keeps it alive";
  ASSERT_TRUE(shelf_->EmptyExpired(3 * kDayS - 1));
  EXPECT_THAT(Found(store), ElementsAre("file-a"));
  EXPECT_EQ(shelf_->ForSearch("main", "vs_1", 3 * kDayS).error().reason, "vector_store_expired");
  EXPECT_EQ(shelf_->Attach(store.collection, {{.file_id = "file-b"}}, "", 3 * kDayS).error().code,
            Code::kConflict);
  ASSERT_TRUE(shelf_->EmptyExpired(3 * kDayS));
  EXPECT_THAT(Found(store), IsEmpty());
  const StoreInfo after = Look("vs_1");
  EXPECT_TRUE(after.HasExpired(3 * kDayS));
  EXPECT_EQ(after.files.total(), 0);
}

TEST_F(StoresTest, ACollectionOfDocumentsIsAStoreToo) {
  auto admitted = shelf_->Admit({.collection = "main/default/papers",
                                 .name = "papers/a.md",
                                 .bytes = std::make_shared<const std::string>("Tides."),
                                 .model = "m"},
                                100);
  ASSERT_TRUE(admitted);
  ASSERT_TRUE(Keep(*admitted));
  const StoreInfo papers = Look("papers");
  EXPECT_EQ(papers.name, "papers");
  EXPECT_FALSE(papers.made_here);
  EXPECT_EQ(papers.files.ready, 1);
  EXPECT_EQ(papers.created_s, 100);
  const auto files = shelf_->Files(papers.collection, {});
  ASSERT_EQ(files->size(), 1U);
  EXPECT_EQ(FileIdOf(files->front()), admitted->document.id);
  EXPECT_TRUE(shelf_->FindFile(papers.collection, admitted->document.id));
  ASSERT_TRUE(shelf_->ChangeAttributes(files->front(), {{"by", std::string("Ada")}}, 101));
  EXPECT_THAT(Found(papers, Of("by", "Ada")), ElementsAre(admitted->document.id));
  // And the names of files of both ways do not get in each other's way.
  ASSERT_TRUE(ReadIt(Attach(papers, {{.file_id = "file-a", .name = "papers/a.md"}})[0]));
  EXPECT_EQ(Look("papers").files.ready, 2);
  ASSERT_TRUE(ReadIt(Attach(papers, {{.file_id = "file-b", .name = "b.md"}})[0]));
  const auto taken = shelf_->Admit({.collection = papers.collection,
                                    .name = "b.md",
                                    .bytes = std::make_shared<const std::string>("x"),
                                    .model = "m"},
                                   102);
  EXPECT_EQ(taken.error().reason, "name_taken");
}

}  // namespace
}  // namespace weir::knowledge
