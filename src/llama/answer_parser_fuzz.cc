// Any answer in any pieces: what is streamed is the message, no byte is lost without a call, and
// the cost stays linear.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "llama/answer_format.h"
#include "llama/answer_parser.h"
#include "llama/json_calls.h"
#include "llama/stop_strings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace weir;
  if (size < 2) return 0;
  auto data = std::make_shared<llama::AnswerFormat::Data>();
  data->json_functions = llama::FunctionsOf({{.name = "f"}, {.name = "g"}});
  if ((bytes[0] & 1) != 0) {
    data->think_start = "<think>";
    data->think_end = "</think>";
    data->starts_thinking = (bytes[0] & 2) != 0;
  }
  data->parallel = (bytes[0] & 4) != 0;
  llama::AnswerParser parser(llama::AnswerFormat(data), 1);
  llama::StopStrings stops({"STOP"});
  const size_t step = 1 + bytes[1] % 16;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  std::string streamed;
  size_t read = 0;
  for (size_t i = 0; i < text.size(); i += step) {
    const std::string piece = stops.Push(text.substr(i, step));
    read += piece.size();
    streamed += parser.Push(piece).text;
  }
  const std::string rest = stops.Finish();
  read += rest.size();
  streamed += parser.Push(rest).text;
  streamed += parser.Finish().text;
  CHECK(streamed == chat::TextOf(parser.message()), "what was streamed is the message");
  if (data->think_start.empty() && !parser.has_tool_calls()) {
    CHECK(streamed.size() == read, "no byte of an answer is lost");
  }
  return 0;
}
