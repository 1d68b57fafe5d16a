#include "knowledge/shelf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <functional>
#include <optional>

#include "knowledge/shelf_for_test.h"

namespace weir::knowledge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Counts words: near to a text with the same ones, at right angles to a text with none of them.
std::vector<float> VectorOf(const std::string& text) {
  std::vector<float> vector(512, 0);
  uint64_t hash = 0;
  for (const char c : text + ' ') {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    } else if (hash != 0) {
      vector[(hash >> 20) % vector.size()] += 1;
      hash = 0;
    }
  }
  return vector;
}

class ShelfTest : public ShelfFixture {
 protected:
  static wire::Pages PagesOf(const std::string& text) {
    wire::Pages pages;
    size_t at = 0;
    while (at < text.size()) {
      const size_t end = std::min(text.find("\n\n", at), text.size());
      pages.blocks.push_back({.begin = at, .end = end, .text = text.substr(at, end - at)});
      at = end + 2;
    }
    return pages;
  }
  static Upload UploadOf(const std::string& name, const std::string& text) {
    return {.collection = "notes",
            .name = name,
            .bytes = std::make_shared<const std::string>(text),
            .model = "m"};
  }
  // As gateway/ingest does it. How many chunks had to be embedded; -1: settled before.
  int Give(const std::string& name, const std::string& text,
           std::optional<chat::Label> label = {}) {
    Upload upload = UploadOf(name, text);
    upload.label = label;
    auto admitted = shelf_->Admit(upload, 1);
    EXPECT_TRUE(admitted.has_value()) << admitted.error().message;
    if (!admitted || admitted->settled) return -1;
    auto prepared = shelf_->Prepare(admitted->document, PagesOf(text), text);
    EXPECT_TRUE(prepared.has_value());
    int embedded = 0;
    for (size_t i = 0; i < prepared->chunks.size(); ++i) {
      prepared->labels[i] = label.value_or(chat::Label::kInternal);
      if (!prepared->vectors[i].empty()) continue;
      prepared->vectors[i] = VectorOf(prepared->chunks[i].text);
      ++embedded;
    }
    const auto kept = shelf_->Keep(admitted->document, *prepared, "m", 2);
    EXPECT_TRUE(kept.has_value()) << kept.error().message;
    return embedded;
  }
  std::vector<std::string> StatusOfAll() {
    std::vector<std::string> out;
    for (const DocumentInfo& d : shelf_->List("notes", "", 100).value())
      out.push_back(d.name + " " + std::string(StatusName(d.status)));
    return out;
  }
  int64_t Points() { return store_->Find("notes").value()->Count().value(); }
  std::vector<Passage> Ask(const std::string& text, size_t context_bytes = 0) {
    return FindPassages(
               *store_->Find("notes").value(),
               {.vector = VectorOf(text), .text = text, .hits = 3, .context_bytes = context_bytes})
        .value();
  }

  static std::string Words(const std::string& word, int count = 220) {
    std::string text;
    for (int i = 0; i < count; ++i) text += word + (i % 9 == 8 ? ". " : " ");
    return text;
  }
};

TEST_F(ShelfTest, WhatDidNotChangeIsSettledAndWhatDidIsEmbeddedInPart) {
  const std::string first = Words("tide");
  EXPECT_EQ(Give("a.md", first + "\n\n" + Words("boat")), 2);
  EXPECT_EQ(Give("a.md", first + "\n\n" + Words("boat")), -1);
  EXPECT_EQ(Give("a.md", first + "\n\n" + Words("gull")), 1) << "one of two chunks is new";
  EXPECT_EQ(Points(), 2);
  EXPECT_THAT(Ask("boat boat"), IsEmpty()) << "the old chunk is gone";
}

TEST_F(ShelfTest, TheSameContentIsKeptOnceAndOutlivesItsFirstName) {
  Give("a.md", Words("tide"));
  EXPECT_EQ(Give("b.md", Words("tide")), -1);
  EXPECT_THAT(StatusOfAll(), ElementsAre("a.md ready", "b.md duplicate"));
  EXPECT_EQ(Points(), 1);
  ASSERT_TRUE(shelf_->Remove("notes", "a.md", 3).has_value());
  EXPECT_THAT(StatusOfAll(), ElementsAre("b.md ready"));
  const auto passages = Ask(Words("tide"));
  ASSERT_EQ(passages.size(), 1U);
  EXPECT_EQ(passages[0].document, "b.md");
}

TEST_F(ShelfTest, ADuplicateStaysFoundWhenTheFirstOneChanges) {
  Give("a.md", Words("tide"));
  Give("b.md", Words("tide"));
  Give("a.md", Words("boat"));
  EXPECT_THAT(StatusOfAll(), ElementsAre("a.md ready", "b.md ready"));
  EXPECT_EQ(Ask(Words("tide")).at(0).document, "b.md");
}

TEST_F(ShelfTest, TheSameContentUnderAHigherLabelIsNoDuplicate) {
  Give("a.md", Words("tide"), chat::Label::kPublic);
  EXPECT_EQ(Give("b.md", Words("tide"), chat::Label::kSecret), 1);
  chat::Label highest = chat::Label::kPublic;
  for (const Passage& passage : Ask(Words("tide"))) highest = chat::Join(highest, passage.label);
  EXPECT_EQ(highest, chat::Label::kSecret);
}

TEST_F(ShelfTest, WhatCannotBeReadIsListedWithItsReason) {
  auto admitted = shelf_->Admit(UploadOf("a.pdf", "%PDF-"), 1);
  ASSERT_TRUE(admitted.has_value());
  EXPECT_THAT(StatusOfAll(), ElementsAre("a.pdf reading"));
  const Error why{Code::kUnprocessable, "it is encrypted", "document", "encrypted_document"};
  ASSERT_TRUE(shelf_->Refuse(admitted->document, why, 2).has_value());
  const auto document = shelf_->Find("notes", "a.pdf");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->reason, "encrypted_document");
  EXPECT_EQ(document->message, "it is encrypted");
  EXPECT_THAT(StatusOfAll(), ElementsAre("a.pdf failed"));
}

TEST_F(ShelfTest, ACrashBetweenAnyTwoStepsIsMendedByGivingItAgain) {
  const std::string text = Words("tide") + "\n\n" + Words("boat");
  auto admitted = shelf_->Admit(UploadOf("a.md", text), 1);
  ASSERT_TRUE(admitted.has_value());
  // The points are there and the registry does not say so yet.
  auto prepared = shelf_->Prepare(admitted->document, PagesOf(text), text);
  for (size_t i = 0; i < prepared->chunks.size(); ++i) {
    prepared->vectors[i] = VectorOf(prepared->chunks[i].text);
    prepared->labels[i] = chat::Label::kInternal;
  }
  ASSERT_TRUE(shelf_->Keep(admitted->document, *prepared, "m", 2).has_value());
  ASSERT_TRUE(Registry::Open(folder_ / "knowledge.db").value().Put(admitted->document).has_value());
  Open();
  EXPECT_THAT(StatusOfAll(), ElementsAre("a.md reading"));
  EXPECT_EQ(Give("a.md", text), 0) << "nothing has to be embedded again";
  EXPECT_EQ(Points(), 2);
  EXPECT_THAT(StatusOfAll(), ElementsAre("a.md ready"));
}

TEST_F(ShelfTest, ACollectionStaysWithItsModel) {
  Give("a.md", Words("tide"));
  Upload upload = UploadOf("b.md", "x");
  upload.model = "other";
  const auto admitted = shelf_->Admit(upload, 1);
  ASSERT_TRUE(admitted.has_value());
  EXPECT_EQ(admitted->model, "m");
}

TEST_F(ShelfTest, ACollectionThatWasDroppedElsewhereBeginsAnew) {
  Give("a.md", Words("tide"));
  ASSERT_TRUE(store_->Drop("notes").has_value());
  EXPECT_EQ(Give("a.md", Words("tide")), 1);
  EXPECT_EQ(Points(), 1);
}

TEST_F(ShelfTest, HitsAreWidenedToWhatStandsAroundThem) {
  const std::string text = Words("gull") + "\n\n" + Words("tide") + "\n\n" + Words("boat");
  Give("a.md", text);
  EXPECT_EQ(Ask(Words("tide")).size(), 1U);
  const auto passages = Ask(Words("tide"), 3'000);
  ASSERT_EQ(passages.size(), 1U);
  EXPECT_THAT(passages[0].text, testing::HasSubstr("tide"));
  EXPECT_THAT(passages[0].text, testing::HasSubstr("boat"));
  EXPECT_LE(passages[0].text.size(), 3'000U);
}

TEST_F(ShelfTest, NothingIsFoundWhereNothingFits) {
  Give("a.md", Words("tide"));
  EXPECT_THAT(Ask("quantum chromodynamics"), IsEmpty());
}

TEST(PlaceOf, PagesBeforeLines) {
  EXPECT_EQ(PlaceOf({.page_first = 3, .page_last = 4, .line_first = 1}), "pages 3-4");
  EXPECT_EQ(PlaceOf({.line_first = 7, .line_last = 7}), "line 7");
  EXPECT_EQ(PlaceOf({}), "");
}

}  // namespace
}  // namespace weir::knowledge
