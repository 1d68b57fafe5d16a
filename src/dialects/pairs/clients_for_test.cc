#include "dialects/pairs/clients_for_test.h"

#include <array>
#include <utility>

#include "dialects/anthropic/answer.h"
#include "dialects/anthropic/error.h"
#include "dialects/anthropic/provider.h"
#include "dialects/anthropic/request.h"
#include "dialects/gemini/provider.h"
#include "dialects/llamacpp/answer.h"
#include "dialects/llamacpp/request.h"
#include "dialects/ollama/answer.h"
#include "dialects/ollama/error.h"
#include "dialects/ollama/provider.h"
#include "dialects/ollama/request.h"
#include "dialects/openai/answer.h"
#include "dialects/openai/error.h"
#include "dialects/openai/provider.h"
#include "dialects/openai/request.h"
#include "dialects/responses/answer.h"
#include "dialects/responses/error.h"
#include "dialects/responses/request.h"

namespace weir::pairs {
namespace {

constexpr int64_t kNowS = 1'700'000'000;
constexpr std::string_view kWeir = R"({"decision":"d"})";
const std::string kModel = "the-model";

// A stream's End that cannot fail.
template <class Encoder>
class Streamed final : public ClientAnswer {
 public:
  template <class... Arguments>
  explicit Streamed(Arguments&&... arguments) : encoder_(std::forward<Arguments>(arguments)...) {}

  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_.Append(event, out);
  }
  Result<void> End(std::string& out) override {
    encoder_.End(kWeir, out);
    return {};
  }
  void Fail(const Error& error, std::string& out) override { encoder_.Fail(error, out); }

 private:
  Encoder encoder_;
};

// Gathers everything; a failure is the body.
template <class Whole, std::string (*Render)(const Error&)>
class Gathered final : public ClientAnswer {
 public:
  template <class... Arguments>
  explicit Gathered(Arguments&&... arguments) : whole_(std::forward<Arguments>(arguments)...) {}

  Result<void> Append(const chat::Event& event, std::string&) override {
    return whole_.Append(event);
  }
  Result<void> End(std::string& out) override {
    auto body = whole_.End(kWeir);
    if (!body) return weir::Fail(body.error());
    out += *body;
    return {};
  }
  void Fail(const Error& error, std::string& out) override { out += Render(error); }

 private:
  Whole whole_;
};

// One encoder for both forms.
template <class Encoder, std::string (*Render)(const Error&)>
class Either final : public ClientAnswer {
 public:
  Either(bool streams, Encoder encoder) : streams_(streams), encoder_(std::move(encoder)) {}

  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_.Append(event, out);
  }
  Result<void> End(std::string& out) override { return encoder_.End(kWeir, out); }
  void Fail(const Error& error, std::string& out) override {
    if (streams_) {
      encoder_.Fail(error, out);
    } else {
      out += Render(error);
    }
  }

 private:
  const bool streams_;
  Encoder encoder_;
};

Result<ClientCall> ReadOpenAi(std::string_view body) {
  auto call = openai::ReadChat(body);
  if (!call) return Fail(call.error());
  const openai::AnswerForm form = openai::FormOf(*call);
  const auto answer = [form](bool streams) -> std::unique_ptr<ClientAnswer> {
    openai::AnswerHead head = {.id = "chatcmpl-1", .created_s = kNowS, .model = kModel};
    if (streams) return std::make_unique<Streamed<openai::StreamEncoder>>(std::move(head), form);
    return std::make_unique<Gathered<openai::WholeAnswer, openai::RenderError>>(std::move(head),
                                                                                form);
  };
  return ClientCall{std::move(call->request), call->stream, answer};
}

class ResponsesAnswer final : public ClientAnswer {
 public:
  ResponsesAnswer(responses::Echo echo, const responses::AnswerForm& form)
      : streams_(form.stream),
        encoder_({.id = "resp_1", .created_s = kNowS, .model = kModel}, std::move(echo), form) {}

  Result<void> Append(const chat::Event& event, std::string& out) override {
    return encoder_.Append(event, out);
  }
  Result<void> End(std::string& out) override {
    const auto object = encoder_.Object(kWeir, kNowS, false);
    if (!object) return weir::Fail(object.error());
    encoder_.End(*object, out);
    return {};
  }
  void Fail(const Error& error, std::string& out) override {
    if (streams_) {
      encoder_.Fail(error, out);
    } else {
      out += responses::RenderError(error);
    }
  }

 private:
  const bool streams_;
  responses::Encoder encoder_;
};

Result<ClientCall> ReadResponses(std::string_view body) {
  auto call = responses::ReadCreate(body);
  if (!call) return Fail(call.error());
  if (auto said = responses::Converse(*call, {}, {}, "1"); !said) return Fail(said.error());
  const auto answer = [echo = std::move(call->echo),
                       logprobs = call->logprobs](bool streams) -> std::unique_ptr<ClientAnswer> {
    return std::make_unique<ResponsesAnswer>(
        echo, responses::AnswerForm{.stream = streams, .logprobs = logprobs});
  };
  return ClientCall{std::move(call->request), call->stream, answer};
}

std::string RenderAnthropicError(const Error& error) {
  return anthropic::RenderError(error, "req_1");
}

Result<ClientCall> ReadAnthropic(std::string_view body) {
  auto call = anthropic::ReadMessagesCall(body);
  if (!call) return Fail(call.error());
  const auto answer = [](bool streams) -> std::unique_ptr<ClientAnswer> {
    anthropic::AnswerHead head = {.id = "msg_1", .model = kModel};
    if (streams) return std::make_unique<Streamed<anthropic::StreamEncoder>>(std::move(head));
    return std::make_unique<Gathered<anthropic::WholeAnswer, RenderAnthropicError>>(
        std::move(head));
  };
  return ClientCall{std::move(call->request), call->stream, answer};
}

Result<ClientCall> ReadOllama(std::string_view body) {
  auto call = ollama::ReadChat(body);
  if (!call) return Fail(call.error());
  const auto answer = [](bool streams) -> std::unique_ptr<ClientAnswer> {
    ollama::AnswerHead head = {.model = kModel, .created_at = "2026-01-01T00:00:00Z"};
    return std::make_unique<Either<ollama::Encoder, ollama::RenderError>>(
        streams, ollama::Encoder(std::move(head), streams));
  };
  return ClientCall{std::move(call->request), call->stream, answer};
}

Result<ClientCall> ReadLlamaCpp(std::string_view body) {
  auto call = llamacpp::ReadCompletion(body);
  if (!call) return Fail(call.error());
  const bool stream = call->form.stream;
  const auto answer = [form =
                           std::move(call->form)](bool streams) -> std::unique_ptr<ClientAnswer> {
    llamacpp::CompletionForm asked = form;
    asked.stream = streams;
    return std::make_unique<Either<llamacpp::Encoder, openai::RenderError>>(
        streams, llamacpp::Encoder(kModel, std::move(asked)));
  };
  return ClientCall{std::move(call->request), stream, answer};
}

constexpr std::array kClients = {
    ClientDialect{"openai", "OpenAI chat", ReadOpenAi, openai::RenderError},
    ClientDialect{"responses", "OpenAI Responses", ReadResponses, responses::RenderError},
    ClientDialect{"anthropic", "Anthropic", ReadAnthropic, RenderAnthropicError},
    ClientDialect{"ollama", "Ollama", ReadOllama, ollama::RenderError},
    ClientDialect{"llamacpp", "llama.cpp", ReadLlamaCpp, openai::RenderError},
};

}  // namespace

std::span<const ClientDialect> ClientDialects() { return kClients; }

std::span<const Answerer> Answerers() {
  static const std::array kAnswerers = {
      Answerer{"engine", "local engine", nullptr},
      Answerer{"openai", "OpenAI", &openai::kProvider},
      Answerer{"anthropic", "Anthropic", &anthropic::kProvider},
      Answerer{"gemini", "Gemini", &gemini::kProvider},
      Answerer{"ollama", "Ollama", &ollama::kProvider},
  };
  return kAnswerers;
}

}  // namespace weir::pairs
