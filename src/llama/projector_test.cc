#include "llama/projector.h"

#include <gtest/gtest.h>
#include <llama.h>
#include <mtmd-helper.h>
#include <mtmd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "llama/chat_template.h"
#include "llama/context.h"
#include "llama/test_images.h"
#include "llama/test_models.h"

namespace weir::llama {
namespace {

using testing::Shared;
using testing::StoriesPath;
using testing::Stripes;
using testing::TinyPath;

const std::atomic<bool> kGoOn = false;
constexpr size_t kRows = 36;

class ProjectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& path : {StoriesPath(), TinyPath("projector")}) {
      if (!std::filesystem::exists(path)) GTEST_SKIP() << "no model file for this test: " << path;
    }
    model_ = Shared(StoriesPath());
    ASSERT_NE(model_, nullptr);
  }

  std::unique_ptr<Projector> Load(const std::string& kind) {
    auto projector = Projector::Load(TinyPath(kind), *model_, 1);
    if (projector) return std::move(*projector);
    ADD_FAILURE() << projector.error().message;
    return nullptr;
  }
  std::string ReasonOf(const std::string& path, const Model& model) {
    const auto projector = Projector::Load(path, model, 1);
    return projector ? "loaded" : projector.error().reason;
  }
  static std::shared_ptr<const EncodedImage> Encode(Projector& projector, const std::string& file) {
    auto image = projector.Encode(file, kGoOn);
    if (image) return *image;
    ADD_FAILURE() << image.error().message;
    return nullptr;
  }

  Model* model_ = nullptr;
};

TEST_F(ProjectorTest, ThatDoesNotFitOrIsNotComputedIsRefusedByName) {
  EXPECT_EQ(ReasonOf(TinyPath("projector"), *model_), "loaded");
  EXPECT_EQ(ReasonOf(TinyPath("projector"), *Shared(TinyPath("gemma3"))), "projector_invalid");
  EXPECT_EQ(ReasonOf(StoriesPath(), *model_), "projector_invalid");
  EXPECT_EQ(ReasonOf("/nowhere", *model_), "projector_invalid");
  EXPECT_EQ(ReasonOf(TinyPath("narrow-projector"), *Shared(TinyPath("qwen2vl"))),
            "projector_unsupported");
}

TEST_F(ProjectorTest, KnowsTheTokensOfAnImageByItsHead) {
  const auto projector = Load("projector");
  const auto tokens = projector->TokensOf(Stripes(1).substr(0, 60));
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_EQ(*tokens, std::vector<Token>(kRows, kNoToken));

  const auto tiles = Load("tiles");
  const std::string file = Stripes(1, 200, 90);
  const auto counted = tiles->TokensOf(file);
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->size(), Encode(*tiles, file)->tokens().size());
  EXPECT_NE(counted->front(), kNoToken);  // "<img>"
  EXPECT_NE(counted->back(), kNoToken);
  EXPECT_GT(std::ranges::count(*counted, kNoToken), 9);  // several tiles
}

TEST_F(ProjectorTest, GivesEqualImagesEqualIdsAndOthersOthers) {
  const auto projector = Load("projector");
  const auto one = Encode(*projector, Stripes(1));
  const auto other = Encode(*projector, Stripes(2));
  ASSERT_EQ(one->tokens().size(), kRows);
  EXPECT_TRUE(std::ranges::all_of(one->tokens(), IsImageRow));
  std::vector<Token> ids = one->tokens();
  ids.insert(ids.end(), other->tokens().begin(), other->tokens().end());
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  EXPECT_EQ(Encode(*projector, Stripes(1)), one);  // kept

  const auto elsewhere = Load("projector");
  EXPECT_NE(Encode(*elsewhere, Stripes(1))->tokens(), one->tokens());  // nobody can guess them
}

TEST_F(ProjectorTest, TakesImagesOfAllSizes) {
  const auto projector = Load("projector"), tiles = Load("tiles");
  for (const auto& [width, height] : {std::pair(1, 1), {1, 100}, {100, 1}, {3, 200}, {700, 7}}) {
    EXPECT_TRUE(projector->Encode(Stripes(3, width, height), kGoOn)) << width << " " << height;
    EXPECT_TRUE(tiles->Encode(Stripes(3, width, height), kGoOn)) << width << " " << height;
  }
}

TEST_F(ProjectorTest, StopsWhenNobodyWaits) {
  const std::atomic<bool> cancelled = true;
  const auto image = Load("projector")->Encode(Stripes(1), cancelled);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Code::kCancelled);
}

chat::GenerateRequest Asked(const std::string& first, const std::string& second) {
  chat::GenerateRequest request;
  const auto image = [](const std::string& file) {
    return chat::Part{.kind = chat::Part::Kind::kImage, .media_type = "image/bmp", .data = file};
  };
  request.messages = {
      {.role = chat::Role::kUser,
       .parts = {{.text = "The little dog saw"}, image(first), {.text = "and"}}},
      {.role = chat::Role::kAssistant, .parts = {{.text = "a bird."}}},
      {.role = chat::Role::kUser, .parts = {image(second), {.text = "Who is it?"}}}};
  return request;
}

struct Answered {
  std::vector<float> first = {};  // the logits of its first token
  std::vector<Token> tokens = {};
};

// What libmtmd's own helper makes of the rendered text and the same files.
Answered AnswerOfTheHelper(const Model& model, const std::string& projector,
                           const std::string& text, const std::vector<std::string>& files,
                           int count) {
  mtmd_helper_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  mtmd_context_params params = mtmd_context_params_default();
  params.n_threads = 1;
  const std::unique_ptr<mtmd_context, void (*)(mtmd_context*)> mtmd(
      mtmd_init_from_file(projector.c_str(), model.raw(), params), mtmd_free);
  const auto context = Context::Create(model, {.cells = 512, .sequences = 1, .threads = 1});
  std::vector<mtmd::bitmap> bitmaps;
  std::vector<const mtmd_bitmap*> raw;
  for (const std::string& file : files) {
    bitmaps.emplace_back(mtmd_helper_bitmap_init_from_buf(
                             mtmd.get(), reinterpret_cast<const unsigned char*>(file.data()),
                             file.size(), false, mtmd_helper_init_opt_default())
                             .bitmap);
    raw.push_back(bitmaps.back().ptr.get());
  }
  mtmd::input_chunks chunks(mtmd_input_chunks_init());
  const mtmd_input_text input{text.data(), text.size(), true, true};
  EXPECT_EQ(mtmd_tokenize(mtmd.get(), chunks.ptr.get(), &input, raw.data(), raw.size()), 0);
  llama_context* llama = (*context)->raw();
  llama_pos position = 0;
  EXPECT_EQ(
      mtmd_helper_eval_chunks(mtmd.get(), llama, chunks.ptr.get(), 0, 0, 512, true, &position), 0);
  const float* logits = llama_get_logits_ith(llama, -1);
  Answered answer{.first = {logits, logits + model.vocabulary().size()}};
  for (int i = 0; i < count; ++i) {
    answer.tokens.push_back(
        static_cast<Token>(std::max_element(logits, logits + model.vocabulary().size()) - logits));
    const Row row{.token = answer.tokens.back(), .position = position++, .output = true};
    EXPECT_EQ((*context)->Decode(std::span(&row, 1)), DecodeOutcome::kOk);
    logits = (*context)->Logits(0).data();
  }
  return answer;
}

// In one step, with what our own template, projector and context make of it.
Answered OurAnswer(const Model& model, Projector& projector, const RenderedPrompt& rendered,
                   const std::vector<std::string>& files, int count) {
  std::vector<std::shared_ptr<const EncodedImage>> images;
  for (const std::string& file : files) {
    auto image = projector.Encode(file, kGoOn);
    EXPECT_TRUE(image);
    images.push_back(*image);
  }
  std::vector<Row> rows;
  const auto add = [&](Token token, const PlacedRow& row) {
    rows.push_back({.token = token,
                    .position = static_cast<int32_t>(rows.size()),
                    .embedding = row.vector.data(),
                    .together = row.together});
  };
  size_t place = 0;
  for (size_t i = 0; i <= rendered.tokens.size(); ++i) {
    for (; place < rendered.images.size() && rendered.images[place].at == i; ++place) {
      const PlacedImage placed[] = {
          {static_cast<int32_t>(rows.size()), images[rendered.images[place].image]}};
      for (const Token token : placed[0].image->tokens()) {
        const auto position = static_cast<int32_t>(rows.size());
        add(token, IsImageRow(token) ? RowAt(placed, position) : PlacedRow{});
      }
    }
    if (i < rendered.tokens.size()) add(rendered.tokens[i], PlacedRow{});
  }
  rows.back().output = true;
  const auto context = Context::Create(model, {.cells = 512, .sequences = 1, .threads = 1});
  EXPECT_EQ((*context)->Decode(rows), DecodeOutcome::kOk);
  std::span<const float> logits = (*context)->Logits(static_cast<int32_t>(rows.size()) - 1);
  Answered answer{.first = {logits.begin(), logits.end()}};
  for (int i = 0; i < count; ++i) {
    answer.tokens.push_back(static_cast<Token>(std::ranges::max_element(logits) - logits.begin()));
    const Row row{.token = answer.tokens.back(),
                  .position = static_cast<int32_t>(rows.size()) + i,
                  .output = true};
    EXPECT_EQ((*context)->Decode(std::span(&row, 1)), DecodeOutcome::kOk);
    logits = (*context)->Logits(0);
  }
  return answer;
}

float Difference(const Answered& a, const Answered& b) {
  float largest = 0;
  for (size_t i = 0; i < a.first.size(); ++i)
    largest = std::max(largest, std::abs(a.first[i] - b.first[i]));
  return largest;
}

TEST_F(ProjectorTest, AnswersAsLibmtmdsOwnHelper) {
  // The window of the tiny gemma3 is small: no template stands between image and answer.
  const std::string bare = "{% for m in messages %}{{ m.content }}{% endfor %}";
  struct Kind {
    std::string projector = {};
    std::string model = {};
    std::string chat_template = {};
    bool mutual = false;
  };
  for (const Kind& kind : {Kind{"projector", StoriesPath()},
                           {"tiles", StoriesPath()},
                           {"narrow-projector", TinyPath("gemma3"), bare},
                           {"gemma-projector", TinyPath("gemma3"), bare, true}}) {
    model_ = Shared(kind.model);
    const auto chat = ChatTemplate::Create(*model_, kind.chat_template);
    ASSERT_TRUE(chat);
    const auto projector = Load(kind.projector);
    EXPECT_EQ(projector->mutual(), kind.mutual);
    std::vector<Answered> answers;
    for (uint32_t seed = 1; seed <= 3; ++seed) {
      const std::vector<std::string> files = {Stripes(seed), Stripes(seed + 7, 170, 80)};
      const auto rendered = (*chat)->Render(Asked(files[0], files[1]), /*images=*/true);
      ASSERT_TRUE(rendered) << rendered.error().message;
      ASSERT_EQ(rendered->images.size(), 2);
      answers.push_back(OurAnswer(*model_, *projector, *rendered, files, 24));
      const Answered helper =
          AnswerOfTheHelper(*model_, TinyPath(kind.projector), rendered->text, files, 24);
      EXPECT_EQ(answers.back().tokens, helper.tokens) << kind.projector;
      EXPECT_LT(Difference(answers.back(), helper), 0.002F) << kind.projector;
    }
    EXPECT_GT(Difference(answers[0], answers[1]), 0.02F) << kind.projector;
    EXPECT_GT(Difference(answers[1], answers[2]), 0.02F) << kind.projector;
  }
}

}  // namespace
}  // namespace weir::llama
