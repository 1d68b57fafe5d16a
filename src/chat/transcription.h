// Speech to text, whatever dialect it was asked in. Plain values; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/event.h"
#include "chat/message.h"

namespace weir::chat {

inline constexpr size_t kAudioBytesMax = size_t{25} << 20;  // of one request, as at OpenAI

// What a file of sound is, told by its first bytes and never by its name.
enum class AudioFormat : uint8_t { kWav, kMp3, kFlac, kOgg, kMp4, kWebm };
inline constexpr int kAudioFormatCount = 6;
std::optional<AudioFormat> AudioFormatOf(std::string_view bytes);
std::string_view AudioExtension(AudioFormat format);  // "wav", as servers want it in a file's name
std::string_view AudioMediaType(AudioFormat format);

struct TranscribeRequest {
  std::string model = {};
  // What the caller said, as a turn: the audio, and behind it the text that guides the model where
  // there is one. So it is labelled and known again as any other turn.
  Message said = {};
  AudioFormat format = AudioFormat::kWav;
  bool translate = false;     // into English
  std::string language = {};  // ISO 639-1, of the speech; empty: to be found out
  std::optional<float> temperature = {};
  bool segments = false;  // with their times
  bool words = false;     // likewise

  bool operator==(const TranscribeRequest&) const = default;
};
const std::string& AudioOf(const TranscribeRequest& request);
std::string GuideOf(const TranscribeRequest& request);  // empty: none

struct TranscribedSegment {
  double start_s = 0;
  double end_s = 0;
  std::string text = {};
  // What Whisper says of itself; 0 or empty where it did not.
  int64_t seek = 0;
  std::vector<int64_t> tokens = {};
  double temperature = 0;
  double average_logprob = 0;
  double compression_ratio = 0;
  double no_speech_probability = 0;

  bool operator==(const TranscribedSegment&) const = default;
};

struct TranscribedWord {
  double start_s = 0;
  double end_s = 0;
  std::string text = {};

  bool operator==(const TranscribedWord&) const = default;
};

struct Transcription {
  std::string text = {};
  std::string language = {};  // as the server calls it: "english"; empty: it did not say
  std::optional<double> duration_s = {};  // of the sound
  std::vector<TranscribedSegment> segments = {};
  std::vector<TranscribedWord> words = {};
  Usage usage = {};  // in tokens, where the server counts in them

  bool operator==(const Transcription&) const = default;
};

}  // namespace weir::chat
