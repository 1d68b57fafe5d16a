// However a stream is cut into pieces, the same events come out; and what is written is read back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/sse.h"

using weir::http::AppendSseEvent;
using weir::http::SseReader;

namespace {

std::vector<std::string> Read(std::string_view stream, size_t piece) {
  SseReader reader({.line_bytes = 64, .event_bytes = 128});
  std::vector<std::string> events;
  while (!stream.empty()) {
    const auto sink = [&events](const SseReader::Event& e) {
      events.push_back(e.event + '|' + e.data + '|' + e.id);
      return true;
    };
    if (!reader.Feed(stream.substr(0, piece), sink)) {
      events.push_back("refused");
      break;
    }
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  CHECK(Read(stream, size) == Read(stream, 1), "pieces of one byte change the events");
  CHECK(Read(stream, size) == Read(stream, 1 + data[0] % 16), "pieces change the events");

  std::string written;
  AppendSseEvent(written, "", stream);
  std::string plain;  // what the reader must give: all line ends as LF
  for (size_t i = 0; i < size; ++i) {
    if (stream[i] == '\n' && i > 0 && stream[i - 1] == '\r') continue;
    plain += stream[i] == '\r' ? '\n' : stream[i];
  }
  std::string back;
  SseReader reader;
  const auto taken = reader.Feed(written, [&back](const SseReader::Event& e) {
    back = e.data;
    return true;
  });
  CHECK(taken.has_value() && back == plain, "an event is read back as it was written");
  return 0;
}
