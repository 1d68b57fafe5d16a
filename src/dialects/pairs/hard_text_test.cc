// Text travels byte for byte: what a client says reaches whoever answers, and what is answered
// reaches the client, through every pair of dialects, however hard the text is.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dialects/pairs/clients_for_test.h"
#include "json/parse.h"
#include "json/writer.h"
#include "wire/engine.h"

namespace weir::pairs {
namespace {

using std::string_literals::operator""s;

const std::vector<std::string>& HardTexts() {
  static const std::vector<std::string> texts = {
      "\0"s,
      "a\0b"s,
      "\x01\x02\b\f\x0b\x1b[31m\x7f\u0080\u0085\u009f",          // controls, of both sets
      "\"\\/\b\f\n\r\t </script><!-- ]]> &amp; %s {0} ${x}",     // what others would interpret
      "line\nline\r\nline\rline\u2028line\u2029line\u0085",      // every line end
      "data: {\"x\":1}\n\ndata: [DONE]\n\nevent: error\n\n",     // a stream in a stream
      "\uFEFFbom \uFEFF inside",                                 // byte order marks
      "\uFFFD\uFFFE\uFFFF\U0001FFFE\U0010FFFF\uFDD0",            // replacement and noncharacters
      "\uD7FF\uE000\uF8FF\U000F0000\U00100000",                  // beside surrogates; private use
      "e\u0301 \u00e9 \u1100\u1161\u11a8 \uac01 \u212b \u00c5",  // the same in several forms
      "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a",
      "\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466 \U0001F3F3\uFE0F\u200d\U0001F308",
      "\U0001F1E8\U0001F1ED \U0001F44D\U0001F3FD 1\uFE0F\u20E3 \U000E0067\U000E007F",
      "\u202eabc\u202c \u2066x\u2069 \u200f\u200e\u061c",  // directions
      "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \ufdfa",
      "\u0e17\u0e35\u0e48 \u0939\u093f\u0928\u094d\u0926\u0940 \u0ba8\u0bbf",
      "\U00020000\U0002A6D6\u4e2d\u6587\u3042\uFF71\uFFE5",
      "\u200b\u200c\u200d\u2060\u00ad\u180e\u3000\u00a0 \t ",  // nothing to see
      "\u0130\u0131\u017f\u1e9e\ufb03\u01c5",                  // cases that fold oddly
      "\U0001D54F\U00010400\U0001F9FF\U0001FAE0",
      "  leading, and trailing \n",
      "\u00c3\u00a9 \u00e2\u201a\u00ac",  // what looks like a wrong decoding
      std::string(3000, 'x') + "\U0001F980" + std::string(3000, 'y'),
  };
  return texts;
}

// All strings of a document, joined.
void Gather(const json::Value& value, std::string& out) {
  if (const std::string* text = value.AsString()) out += *text + "\x1e";
  if (const json::Array* items = value.AsArray()) {
    for (const json::Value& item : *items) Gather(item, out);
  }
  if (const json::Object* members = value.AsObject()) {
    for (const json::Member& member : *members) Gather(member.value, out);
  }
}

std::string Escaped(std::string_view text, bool ascii) {
  std::string out;
  json::AppendString(out, text);
  if (!ascii) return out;
  // Everything that may be said as \u is said so, as many clients do.
  std::string escaped;
  const auto unit = [&](uint32_t code) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    escaped += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) escaped += kHex[code >> shift & 15];
  };
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<uint8_t>(text[i + k]) & 63);
    if (code >= 0x10000) {
      unit(0xD800 + ((code - 0x10000) >> 10));
      unit(0xDC00 + ((code - 0x10000) & 1023));
    } else {
      unit(code);
    }
    i += length;
  }
  return "\"" + escaped + "\"";
}

std::string RequestWith(std::string_view client, const std::string& text_json) {
  if (client == "llamacpp") return R"({"prompt":)" + text_json + "}";
  if (client == "responses") return R"({"model":"m","input":)" + text_json + "}";
  const std::string bound = client == "anthropic" ? R"("max_tokens":9,)" : "";
  return R"({"model":"m",)" + bound + R"("messages":[{"role":"user","content":)" + text_json +
         "}]}";
}

TEST(HardText, ReachesWhoeverAnswersByteForByte) {
  for (const std::string& text : HardTexts()) {
    for (const ClientDialect& client : ClientDialects()) {
      for (const bool ascii : {false, true}) {
        const auto call = client.read(RequestWith(client.name, Escaped(text, ascii)));
        ASSERT_TRUE(call) << client.name << ": " << call.error().message;
        const chat::GenerateRequest& request = call->request;
        const std::string said = request.messages.empty() ? request.prompts.front().text
                                                          : chat::TextOf(request.messages.back());
        EXPECT_EQ(said, text) << client.name;
        for (const Answerer& answerer : Answerers()) {
          if (answerer.dialect == nullptr) {
            EXPECT_EQ(wire::Decode<chat::GenerateRequest>(wire::Encode(request)), request);
            continue;
          }
          const auto leaves = answerer.dialect->write(request, {.name = "m"}, {}, true);
          if (!leaves) continue;  // a completion
          const auto body = json::Parse(leaves->body);
          ASSERT_TRUE(body) << answerer.name;
          std::string all;
          Gather(*body, all);
          EXPECT_NE(all.find(text), all.npos) << client.name << " to " << answerer.name;
        }
      }
    }
  }
}

// A piece of an answer, as each provider sends it.
std::string Streamed(std::string_view answerer, std::string_view text) {
  std::string json;
  json::AppendString(json, text);
  if (answerer == "openai")
    return R"(data: {"choices":[{"index":0,"delta":{"content":)" + json +
           R"(},"finish_reason":null}]})" + "\n\n";
  if (answerer == "anthropic")
    return "event: content_block_delta\n"
           R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":)" +
           json + "}}\n\n";
  if (answerer == "gemini")
    return R"(data: {"candidates":[{"content":{"parts":[{"text":)" + json +
           R"(}],"role":"model"},"index":0}]})" + "\n\n";
  return R"({"model":"m","message":{"role":"assistant","content":)" + json + R"(},"done":false})" +
         "\n";
}

struct Frame {
  std::string before = {};
  std::string after = {};
};
Frame FrameOf(std::string_view answerer) {
  if (answerer == "openai")
    return {"",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            "data: [DONE]\n\n"};
  if (answerer == "anthropic")
    return {
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}"
        "\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
        "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
        "\"end_turn\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"};
  if (answerer == "gemini")
    return {"", "data: {\"candidates\":[{\"index\":0,\"finishReason\":\"STOP\"}]}\n\n"};
  return {"",
          "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
          "\"done\":true,\"done_reason\":\"stop\"}\n"};
}

// What the answerer's bytes mean; its text comes in two pieces, its bytes one by one.
std::vector<chat::Event> EventsWith(const Answerer& answerer, const chat::GenerateRequest& request,
                                    const std::string& text) {
  size_t half = text.size() / 2;
  while (half > 0 && (static_cast<uint8_t>(text[half]) & 0xC0) == 0x80) --half;
  const std::string first = text.substr(0, half);
  const std::string second = text.substr(half);
  if (answerer.dialect == nullptr) {
    return {chat::Started{}, chat::Delta{.text = first}, chat::Delta{.text = second},
            chat::ChoiceDone{}, chat::Done{}};
  }
  const Frame frame = FrameOf(answerer.name);
  const std::string bytes =
      frame.before + Streamed(answerer.name, first) + Streamed(answerer.name, second) + frame.after;
  const auto reader = answerer.dialect->read(request, {.streams = true}, {});
  std::vector<chat::Event> events;
  EXPECT_TRUE(reader->Head(200, {}));
  for (const char byte : bytes) EXPECT_TRUE(reader->Feed({&byte, 1}, events)) << answerer.name;
  EXPECT_TRUE(reader->End(events)) << answerer.name;
  return events;
}

const std::string* TextAt(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  return found == nullptr ? nullptr : found->AsString();
}

// The text of one event, or line, of a client's stream.
std::string TextOf(std::string_view client, const json::Value& event) {
  const auto text = [](const json::Value* value, std::string_view key) {
    const std::string* found = value == nullptr ? nullptr : TextAt(*value, key);
    return found == nullptr ? std::string() : *found;
  };
  if (client == "openai") {
    const json::Array* choices = event.Find("choices")->AsArray();
    return choices->empty() ? std::string() : text(choices->front().Find("delta"), "content");
  }
  if (client == "responses")
    return *TextAt(event, "type") == "response.output_text.delta" ? *TextAt(event, "delta") : "";
  if (client == "anthropic") return text(event.Find("delta"), "text");
  if (client == "ollama") return text(event.Find("message"), "content");
  return text(&event, "content");
}

std::string TextOfStream(std::string_view client, std::string_view stream) {
  std::string out;
  while (!stream.empty()) {
    const size_t end = stream.find('\n');
    EXPECT_NE(end, stream.npos);
    std::string_view line = stream.substr(0, end);
    stream.remove_prefix(end + 1);
    if (line.starts_with("data: ")) line.remove_prefix(6);
    if (!line.starts_with('{')) continue;
    const auto event = json::Parse(line);
    EXPECT_TRUE(event) << client << ": " << line;
    if (event) out += TextOf(client, *event);
  }
  return out;
}

TEST(HardText, ReachesTheClientByteForByte) {
  for (const std::string& text : HardTexts()) {
    for (const ClientDialect& client : ClientDialects()) {
      const auto call = client.read(RequestWith(client.name, "\"Hi\""));
      ASSERT_TRUE(call);
      for (const Answerer& answerer : Answerers()) {
        const chat::ProviderDialect* dialect = answerer.dialect;
        if (dialect != nullptr && !dialect->write(call->request, {.name = "m"}, {}, true)) continue;
        const auto answer = call->answer(true);
        std::string stream;
        for (const chat::Event& event : EventsWith(answerer, call->request, text))
          ASSERT_TRUE(answer->Append(event, stream)) << client.name << " " << answerer.name;
        ASSERT_TRUE(answer->End(stream));
        EXPECT_TRUE(TextOfStream(client.name, stream) == text)
            << client.name << " " << answerer.name << ": " << Escaped(text, true).substr(0, 200);
      }
    }
  }
}

}  // namespace
}  // namespace weir::pairs
