// Collections whose documents come to be embedded by another model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "knowledge/passages.h"
#include "knowledge/shelf_for_test.h"

namespace weir::knowledge {
namespace {

using testing::IsEmpty;
using Vectors = std::vector<std::vector<float>>;

constexpr const char* kCollection = "main/default/notes";

class ShelfModelsTest : public ShelfFixture {
 protected:
  // A document of one chunk, embedded by the model that embeds the collection.
  Result<DocumentInfo> Give(const std::string& name, const std::string& text,
                            std::optional<chat::Label> label = {}) {
    const auto admitted = shelf_->Admit({.collection = kCollection,
                                         .name = name,
                                         .bytes = std::make_shared<const std::string>(text),
                                         .label = label,
                                         .model = "old"},
                                        1);
    if (!admitted) return Fail(admitted.error());
    if (admitted->settled) return admitted->document;
    wire::Pages pages;
    pages.blocks.push_back({.begin = 0, .end = text.size(), .text = text});
    auto prepared = shelf_->Prepare(admitted->document, pages, text);
    if (!prepared) return Fail(prepared.error());
    for (size_t i = 0; i < prepared->chunks.size(); ++i) {
      prepared->vectors[i] = VectorOf(admitted->model, prepared->chunks[i].text);
      prepared->labels[i] = label.value_or(chat::Label::kInternal);
    }
    return shelf_->Keep(admitted->document, *prepared, admitted->model, 2);
  }
  // The models see the same in other places, and in other numbers of dimensions.
  static std::vector<float> VectorOf(const std::string& model, const std::string& text) {
    std::vector<float> vector(model == "old" ? 8 : 12, 0.01F);
    const size_t place = static_cast<size_t>(text.front() % 7);
    vector[model == "old" ? place : vector.size() - 1 - place] = 1;
    return vector;
  }
  // Without the title that stands before it.
  static std::string LastLine(const std::string& text) {
    return text.substr(text.find_last_of('\n') + 1);
  }
  static ModelChange To(const std::string& model) {
    return {.collection = kCollection, .model = model};
  }
  // One turn of what gateway/reembedding does. False when there was nothing to embed.
  bool EmbedSome(const ModelChange& change, size_t limit) {
    const auto texts = shelf_->NextTexts(change, limit);
    EXPECT_TRUE(texts) << texts.error().message;
    if (!texts || texts->texts.empty()) return false;
    Vectors vectors;
    for (const std::string& text : texts->texts)
      vectors.push_back(VectorOf(change.model, LastLine(text)));
    const auto given = shelf_->GiveVectors(change, *texts, vectors);
    EXPECT_TRUE(given) << given.error().message;
    return given.has_value();
  }
  std::string Nearest(const std::string& model, const std::string& text) {
    const auto collection = *store_->Find(kCollection);
    const auto* own = OwnSpace(collection->spec().spaces);
    const auto hits = collection->Query({.space = own->name, .vector = VectorOf(model, text)});
    if (!hits || hits->empty()) return hits ? "nothing" : hits.error().param;
    const auto whole = collection->Get(std::vector<std::string>{hits->front().point.id});
    return LastLine(whole->front().text);
  }
};

TEST_F(ShelfModelsTest, TheOldModelAnswersUntilAllIsEmbeddedByTheNew) {
  for (const char* text : {"apple", "bread", "cider", "date", "egg"}) ASSERT_TRUE(Give(text, text));
  const auto begun = shelf_->BeginChange(To("new"));
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(begun->model, "old");
  EXPECT_EQ(begun->points, 5);
  EXPECT_EQ(begun->embedded, 0);
  ASSERT_TRUE(EmbedSome(To("new"), 2));
  EXPECT_EQ(shelf_->Embedding(kCollection)->embedded, 2);
  EXPECT_EQ(Nearest("old", "date"), "date");
  EXPECT_FALSE(shelf_->FinishChange(To("new")).value());
  // What comes meanwhile is embedded by the old one, and its turn comes.
  ASSERT_TRUE(Give("fig", "fig"));
  ASSERT_TRUE(Give("apple", "grape"));
  EXPECT_EQ(Nearest("old", "fig"), "fig");
  while (EmbedSome(To("new"), 2)) EXPECT_EQ(Nearest("old", "bread"), "bread");
  EXPECT_EQ(shelf_->Embedding(kCollection)->embedded, 6);
  ASSERT_TRUE(shelf_->FinishChange(To("new")).value());
  EXPECT_EQ(Nearest("old", "bread"), "vector") << "of another number of dimensions";
  EXPECT_EQ(Nearest("new", "grape"), "grape");
  const auto now = shelf_->Embedding(kCollection);
  EXPECT_EQ(now->model, "new");
  EXPECT_EQ(now->dimensions, 12);
  EXPECT_FALSE(now->next.has_value());
  ASSERT_TRUE(Give("h", "hazel"));
  EXPECT_EQ(Nearest("new", "hazel"), "hazel");
  EXPECT_EQ(shelf_->Collection(kCollection)->documents, 7);
}

TEST_F(ShelfModelsTest, ItGoesOnAfterARestart) {
  for (const char* text : {"apple", "bread", "cider"}) ASSERT_TRUE(Give(text, text));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE(EmbedSome(To("new"), 2));
  Open();
  EXPECT_EQ(shelf_->Changes().value(), (std::vector<ModelChange>{To("new")}));
  EXPECT_EQ(shelf_->Embedding(kCollection)->embedded, 2);
  ASSERT_TRUE(EmbedSome(To("new"), 2));
  ASSERT_TRUE(shelf_->FinishChange(To("new")).value());
  Open();
  EXPECT_THAT(shelf_->Changes().value(), IsEmpty());
  EXPECT_EQ(shelf_->Embedding(kCollection)->model, "new");
  EXPECT_EQ(Nearest("new", "cider"), "cider");
}

TEST_F(ShelfModelsTest, ACrashBetweenTheTwoDatabasesIsMended) {
  ASSERT_TRUE(Give("apple", "apple"));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE(EmbedSome(To("new"), 2));
  // The store's step, and none of the registry's.
  ASSERT_TRUE(store_->ReplaceSpace(kCollection, "", "weir-next"));
  Open();
  EXPECT_THAT(shelf_->Changes().value(), IsEmpty());
  EXPECT_EQ(shelf_->Embedding(kCollection)->model, "new");
  EXPECT_FALSE(shelf_->Embedding(kCollection)->next.has_value());
  ASSERT_TRUE(Give("bread", "bread"));
  EXPECT_EQ(Nearest("new", "bread"), "bread");
}

TEST_F(ShelfModelsTest, ADocumentThatWasEmbeddedByTheOldModelBeginsAgain) {
  ASSERT_TRUE(Give("apple", "apple"));
  const std::string text = "bread";
  const auto admitted = shelf_->Admit({.collection = kCollection,
                                       .name = "bread",
                                       .bytes = std::make_shared<const std::string>(text),
                                       .model = "old"},
                                      1);
  wire::Pages pages;
  pages.blocks.push_back({.begin = 0, .end = text.size(), .text = text});
  auto prepared = shelf_->Prepare(admitted->document, pages, text);
  prepared->vectors[0] = VectorOf("old", text);
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE(EmbedSome(To("new"), 9));
  ASSERT_TRUE(shelf_->FinishChange(To("new")).value());
  const auto kept = shelf_->Keep(admitted->document, *prepared, "old", 2);
  EXPECT_EQ(kept.error().reason, "model_changed");
  ASSERT_TRUE(Give("bread", text));
  EXPECT_EQ(Nearest("new", "bread"), "bread");
}

TEST_F(ShelfModelsTest, AChangeIsCancelledOrTurnedToAnotherModel) {
  ASSERT_TRUE(Give("apple", "apple"));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE(EmbedSome(To("new"), 9));
  const auto cancelled = shelf_->CancelChange(kCollection);
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_EQ(cancelled->model, "old");
  EXPECT_EQ((*store_->Find(kCollection))->spec().spaces.size(), 1U);
  const auto texts = shelf_->NextTexts(To("new"), 9);
  EXPECT_EQ(shelf_->GiveVectors(To("new"), *texts, {VectorOf("new", "a")}).error().reason,
            "change_cancelled");
  EXPECT_EQ(shelf_->FinishChange(To("new")).error().reason, "change_cancelled");

  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE(EmbedSome(To("new"), 9));
  EXPECT_EQ(shelf_->BeginChange(To("third"))->embedded, 0);
  EXPECT_EQ(shelf_->FinishChange(To("new")).error().reason, "change_cancelled");
  // Back to the one it has: none is under way.
  EXPECT_FALSE(shelf_->BeginChange(To("old"))->next.has_value());
  EXPECT_THAT(shelf_->Changes().value(), IsEmpty());
}

TEST_F(ShelfModelsTest, TheHighestLabelOfABatchIsKnown) {
  ASSERT_TRUE(Give("apple", "apple", chat::Label::kInternal));
  ASSERT_TRUE(Give("bread", "bread", chat::Label::kPersonal));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  EXPECT_EQ(shelf_->NextTexts(To("new"), 9)->label, chat::Label::kPersonal);
}

TEST_F(ShelfModelsTest, AnEmptyCollectionLearnsItsDimensions) {
  ASSERT_TRUE(Give("apple", "apple"));
  ASSERT_TRUE(shelf_->Remove(kCollection, "apple", 3));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  const auto texts = shelf_->NextTexts(To("new"), 9);
  EXPECT_THAT(texts->texts, IsEmpty());
  EXPECT_FALSE(texts->knows_dimensions);
  ASSERT_TRUE(shelf_->GiveVectors(To("new"), *texts, {VectorOf("new", "x")}));
  EXPECT_TRUE(shelf_->NextTexts(To("new"), 9)->knows_dimensions);
  ASSERT_TRUE(shelf_->FinishChange(To("new")).value());
  ASSERT_TRUE(Give("bread", "bread"));
  EXPECT_EQ(Nearest("new", "bread"), "bread");
}

TEST_F(ShelfModelsTest, WhatHindersItIsRememberedUntilItGoesOn) {
  ASSERT_TRUE(Give("apple", "apple"));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE(shelf_->NoteProblem(To("new"), {Code::kNotFound, "there is no model new"}));
  EXPECT_EQ(shelf_->Embedding(kCollection)->next->problem, "there is no model new");
  ASSERT_TRUE(EmbedSome(To("new"), 9));
  EXPECT_EQ(shelf_->Embedding(kCollection)->next->problem, "");
}

TEST_F(ShelfModelsTest, WhatOthersPutInIsTheirs) {
  EXPECT_EQ(shelf_->BeginChange(To("new")).error().code, Code::kNotFound);
  ASSERT_TRUE(store_->Create({.name = kCollection, .spaces = {{.dimensions = 8}}}));
  EXPECT_EQ(shelf_->BeginChange(To("new")).error().reason, "not_embedded_here");
  ASSERT_TRUE(Give("apple", "apple"));
  const vectors::Point bare{.id = "bare", .vectors = {{"", VectorOf("old", "b")}}};
  const vectors::Point words{.id = "words", .text = "no vector, no harm"};
  ASSERT_TRUE((*store_->Find(kCollection))->Upsert({{words}}));
  ASSERT_TRUE(shelf_->BeginChange(To("new")));
  ASSERT_TRUE((*store_->Find(kCollection))->Upsert({{bare}}));
  EXPECT_EQ(shelf_->NextTexts(To("new"), 9).error().reason, "no_text");
  ASSERT_TRUE((*store_->Find(kCollection))->Delete(std::vector<std::string>{"bare"}));
  while (EmbedSome(To("new"), 9)) {
  }
  EXPECT_TRUE(shelf_->FinishChange(To("new")).value());
  ASSERT_TRUE(shelf_->BeginChange(To("old")));
  ASSERT_TRUE(store_->Drop(kCollection));
  EXPECT_THAT(shelf_->Changes().value(), IsEmpty());
}

}  // namespace
}  // namespace weir::knowledge
