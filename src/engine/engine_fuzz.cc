// Whatever a gateway sends, the reading side of an engine survives it: raw bytes, frames with any
// body, and requests drawn field by field, which come further. Over a vocabulary alone, that of
// the tiny model under WEIR_SHARED_DATA or beside the repository.
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/check.h"
#include "engine/reader.h"
#include "llama/chat_template.h"
#include "llama/completion_prompt.h"

namespace {

using namespace weir;
using wire::EngineFrame;

struct World {
  std::unique_ptr<llama::Model> model;
  std::unique_ptr<llama::ChatTemplate> chat_template;
};

World& Load() {
  const char* folder = std::getenv("WEIR_SHARED_DATA");
  const std::string path =
      std::string(folder != nullptr ? folder : WEIR_SOURCE_DIR "/../shared/data") +
      "/models/stories260K/stories260K-f32.gguf";
  llama::ModelSettings settings;
  settings.vocabulary_only = true;
  if (access(path.c_str(), R_OK) != 0) {
    std::fprintf(stderr, "no model file %s; set WEIR_SHARED_DATA\n", path.c_str());
    std::abort();  // a run that tests nothing is not clean
  }
  llama::StartBackend();
  auto model = llama::Model::Load(path, settings);
  CHECK(model.has_value(), "the vocabulary loads");
  auto chat_template = llama::ChatTemplate::Create(**model);
  CHECK(chat_template.has_value(), "a model without a template chats, too");
  return *new World{std::move(*model), std::move(*chat_template)};
}

// Mostly small, now and then anything.
int32_t Number(FuzzedDataProvider& data, int32_t usual) {
  return data.ConsumeIntegralInRange<int>(0, 7) > 0 ? data.ConsumeIntegralInRange(0, usual)
                                                    : data.ConsumeIntegral<int32_t>();
}
std::string Text(FuzzedDataProvider& data) { return data.ConsumeRandomLengthString(200); }

chat::Prompt DrawPrompt(FuzzedDataProvider& data) {
  chat::Prompt prompt;
  if (data.ConsumeBool()) {
    prompt.text = Text(data);
  } else {
    for (int i = data.ConsumeIntegralInRange(0, 70); i > 0; --i) {
      prompt.tokens.push_back(Number(data, 511));
    }
  }
  return prompt;
}

std::vector<chat::Message> DrawMessages(FuzzedDataProvider& data) {
  std::vector<chat::Message> messages;
  for (int i = data.ConsumeIntegralInRange(0, 4); i > 0; --i) {
    chat::Message& message = messages.emplace_back();
    message.role = static_cast<chat::Role>(data.ConsumeIntegralInRange(0, chat::kRoleCount - 1));
    for (int j = data.ConsumeIntegralInRange(0, 2); j > 0; --j) {
      message.parts.push_back(
          {.kind = static_cast<chat::Part::Kind>(data.ConsumeIntegralInRange(0, 3)),
           .text = Text(data)});
    }
    if (data.ConsumeBool()) message.tool_calls.push_back({Text(data), Text(data), Text(data)});
    if (data.ConsumeBool()) message.reasoning = Text(data);
  }
  return messages;
}

chat::Sampling DrawSampling(FuzzedDataProvider& data) {
  chat::Sampling sampling;
  const auto number = [&]() -> std::optional<float> {
    if (data.ConsumeBool()) return std::nullopt;
    return data.ConsumeBool() ? data.ConsumeProbability<float>()
                              : data.ConsumeFloatingPoint<float>();
  };
  sampling.temperature = number();
  sampling.top_p = number();
  sampling.min_p = number();
  sampling.typical_p = number();
  sampling.repeat_penalty = number();
  sampling.frequency_penalty = number();
  sampling.xtc_probability = number();
  sampling.dry_multiplier = number();
  sampling.top_k = Number(data, 100);
  if (data.ConsumeBool()) sampling.penalty_last_n = Number(data, 64);
  if (data.ConsumeBool()) sampling.mirostat = Number(data, 2);
  if (data.ConsumeBool()) sampling.dry_sequence_breakers = {Text(data)};
  if (data.ConsumeBool()) sampling.logit_bias = {{Number(data, 511), number().value_or(0)}};
  return sampling;
}

wire::Generate DrawGenerate(FuzzedDataProvider& data) {
  wire::Generate asked;
  chat::GenerateRequest& request = asked.request;
  if (data.ConsumeBool()) {
    request.messages = DrawMessages(data);
  } else {
    for (int i = data.ConsumeIntegralInRange(1, 3); i > 0; --i) {
      request.prompts.push_back(DrawPrompt(data));
    }
  }
  request.sampling = DrawSampling(data);
  request.n = Number(data, 4);
  if (data.ConsumeBool()) request.max_tokens = Number(data, 100);
  if (data.ConsumeBool()) request.stop = {Text(data), Text(data)};
  request.top_logprobs = Number(data, 20);
  request.has_suffix = data.ConsumeIntegralInRange(0, 7) == 0;
  request.response_format.kind =
      static_cast<chat::ResponseFormat::Kind>(data.ConsumeIntegralInRange(0, 3));
  request.response_format.schema = Text(data);
  request.response_format.grammar = Text(data);
  if (data.ConsumeBool()) request.tools.push_back({Text(data), Text(data), Text(data)});
  if (data.ConsumeBool()) request.template_arguments[Text(data)] = Text(data);
  return asked;
}

std::string DrawFrame(FuzzedDataProvider& data, uint64_t id) {
  const auto frame = [&](EngineFrame kind, std::string_view body) {
    return wire::EncodeFrame(static_cast<uint16_t>(kind), id, body);
  };
  switch (data.ConsumeIntegralInRange(0, 7)) {
    case 0:
      return wire::EncodeFrame(data.ConsumeIntegralInRange<uint16_t>(0, 80), Number(data, 4) % 8,
                               Text(data));
    case 1:
      return frame(EngineFrame::kScore,
                   wire::Encode(wire::Score{{},
                                            {.messages = DrawMessages(data),
                                             .prompt = DrawPrompt(data),
                                             .continuations = {Text(data), Text(data)}}}));
    case 2:
      return frame(EngineFrame::kTokenize,
                   wire::Encode(wire::Tokenize{Text(data),
                                               data.ConsumeBool(),
                                               data.ConsumeBool(),
                                               data.ConsumeBool(),
                                               {.messages = DrawMessages(data)}}));
    case 3:
      return frame(EngineFrame::kDetokenize,
                   wire::Encode(wire::Detokenize{DrawPrompt(data).tokens}));
    case 4:
      return wire::EncodeFrame(static_cast<uint16_t>(EngineFrame::kCancel), id - 1, "");
    default:
      return frame(EngineFrame::kGenerate, wire::Encode(DrawGenerate(data)));
  }
}

std::string DrawConversation(FuzzedDataProvider& data) {
  if (data.ConsumeIntegralInRange(0, 7) == 0) return data.ConsumeRemainingBytesAsString();
  std::string bytes;
  for (uint64_t id = 1; id < 20 && data.remaining_bytes() > 0; ++id) bytes += DrawFrame(data, id);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const World& world = Load();
  FuzzedDataProvider data(bytes, size);
  const std::string conversation = DrawConversation(data);
  int ends[2] = {-1, -1};
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "a pair of sockets");
  // What does not fit the socket's buffer is cut off: an end inside a frame, and a case of its own.
  (void)send(ends[0], conversation.data(), conversation.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  shutdown(ends[0], SHUT_WR);
  const engine::Preparation preparation(*world.model, world.chat_template.get(), nullptr,
                                        {.request_tokens_max = 64, .max_tokens_default = 16});
  engine::Inbox inbox(engine::kInboxMax);
  engine::StepWatch watch([] {}, [] {});
  (void)engine::Reader(ends[1], preparation, inbox, watch).Run();
  close(ends[0]);
  close(ends[1]);
  while (const auto item = inbox.TryPop()) {
    const auto* start = std::get_if<engine::StartGenerate>(&*item);
    if (start == nullptr) continue;
    CHECK(!start->work.prompts.empty() && start->work.forks >= 1, "something to run");
    CHECK(start->work.answers.size() ==
              start->work.prompts.size() * static_cast<size_t>(start->work.forks),
          "an answer for each choice");
    for (const auto& prompt : start->work.prompts) {
      CHECK(prompt.max_tokens >= 1 && prompt.tokens.size() + prompt.max_tokens <= 64,
            "prompt and answer fit");
    }
  }
  return 0;
}
