#include "chat/transcription.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::chat {
namespace {

using namespace std::string_literals;

TEST(AudioFormatOf, IsToldByTheContentAlone) {
  EXPECT_EQ(AudioFormatOf("RIFF\x10\0\0\0WAVEfmt "s), AudioFormat::kWav);
  EXPECT_EQ(AudioFormatOf("fLaC\0\0\0\x22"s), AudioFormat::kFlac);
  EXPECT_EQ(AudioFormatOf("OggS\0\x02"s), AudioFormat::kOgg);
  EXPECT_EQ(AudioFormatOf("\x1A\x45\xDF\xA3\x9F"s), AudioFormat::kWebm);
  EXPECT_EQ(AudioFormatOf("\0\0\0\x20"s + "ftypM4A "), AudioFormat::kMp4);
  EXPECT_EQ(AudioFormatOf("ID3\x04\0\0"s), AudioFormat::kMp3);
  EXPECT_EQ(AudioFormatOf("\xFF\xFB\x90\x64"s), AudioFormat::kMp3);
  EXPECT_EQ(AudioFormatOf("\xFF\xF3\x40\xC4"s), AudioFormat::kMp3);
}

TEST(AudioFormatOf, KnowsNothingElse) {
  for (const std::string& bytes :
       {""s, "RIFF"s, "RIFF\x10\0\0\0AVI LIST"s, "hello"s, "\xFF\xFE h\0i\0"s, "\xFF\xFF\xFF\xFF"s,
        "%PDF-1.7"s, "\x89PNG\r\n\x1a\n"s, "ftyp"s}) {
    EXPECT_EQ(AudioFormatOf(bytes), std::nullopt) << bytes;
  }
}

TEST(AudioFormat, HasANameThatServersKnowItBy) {
  for (int i = 0; i < kAudioFormatCount; ++i) {
    const auto format = static_cast<AudioFormat>(i);
    EXPECT_FALSE(AudioExtension(format).empty());
    EXPECT_TRUE(AudioMediaType(format).starts_with("audio/"));
  }
}

}  // namespace
}  // namespace weir::chat
