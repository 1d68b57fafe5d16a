#include "knowledge/chunker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "base/utf8.h"

namespace weir::knowledge {
namespace {

using testing::ElementsAre;
using wire::Block;

// Blocks that lie one after the other in a text, as a parser gives them.
struct Made {
  std::string text;
  wire::Pages pages;

  void Add(Block::Kind kind, const std::string& block, uint32_t level = 0) {
    const size_t begin = text.size();
    text += block + "\n\n";
    pages.blocks.push_back(
        {.kind = kind, .level = level, .begin = begin, .end = begin + block.size(), .text = block});
  }
};

std::string Words(size_t count, const std::string& word = "tide") {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : i % 12 == 0 ? ". " : " ") + word;
  return text + ".";
}

TEST(Chunker, AChunkNamesWhatItIsPartOf) {
  Made made;
  made.Add(Block::Kind::kHeading, "# Harbours", 1);
  made.Add(Block::Kind::kParagraph, Words(100));
  made.Add(Block::Kind::kHeading, "## Kiel", 2);
  made.Add(Block::Kind::kParagraph, Words(100));
  made.pages.title = "Harbours";
  const auto chunks = ChunksOf(made.pages, "a.md", made.text);
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0].section, "Harbours");
  EXPECT_EQ(chunks[1].section, "Harbours > Kiel");
  EXPECT_EQ(chunks[1].prefix, "Harbours");
  EXPECT_TRUE(chunks[1].text.starts_with("## Kiel\n\ntide"));
  EXPECT_EQ(chunks[1].line_first, 5U);
  EXPECT_EQ(chunks[1].line_last, 7U);
}

TEST(Chunker, LittleUnderManyHeadingsIsOneChunk) {
  Made made;
  for (int i = 0; i < 4; ++i) {
    made.Add(Block::Kind::kHeading, "## Part " + std::to_string(i), 2);
    made.Add(Block::Kind::kParagraph, "A line.");
  }
  const auto chunks = ChunksOf(made.pages, "a.md", made.text);
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_THAT(chunks[0].text, testing::HasSubstr("## Part 3"));
}

TEST(Chunker, RowsRepeatTheHeadOfTheirTable) {
  Made made;
  made.Add(Block::Kind::kTableHead, "name,depth");
  for (int i = 0; i < 200; ++i)
    made.Add(Block::Kind::kTableRow, "harbour number " + std::to_string(i) + ",12");
  const auto chunks = ChunksOf(made.pages, "a.csv", made.text);
  ASSERT_GT(chunks.size(), 3U);
  for (const Chunk& chunk : chunks) EXPECT_TRUE(chunk.text.starts_with("name,depth\n"));
}

TEST(Chunker, PagesAreKept) {
  wire::Pages pages;
  for (uint32_t page = 1; page <= 3; ++page)
    pages.blocks.push_back({.page = page, .text = Words(90)});
  const auto chunks = ChunksOf(pages, "a.pdf", "%PDF-");
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0].page_first, 1U);
  EXPECT_EQ(chunks[0].page_last, 2U);
  EXPECT_EQ(chunks[1].page_first, 3U);
  EXPECT_EQ(chunks[1].line_first, 0U) << "a PDF has no lines";
}

TEST(Chunker, TheEndOfTheChunkBeforeIsInThePrefixWhereThatIsAsked) {
  Made made;
  made.Add(Block::Kind::kHeading, "# Harbours", 1);
  for (const char* word : {"tide", "boat", "gull"})
    made.Add(Block::Kind::kParagraph, Words(50, word));
  made.Add(Block::Kind::kHeading, "# Rivers", 1);
  made.Add(Block::Kind::kParagraph, Words(50, "weir"));
  const ChunkLimits limits{
      .target_bytes = 300, .bytes_max = 400, .least_bytes = 80, .overlap_bytes = 60};
  const auto chunks = ChunksOf(made.pages, "a.md", made.text, limits);
  ASSERT_EQ(chunks.size(), 4U);
  for (const size_t i : {1U, 2U}) {
    const std::string& before = chunks[i - 1].text;
    const size_t begin = chunks[i].prefix.rfind('\n') + 1;
    const std::string overlap = chunks[i].prefix.substr(begin);
    EXPECT_TRUE(before.ends_with(overlap)) << overlap;
    EXPECT_THAT(overlap.size(), testing::AllOf(testing::Gt(40U), testing::Le(60U)));
    EXPECT_EQ(chunks[i].text.find(overlap), std::string::npos) << "it is not shown twice";
  }
  EXPECT_EQ(chunks[3].section, "Rivers");
  EXPECT_EQ(chunks[3].prefix.find("gull"), std::string::npos) << "another section";
  for (const Chunk& chunk : chunks) EXPECT_LE(chunk.text.size(), limits.bytes_max);
}

TEST(Chunker, SmallChunksOfATableRepeatAHeadThatFits) {
  Made made;
  made.Add(Block::Kind::kTableHead, std::string(380, 'h'));
  for (int i = 0; i < 20; ++i) made.Add(Block::Kind::kTableRow, Words(30));
  const ChunkLimits limits{.target_bytes = 300, .bytes_max = 400, .least_bytes = 80};
  for (const Chunk& chunk : ChunksOf(made.pages, "a.csv", made.text, limits))
    EXPECT_LE(chunk.text.size(), limits.bytes_max);
}

TEST(CutPoints, SentencesBeforeLinesBeforeWordsBeforeCharacters) {
  const std::string sentences = Words(60);
  for (const size_t cut : CutPoints(sentences, 200, false)) {
    if (cut > 0) EXPECT_EQ(sentences[cut - 1], '.');
  }
  EXPECT_THAT(CutPoints("one two three four", 10, false), ElementsAre(0, 8));
  EXPECT_THAT(CutPoints("\xC3\xA9\xC3\xA9\xC3\xA9", 3, false), ElementsAre(0, 2, 4));
}

// Random documents: every chunk within bounds, every byte covered, the same again.
class RandomDocument : public testing::TestWithParam<int> {};

Made Random(int seed) {
  std::mt19937 dice(static_cast<unsigned>(seed));
  const auto draw = [&](int most) {
    return static_cast<size_t>(dice() % static_cast<unsigned>(most));
  };
  Made made;
  const std::string words[] = {"tide", "har\xC3\xA4ng", "x", "\xE6\xB8\xAF\xE5\x8F\xA3",
                               std::string(50, 'w')};
  const size_t blocks = draw(40) + 1;
  for (size_t i = 0; i < blocks; ++i) {
    const auto kind = static_cast<Block::Kind>(draw(6));
    const size_t count = draw(8) == 0 ? 600 : draw(120) + 1;
    std::string text = Words(count, words[draw(5)]);
    if (draw(9) == 0) text = std::string(5000, 'a');
    if (draw(5) == 0) {
      for (size_t at = 40; at < text.size(); at += 60)
        if (text[at] == ' ') text[at] = '\n';
    }
    made.Add(kind, text, kind == Block::Kind::kHeading ? static_cast<uint32_t>(draw(6)) + 1 : 0);
  }
  return made;
}

TEST_P(RandomDocument, IsCoveredInBoundsAndTheSameAgain) {
  const Made made = Random(GetParam());
  const ChunkLimits limits;
  const auto chunks = ChunksOf(made.pages, "name.md", made.text, limits);
  std::vector<bool> covered(made.text.size(), false);
  for (const Chunk& chunk : chunks) {
    EXPECT_LE(chunk.text.size(), limits.bytes_max);
    EXPECT_FALSE(chunk.text.empty());
    EXPECT_TRUE(IsValidUtf8(chunk.text));
    EXPECT_TRUE(IsValidUtf8(chunk.Searched()));
    ASSERT_LE(chunk.begin, chunk.end);
    ASSERT_LE(chunk.end, made.text.size());
    EXPECT_LE(chunk.line_first, chunk.line_last);
    for (uint64_t i = chunk.begin; i < chunk.end; ++i) covered[i] = true;
  }
  for (size_t i = 0; i < covered.size(); ++i) {
    if (std::string_view(" \n").find(made.text[i]) != std::string_view::npos) continue;
    ASSERT_TRUE(covered[i]) << "byte " << i;
  }
  const auto again = ChunksOf(made.pages, "name.md", made.text, limits);
  ASSERT_EQ(again.size(), chunks.size());
  for (size_t i = 0; i < chunks.size(); ++i) EXPECT_EQ(again[i].Searched(), chunks[i].Searched());
}

int Seeds() {
  const char* wanted = std::getenv("WEIR_SEEDS");
  return wanted == nullptr ? 200 : std::atoi(wanted);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomDocument, testing::Range(0, Seeds()));

}  // namespace
}  // namespace weir::knowledge
