#include "gateway/reembedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "async/run_for_test.h"
#include "backends/fake_backend.h"
#include "backends/fake_document_reader.h"
#include "gateway/retrieve.h"
#include "knowledge/shelf.h"

namespace weir::gateway {
namespace {

using testing::Contains;
using testing::Each;
using testing::Not;

class ReembeddingTest : public testing::Test {
 protected:
  ReembeddingTest() {
    std::string pattern = testing::TempDir() + "weir-reembedding-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    store_ = vectors::Store::Open(folder_ / "vectors").value();
    library_ = knowledge::Library::Open(folder_, *store_, loop_.executor(), SystemClock()).value();
    documents_.emplace(Documents{.library = *library_,
                                 .reader = reader_,
                                 .model_name = [this](const std::string&) { return usual_; }});
    for (const char* name : {"embedding", "m-old", "m-new"})
      policy_.targets.push_back({.name = name, .model = name, .generates = false, .embeds = true});
    policy_.targets.front().model = "m-old";
    backend_.models["m-new"].vector = {0.1F, 0.9F, 0.2F};
    reembedding_.emplace(loop_.executor(), gateway_, *documents_);
  }
  ~ReembeddingTest() override {
    RunForTest(loop_, reembedding_->End());
    reembedding_.reset();
    library_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Give(const std::string& name, const std::string& text) {
    const auto given = RunForTest(
        loop_,
        Ingest(gateway_, *documents_, {}, {.collection = "notes", .name = name, .bytes = text}));
    ASSERT_TRUE(given) << given.error().message;
  }
  Result<std::vector<knowledge::Passage>> Ask(const std::string& text, const Asked& asked = {}) {
    return RunForTest(loop_,
                      Retrieve(gateway_, *documents_, asked, {.collections = {"notes"}}, text));
  }
  Task<Result<knowledge::EmbeddingState>> State() {
    co_return co_await library_->OnShelf<knowledge::EmbeddingState>(
        [](knowledge::Shelf& shelf, int64_t) { return shelf.Embedding("main/default/notes"); });
  }
  knowledge::EmbeddingState Change(const std::string& model) {
    const knowledge::ModelChange change{.collection = "main/default/notes", .model = model};
    return RunForTest(loop_, library_->OnShelf<knowledge::EmbeddingState>(
                                 [change](knowledge::Shelf& shelf, int64_t) {
                                   return shelf.BeginChange(change);
                                 }))
        .value();
  }
  // Until `done` is true of the collection.
  Task<knowledge::EmbeddingState> Until(
      std::function<bool(const knowledge::EmbeddingState&)> done) {
    for (;;) {
      auto state = co_await State();
      if (!state || done(*state)) co_return state.value();
    }
  }

  Loop loop_;
  std::filesystem::path folder_;
  std::shared_ptr<vectors::Store> store_;
  std::unique_ptr<knowledge::Library> library_;
  backends::FakeDocumentReader reader_;
  std::optional<Documents> documents_;
  backends::FakeBackend backend_;
  routing::Policy policy_;
  std::string usual_ = "m-old";
  Gateway gateway_{.clock = SystemClock(), .engines = backend_, .policy = [this] {
                     return std::make_shared<const routing::Policy>(policy_);
                   }};
  std::optional<Reembedding> reembedding_;
};

TEST_F(ReembeddingTest, ACollectionIsEmbeddedAgainWhileItIsSearched) {
  for (int i = 0; i < 40; ++i) Give(std::to_string(i), "Tides come and go " + std::to_string(i));
  Change("m-new");
  reembedding_->Begin();
  const auto state = RunForTest(
      loop_, Until([](const knowledge::EmbeddingState& now) { return !now.next.has_value(); }));
  EXPECT_EQ(state.model, "m-new");
  EXPECT_EQ(state.dimensions, 3);
  backend_.asked.clear();
  const auto found = Ask("When do tides come?");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->empty());
  EXPECT_THAT(backend_.asked, Each("m-new"));
  Give("more", "Tides wait for nobody");
  EXPECT_THAT(backend_.asked, Each("m-new"));
}

// What `embedding` means has changed; a collection stays with what it was embedded by.
TEST_F(ReembeddingTest, ACollectionIsAskedByItsOwnModel) {
  Give("a", "Tides come and go");
  usual_ = "m-new";
  policy_.targets.front().model = "m-new";
  backend_.asked.clear();
  EXPECT_FALSE(Ask("When do tides come?")->empty());
  Give("b", "Tides wait for nobody");
  EXPECT_THAT(backend_.asked, Each("m-old"));
  // A key that may ask for `embedding` alone may search here; one that may not, may not.
  Asked asked;
  asked.principal.grant = std::make_shared<const chat::Grant>(chat::Grant{.models = {"embedding"}});
  EXPECT_TRUE(Ask("tides", asked)) << "its own model is not another one to ask for";
  asked.principal.grant = std::make_shared<const chat::Grant>(chat::Grant{.models = {"fast"}});
  EXPECT_EQ(Ask("tides", asked).error().reason, "model_not_allowed");
}

TEST_F(ReembeddingTest, AModelThatIsNotHereIsNamed) {
  Give("a", "Tides come and go");
  Change("m-gone");
  reembedding_->Begin();
  const auto hindered = RunForTest(loop_, Until([](const knowledge::EmbeddingState& now) {
                                     return now.next && !now.next->problem.empty();
                                   }));
  EXPECT_THAT(hindered.next->problem, testing::HasSubstr("m-gone"));
  EXPECT_FALSE(Ask("When do tides come?")->empty()) << "the old one answers";
  usual_ = "m-new";
  policy_.targets.erase(policy_.targets.begin() + 1);  // m-old
  policy_.targets.front().model = "m-new";
  const auto missing = Ask("When do tides come?");
  EXPECT_EQ(missing.error().reason, "embedding_model_missing");
  EXPECT_THAT(missing.error().message, testing::HasSubstr("m-old"));
}

}  // namespace
}  // namespace weir::gateway
