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
  EXPECT_EQ(ReasonOf(TinyPath("qwen2vl-projector"), *model_), "projector_invalid");
  EXPECT_EQ(ReasonOf(TinyPath("qwen2vl-projector"), *Shared(TinyPath("qwen2vl"))), "loaded");
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

struct Prompt {
  std::vector<Token> tokens = {};
  std::vector<PlacedImage> images = {};

  Row RowOf(Token token, int32_t position) const {
    const PlacedRow placed = IsImageRow(token) ? RowAt(images, position) : PlacedRow{};
    return {.token = token,
            .position = position,
            .embedding = placed.vector.data(),
            .together = placed.together,
            .place = PlaceAt(images, position)};
  }
  std::vector<Row> Rows() const {
    std::vector<Row> rows;
    for (const Token token : tokens)
      rows.push_back(RowOf(token, static_cast<int32_t>(rows.size())));
    rows.back().output = true;
    return rows;
  }
};

Prompt PromptOf(Projector& projector, const RenderedPrompt& rendered,
                const std::vector<std::string>& files) {
  Prompt prompt;
  auto place = rendered.images.begin();
  for (size_t i = 0; i <= rendered.tokens.size(); ++i) {
    for (; place != rendered.images.end() && place->at == i; ++place) {
      const auto image = projector.Encode(files[place->image], kGoOn);
      if (!image) return {};
      prompt.images.push_back({static_cast<int32_t>(prompt.tokens.size()), *image});
      prompt.tokens.insert(prompt.tokens.end(), (*image)->tokens().begin(),
                           (*image)->tokens().end());
    }
    if (i < rendered.tokens.size()) prompt.tokens.push_back(rendered.tokens[i]);
  }
  return prompt;
}

std::unique_ptr<Context> Fresh(const Model& model) {
  return *Context::Create(model, {.cells = 512, .sequences = 2, .threads = 1});
}

// What follows the logits of the last row of a step.
Answered Goes(Context& context, const Prompt& prompt, int32_t last, int count) {
  std::span<const float> logits = context.Logits(last);
  Answered answer{.first = {logits.begin(), logits.end()}};
  for (int i = 0; i < count; ++i) {
    answer.tokens.push_back(static_cast<Token>(std::ranges::max_element(logits) - logits.begin()));
    Row row = prompt.RowOf(answer.tokens.back(), static_cast<int32_t>(prompt.tokens.size()) + i);
    row.output = true;
    EXPECT_EQ(context.Decode(std::span(&row, 1)), DecodeOutcome::kOk);
    logits = context.Logits(0);
  }
  return answer;
}

// In one step, with what our own template, projector and context make of it.
Answered OurAnswer(const Model& model, const Prompt& prompt, int count) {
  const std::vector<Row> rows = prompt.Rows();
  const auto context = Fresh(model);
  EXPECT_EQ(context->Decode(rows), DecodeOutcome::kOk);
  return Goes(*context, prompt, static_cast<int32_t>(rows.size()) - 1, count);
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
                           {"qwen2vl-projector", TinyPath("qwen2vl")},
                           {"qwen25vl-projector", TinyPath("qwen2vl")},
                           {"qwen3vl-projector", TinyPath("qwen3vl")},
                           {"narrow-projector", TinyPath("qwen2vl")},
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
      answers.push_back(OurAnswer(*model_, PromptOf(*projector, *rendered, files), 24));
      const Answered helper =
          AnswerOfTheHelper(*model_, TinyPath(kind.projector), rendered->text, files, 24);
      EXPECT_EQ(answers.back().tokens, helper.tokens) << kind.projector;
      EXPECT_LT(Difference(answers.back(), helper), 0.002F) << kind.projector;
    }
    EXPECT_GT(Difference(answers[0], answers[1]), 0.02F) << kind.projector;
    EXPECT_GT(Difference(answers[1], answers[2]), 0.02F) << kind.projector;
  }
}

// The rows of an image of such a model share one step in time; their cells do not.
TEST_F(ProjectorTest, OfTwoDirectionsLeavesItsRowsToBeCutAnywhere) {
  model_ = Shared(TinyPath("qwen2vl"));
  const auto chat = ChatTemplate::Create(*model_, "");
  ASSERT_TRUE(chat);
  const auto projector = Load("qwen2vl-projector");
  const std::vector<std::string> files = {Stripes(1), Stripes(2, 170, 80)};
  const auto rendered = (*chat)->Render(Asked(files[0], files[1]), /*images=*/true);
  ASSERT_TRUE(rendered);
  const Prompt prompt = PromptOf(*projector, *rendered, files);
  const std::vector<Row> rows = prompt.Rows();
  const Answered whole = OurAnswer(*model_, prompt, 24);
  const auto count = static_cast<int32_t>(rows.size());
  const auto context = Fresh(*model_);
  const int32_t inside =
      prompt.images[1].at +
      static_cast<int32_t>(std::ranges::find_if(prompt.images[1].image->tokens(), IsImageRow) -
                           prompt.images[1].image->tokens().begin()) +
      7;
  const auto decode = [&](int32_t from, int32_t to, int32_t sequence) {
    std::vector<Row> piece(rows.begin() + from, rows.begin() + to);
    for (Row& row : piece) row.sequence = sequence;
    EXPECT_EQ(context->Decode(piece), DecodeOutcome::kOk);
  };
  for (int32_t from = 0; from < count; from += 5) decode(from, std::min(from + 5, count), 0);
  const int32_t last = (count - 1) % 5;
  EXPECT_EQ(context->LastPosition(0), count - 1);
  EXPECT_LT(Difference(Goes(*context, prompt, last, 0), whole), 0.002F);
  for (int32_t at = inside - 4; at <= inside; ++at) {
    context->Copy(0, 1, 0, at);
    EXPECT_EQ(context->LastPosition(1), at - 1);
    EXPECT_TRUE(context->Remove(0, at, -1));
    decode(at, count, 0);
    EXPECT_LT(Difference(Goes(*context, prompt, count - 1 - at, 0), whole), 0.002F);
    decode(at, count, 1);
    EXPECT_LT(Difference(Goes(*context, prompt, count - 1 - at, 0), whole), 0.002F);
    context->Remove(1, -1, -1);
  }
  const auto saved = context->Save(0, size_t{1} << 24);
  ASSERT_TRUE(saved);
  ASSERT_TRUE(context->Restore(1, *saved));
  EXPECT_TRUE(context->Remove(1, inside, -1));
  decode(inside, count, 1);
  EXPECT_LT(Difference(Goes(*context, prompt, count - 1 - inside, 0), whole), 0.002F);
}

TEST_F(ProjectorTest, OfTwoDirectionsMakesLargeImagesSmaller) {
  model_ = Shared(TinyPath("qwen2vl"));
  const auto projector = Load("qwen2vl-projector");
  const auto rows = [&](int32_t width, int32_t height) {
    const auto tokens = projector->TokensOf(Stripes(1, width, height));
    return tokens ? std::ranges::count(*tokens, kNoToken) : 0;
  };
  EXPECT_EQ(rows(84, 84), 9);
  EXPECT_EQ(rows(168, 84), 18);
  EXPECT_EQ(rows(28 * 32, 28 * 40), kImageRowsMax);
  EXPECT_LE(rows(3000, 2000), kImageRowsMax);
  EXPECT_GT(rows(3000, 2000), kImageRowsMax * 9 / 10);
}

TEST(EncodedImage, MovesTheTextBehindItByItsSteps) {
  const auto alive = std::make_shared<std::atomic<size_t>>(0);
  // Two columns and three rows, between two words.
  const EncodedImage::Layout layout{
      {{0, 0, 0}, {1, 1, 1}, {1, 1, 2}, {1, 2, 1}, {1, 2, 2}, {1, 3, 1}, {1, 3, 2}, {4, 4, 4}}, 5};
  const auto image =
      std::make_shared<const EncodedImage>(std::vector<Token>{8, -2, -3, -4, -5, -6, -7, 9},
                                           std::vector<float>(12), false, alive, layout);
  const PlacedImage images[] = {{3, image}, {12, image}};
  const auto at = [&](int32_t position) {
    const auto place = PlaceAt(images, position);
    return place ? std::vector{place->time, place->down, place->across} : std::vector<int32_t>{};
  };
  using Is = std::vector<int32_t>;
  EXPECT_EQ(at(2), Is{}) << "its position";
  EXPECT_EQ(at(3), (Is{3, 3, 3}));
  EXPECT_EQ(at(4), (Is{4, 4, 4}));
  EXPECT_EQ(at(7), (Is{4, 5, 5}));
  EXPECT_EQ(at(10), (Is{7, 7, 7}));
  EXPECT_EQ(at(11), (Is{8, 8, 8}));
  EXPECT_EQ(at(12), (Is{9, 9, 9}));
  EXPECT_EQ(at(16), (Is{10, 11, 11}));
  EXPECT_EQ(at(20), (Is{14, 14, 14}));
  EXPECT_EQ(PlaceAt({}, 7), std::nullopt);
}

}  // namespace
}  // namespace weir::llama
