#include "chat/transcription.h"

#include "base/check.h"

namespace weir::chat {
namespace {

bool HasAt(std::string_view bytes, size_t at, std::string_view what) {
  return bytes.size() >= at + what.size() && bytes.substr(at, what.size()) == what;
}

// Of an MPEG frame: eleven set bits, a version and rates that are not reserved, and layer III or
// II. Layer I is nobody's any more, and would take UTF-16 for sound.
bool IsMpegFrame(std::string_view bytes) {
  if (bytes.size() < 4) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const bool synchronised = byte(0) == 0xFF && (byte(1) & 0xE0) == 0xE0;
  const bool version = (byte(1) & 0x18) != 0x08;
  const bool layer = (byte(1) & 0x06) == 0x02 || (byte(1) & 0x06) == 0x04;
  const bool rates = (byte(2) & 0xF0) != 0xF0 && (byte(2) & 0x0C) != 0x0C;
  return synchronised && version && layer && rates;
}

}  // namespace

std::optional<AudioFormat> AudioFormatOf(std::string_view bytes) {
  const bool wave = HasAt(bytes, 0, "RIFF") || HasAt(bytes, 0, "RF64");
  if (wave && HasAt(bytes, 8, "WAVE")) return AudioFormat::kWav;
  if (HasAt(bytes, 0, "fLaC")) return AudioFormat::kFlac;
  if (HasAt(bytes, 0, "OggS")) return AudioFormat::kOgg;
  if (HasAt(bytes, 0, "\x1A\x45\xDF\xA3")) return AudioFormat::kWebm;
  if (HasAt(bytes, 4, "ftyp")) return AudioFormat::kMp4;
  if (HasAt(bytes, 0, "ID3") || IsMpegFrame(bytes)) return AudioFormat::kMp3;
  return std::nullopt;
}

std::string_view AudioExtension(AudioFormat format) {
  switch (format) {
    case AudioFormat::kWav:
      return "wav";
    case AudioFormat::kMp3:
      return "mp3";
    case AudioFormat::kFlac:
      return "flac";
    case AudioFormat::kOgg:
      return "ogg";
    case AudioFormat::kMp4:
      return "m4a";
    case AudioFormat::kWebm:
      return "webm";
  }
  CHECK(false, "audio format out of range");
}

std::string_view AudioMediaType(AudioFormat format) {
  switch (format) {
    case AudioFormat::kWav:
      return "audio/wav";
    case AudioFormat::kMp3:
      return "audio/mpeg";
    case AudioFormat::kFlac:
      return "audio/flac";
    case AudioFormat::kOgg:
      return "audio/ogg";
    case AudioFormat::kMp4:
      return "audio/mp4";
    case AudioFormat::kWebm:
      return "audio/webm";
  }
  CHECK(false, "audio format out of range");
}

const std::string& AudioOf(const TranscribeRequest& request) {
  CHECK(!request.said.parts.empty() && request.said.parts[0].kind == Part::Kind::kAudio,
        "what is transcribed begins with its sound");
  return request.said.parts[0].data;
}

std::string GuideOf(const TranscribeRequest& request) { return TextOf(request.said); }

}  // namespace weir::chat
