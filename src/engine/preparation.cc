#include "engine/preparation.h"

#include <fmt/core.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "base/utf8.h"
#include "engine/check_tokens.h"
#include "engine/defaults.h"
#include "engine/prompt_images.h"
#include "engine/text_files.h"

namespace weir::engine {
namespace {

size_t TextBytes(const std::vector<chat::Message>& messages) {
  size_t bytes = 0;
  for (const chat::Message& message : messages) {
    for (const chat::Part& part : message.parts) {
      if (part.kind == chat::Part::Kind::kText) bytes += part.text.size();
    }
  }
  return bytes;
}

Result<void> CheckCounts(const chat::GenerateRequest& request) {
  if (request.messages.empty() == request.prompts.empty()) {
    return Fail(Code::kInvalidArgument, "a request has messages or prompts, and not both",
                "messages");
  }
  if (!request.context.empty() && request.messages.empty()) {
    return Fail(Code::kInvalidArgument, "a context goes with messages, not with a prompt",
                "context");
  }
  if (request.n < 1 || request.n > kForksMax) {
    return Fail(Code::kInvalidArgument, fmt::format("n must lie between 1 and {}", kForksMax), "n");
  }
  const size_t prompts = std::max<size_t>(request.prompts.size(), 1);
  if (prompts > kPromptsMax) {
    return Fail(Code::kInvalidArgument, fmt::format("at most {} prompts are taken", kPromptsMax),
                "prompt");
  }
  if (prompts * static_cast<size_t>(request.n) > kChoicesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("prompts times n must be at most {}", kChoicesMax), "n");
  }
  const int32_t tokens_min = request.echo ? 0 : 1;
  if (request.max_tokens && *request.max_tokens < tokens_min) {
    return Fail(Code::kInvalidArgument, fmt::format("max_tokens must be at least {}", tokens_min),
                "max_tokens");
  }
  if (request.echo && !request.messages.empty()) {
    return Fail(Code::kInvalidArgument, "echo goes with a prompt, not with messages", "echo");
  }
  if (request.echo && request.logprobs && request.has_suffix) {
    return Fail(Code::kInvalidArgument, "logprobs do not go with echo and a suffix", "logprobs",
                "unsupported_parameter");
  }
  if (request.top_logprobs < 0 || request.top_logprobs > llama::kTopLogprobsMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("top_logprobs must lie between 0 and {}", llama::kTopLogprobsMax),
                "top_logprobs");
  }
  return {};
}

Result<void> CheckStops(const std::vector<std::string>& stops) {
  if (stops.size() > llama::kStopsMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("at most {} stop strings are taken", llama::kStopsMax), "stop");
  }
  for (const std::string& stop : stops) {
    if (stop.size() > llama::kStopBytesMax) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("a stop string has at most {} bytes", llama::kStopBytesMax), "stop");
    }
  }
  return {};
}

// Rows that stand together, at most.
int32_t LongestImage(const std::vector<llama::Token>& tokens) {
  int32_t longest = 0, rows = 0;
  for (const llama::Token token : tokens) {
    rows = token == llama::kNoToken ? rows + 1 : 0;
    longest = std::max(longest, rows);
  }
  return longest;
}

uint32_t RandomSeed() {
  uint32_t seed = 0;
  FillRandom(std::as_writable_bytes(std::span(&seed, 1)));
  return seed;
}

// What a request asks of the form of its answer, when no chat template is there to say it.
Result<llama::Grammar> FormatGrammar(const chat::ResponseFormat& format) {
  llama::Grammar grammar;
  switch (format.kind) {
    case chat::ResponseFormat::Kind::kText:
      break;
    case chat::ResponseFormat::Kind::kJsonObject:
      grammar.gbnf = llama::JsonObjectGrammar();
      break;
    case chat::ResponseFormat::Kind::kJsonSchema: {
      Result<std::string> gbnf = llama::GrammarFromSchema(format.schema, "response_format");
      if (!gbnf) return std::unexpected(gbnf.error());
      grammar.gbnf = std::move(*gbnf);
      break;
    }
    case chat::ResponseFormat::Kind::kGrammar: {
      if (Result<void> checked = llama::CheckGrammar(format.grammar); !checked) {
        return std::unexpected(checked.error());
      }
      grammar.gbnf = format.grammar;
      break;
    }
  }
  return grammar;
}

}  // namespace

Result<void> Preparation::CheckGenerates() const {
  if (limits_.request_tokens_max > 0) return {};
  return Fail(Code::kUnprocessable, "this model makes embeddings; it does not generate or score",
              "model", "not_a_generative_model");
}

Result<void> Preparation::CheckFits(size_t tokens, std::string_view param) const {
  // One cell stays for the first token of the answer.
  const auto room = static_cast<size_t>(limits_.request_tokens_max) - 1;
  if (tokens <= room) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("the prompt has {} tokens; this model takes at most {} here (a larger "
                          "context can be set)",
                          tokens, room),
              std::string(param), "context_length_exceeded");
}

Result<void> Preparation::CheckMayFit(size_t bytes, std::string_view param) const {
  const size_t longest = model_.vocabulary().piece_bytes_max();
  const auto room = static_cast<size_t>(limits_.request_tokens_max) - 1;
  if (longest == 0 || bytes / longest <= room) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("the prompt has at least {} tokens; this model takes at most {} here (a "
                          "larger context can be set)",
                          bytes / longest, room),
              std::string(param), "context_length_exceeded");
}

// Only what is said: a template may leave out what was thought or called before.
Result<void> Preparation::CheckMayFit(const std::vector<chat::Message>& messages) const {
  return CheckMayFit(TextBytes(messages), "messages");
}

Result<std::vector<llama::Token>> Preparation::CompletionPrompt(
    const chat::GenerateRequest& request, const chat::Prompt& prompt) const {
  const llama::Vocabulary& vocabulary = model_.vocabulary();
  if (auto may = CheckMayFit(prompt.text.size(), "prompt"); !may) {
    return std::unexpected(may.error());
  }
  if (auto may = CheckMayFit(request.suffix.size(), "suffix"); !may) {
    return std::unexpected(may.error());
  }
  size_t beside = 0;
  for (const chat::ContextFile& file : request.files) beside += file.name.size() + file.text.size();
  if (auto may = CheckMayFit(beside, "input_extra"); !may) return std::unexpected(may.error());
  if (request.has_suffix) {
    if (!prompt.tokens.empty()) {
      return Fail(Code::kInvalidArgument, "a suffix goes with a prompt of text, not of tokens",
                  "suffix");
    }
    return llama::InfillTokens(vocabulary, prompt.text, request.suffix, request.files);
  }
  if (auto checked = CheckTokens(vocabulary, prompt.tokens, "prompt"); !checked) {
    return std::unexpected(checked.error());
  }
  auto tokens = llama::CompletionTokens(vocabulary, prompt);
  if (tokens && tokens->empty()) {
    // A model without a beginning token has nothing to continue from.
    if (vocabulary.end() == llama::kNoToken) {
      return Fail(Code::kInvalidArgument, "the prompt is empty", "prompt");
    }
    tokens->push_back(vocabulary.end());
  }
  return tokens;
}

Result<void> Preparation::PrepareCompletion(const chat::GenerateRequest& request,
                                            const std::atomic<bool>& cancelled,
                                            PreparedGenerate& prepared) const {
  size_t echoed = 0;
  for (const chat::Prompt& prompt : request.prompts) {
    if (cancelled) return Fail(Cancelled());
    auto tokens = CompletionPrompt(request, prompt);
    if (!tokens) return std::unexpected(tokens.error());
    // Before the rest is made: the lists of a long prompt are many times its size.
    if (auto fits = CheckFits(tokens->size(), "prompt"); !fits) return fits;
    EchoedPrompt echo;
    if (request.echo) {
      const size_t lists = request.logprobs ? static_cast<size_t>(request.n) : 0;
      echoed += tokens->size() * lists * (1 + static_cast<size_t>(request.top_logprobs));
      if (echoed > kEchoEntriesMax) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("the echo would list over {} log-probabilities (tokens of the "
                                "prompts, times n, times 1 + logprobs)",
                                kEchoEntriesMax),
                    "logprobs");
      }
      echo = EchoOf(model_.vocabulary(), prompt, *tokens, request.logprobs, request.top_logprobs);
    }
    prepared.prompts.push_back({.tokens = std::move(*tokens), .echo = std::move(echo)});
  }
  return {};
}

bool Preparation::LooksAtImages(const wire::Generate& request) const {
  return projector_ != nullptr &&
         (HasImages(request.request.messages) || HasImages(defaults_.messages));
}

Result<std::vector<llama::PlacedImage>> Preparation::EncodeImages(
    const std::vector<chat::Message>& messages, llama::RenderedPrompt& rendered,
    const std::atomic<bool>& cancelled) const {
  if (rendered.images.empty()) return std::vector<llama::PlacedImage>{};
  const auto images = PromptImages::Of(messages);
  if (!images) return std::unexpected(images.error());
  const auto tokens = images->TokensOf(rendered, *projector_);
  if (!tokens) return std::unexpected(tokens.error());
  if (auto fits = CheckFits(tokens->size(), "messages"); !fits)
    return std::unexpected(fits.error());
  if (const int32_t rows = LongestImage(*tokens);
      projector_->mutual() && rows > limits_.together_max) {
    return Fail(Code::kInvalidArgument,
                fmt::format("an image has {} rows that this model computes in one step, which has "
                            "at most {} here (a larger micro batch can be set)",
                            rows, limits_.together_max),
                "messages", "image_too_large");
  }
  return images->Encode(rendered, *projector_, cancelled);
}

// Rows of images count, and have no ids that would mean anything outside.
Result<std::vector<llama::Token>> Preparation::TokensOf(
    const std::vector<chat::Message>& messages, const llama::RenderedPrompt& rendered) const {
  if (rendered.images.empty()) return rendered.tokens;
  CHECK(projector_ != nullptr, "only who has a projector renders images");
  const auto images = PromptImages::Of(messages);
  if (!images) return std::unexpected(images.error());
  return images->TokensOf(rendered, *projector_);
}

// The chat begins no text of its own there.
Result<void> Preparation::PutBehind(const std::vector<int32_t>& context,
                                    llama::RenderedPrompt& rendered) const {
  if (context.empty()) return {};
  const llama::Vocabulary& vocabulary = model_.vocabulary();
  std::vector<llama::Token>& prompt = rendered.tokens;
  if (auto checked = CheckTokens(vocabulary, context, "context"); !checked) return checked;
  if (auto fits = CheckFits(context.size() + prompt.size(), "context"); !fits) return fits;
  const bool begins =
      vocabulary.adds_beginning() && !prompt.empty() && prompt.front() == vocabulary.beginning();
  if (begins) prompt.erase(prompt.begin());
  for (auto& image : rendered.images) image.at += context.size() - (begins && image.at > 0 ? 1 : 0);
  prompt.insert(prompt.begin(), context.begin(), context.end());
  return {};
}

// A text's bias is that of each of its tokens.
Result<void> Preparation::ResolveBias(chat::Sampling& sampling) const {
  for (const auto& [text, bias] : sampling.text_bias) {
    if (text.size() > kBiasTextBytesMax) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("a text has at most {} bytes", kBiasTextBytesMax), "logit_bias");
    }
    auto tokens = model_.vocabulary().Tokenize(text, /*parse_special=*/false,
                                               /*add_special=*/false);
    if (!tokens) return std::unexpected(tokens.error());
    for (const llama::Token token : *tokens) sampling.logit_bias.emplace_back(token, bias);
    if (sampling.logit_bias.size() > llama::kLogitBiasMax) break;  // which CheckSampling says
  }
  return {};
}

// Requests that are to be reproducible compute nothing on a guess.
Result<std::vector<llama::Token>> Preparation::PredictionOf(
    const chat::GenerateRequest& request) const {
  if (request.prediction.empty() || request.sampling.seed) return std::vector<llama::Token>{};
  if (request.prediction.size() > kPredictionBytesMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("the prediction has {} bytes; the most is {}",
                            request.prediction.size(), kPredictionBytesMax),
                "prediction.content");
  }
  auto tokens = model_.vocabulary().TokenizeMiddle(request.prediction, /*parse_special=*/false);
  const auto room = static_cast<size_t>(limits_.request_tokens_max);
  if (tokens && tokens->size() > room) tokens->resize(room);
  return tokens;
}

Result<PreparedGenerate> Preparation::Prepare(wire::Generate asked,
                                              const std::atomic<bool>& cancelled) const {
  chat::GenerateRequest& request = asked.request;
  ApplyDefaults(defaults_, request);
  ReadTextFiles(request.messages);
  if (auto checked = CheckGenerates(); !checked) return std::unexpected(checked.error());
  if (auto checked = CheckCounts(request); !checked) return std::unexpected(checked.error());
  if (auto made = ResolveBias(request.sampling); !made) return std::unexpected(made.error());
  if (auto checked = llama::CheckSampling(request.sampling, model_.vocabulary().size()); !checked) {
    return std::unexpected(checked.error());
  }

  PreparedGenerate prepared{.caller = asked.caller,
                            .forks = request.n,
                            .deterministic = request.sampling.seed.has_value(),
                            .predicts = !request.prediction.empty(),
                            .priority = request.priority};
  auto prediction = PredictionOf(request);
  if (!prediction) return std::unexpected(prediction.error());
  prepared.prediction = std::move(*prediction);
  AnswerOptions options{.stops = request.stop,
                        .logprobs = request.logprobs,
                        .top_logprobs = request.top_logprobs,
                        .return_tokens = request.return_tokens};
  llama::Grammar grammar;
  if (!request.messages.empty()) {
    if (template_ == nullptr) {
      return Fail(Code::kUnprocessable, "this model does not chat; it makes embeddings", "model");
    }
    if (auto may = CheckMayFit(request.messages); !may) return std::unexpected(may.error());
    Result<llama::RenderedPrompt> rendered = template_->Render(request, projector_ != nullptr);
    if (!rendered) return std::unexpected(rendered.error());
    if (auto put = PutBehind(request.context, *rendered); !put) return std::unexpected(put.error());
    auto images = EncodeImages(request.messages, *rendered, cancelled);
    if (!images) return std::unexpected(images.error());
    prepared.prompts.push_back(
        {.tokens = std::move(rendered->tokens), .images = std::move(*images)});
    for (std::string& stop : rendered->stops) options.stops.push_back(std::move(stop));
    options.format = rendered->format;
    options.visible_tokens = std::move(rendered->visible_tokens);
    options.reasoning_end = std::move(rendered->reasoning_end);
    options.reasoning_tokens_max = request.reasoning.budget_tokens.value_or(-1);
    if (rendered->has_grammar) grammar = std::move(rendered->grammar);
  } else {
    if (auto prompts = PrepareCompletion(request, cancelled, prepared); !prompts) {
      return std::unexpected(prompts.error());
    }
    auto made = FormatGrammar(request.response_format);
    if (!made) return std::unexpected(made.error());
    grammar = std::move(*made);
  }
  if (auto checked = CheckStops(options.stops); !checked) return std::unexpected(checked.error());

  const std::string_view param = request.messages.empty() ? "prompt" : "messages";
  for (PreparedGenerate::Prompt& prompt : prepared.prompts) {
    const size_t size = prompt.tokens.size();
    if (auto checked = CheckFits(size, param); !checked) return std::unexpected(checked.error());
    const int32_t room = limits_.request_tokens_max - static_cast<int32_t>(size);
    prompt.max_tokens = std::min(request.max_tokens.value_or(limits_.max_tokens_default), room);
  }

  const bool is_text = prepared.prompts.size() == 1 && prepared.prompts.front().images.empty();
  if (request.return_tokens && is_text) prepared.told_prompt = prepared.prompts.front().tokens;
  if (cancelled) return Fail(Cancelled());
  const uint32_t seed = request.sampling.seed.value_or(RandomSeed());
  for (const auto& prompt : prepared.prompts) {
    auto sampler = llama::Sampler::Create(model_, request.sampling,
                                          grammar.gbnf.empty() ? nullptr : &grammar, seed);
    if (!sampler) return std::unexpected(sampler.error());
    (*sampler)->ReadPrompt(prompt.tokens);
    options.max_tokens = prompt.max_tokens;
    options.echo = prompt.echo.text;
    for (int32_t fork = 0; fork < request.n; ++fork) {
      options.choice = static_cast<int32_t>(prepared.answers.size());
      options.id_seed = (uint64_t{seed} << 32) | static_cast<uint32_t>(options.choice);
      const bool last = fork + 1 == request.n;
      auto branch =
          last && fork == 0 ? std::move(*sampler) : (*sampler)->Clone(static_cast<uint32_t>(fork));
      prepared.answers.push_back(
          std::make_unique<Answer>(model_.vocabulary(), std::move(branch), options));
    }
  }
  return prepared;
}

Result<PreparedScore> Preparation::Prepare(const wire::Score& asked,
                                           const std::atomic<bool>& cancelled) const {
  const chat::ScoreRequest& request = asked.request;
  if (auto checked = CheckGenerates(); !checked) return std::unexpected(checked.error());
  if (request.continuations.empty() || request.continuations.size() > kContinuationsMax) {
    return Fail(Code::kInvalidArgument,
                fmt::format("continuations takes 1 to {} texts", kContinuationsMax),
                "continuations");
  }
  std::vector<llama::Token> prompt;
  if (!request.messages.empty()) {
    if (template_ == nullptr) {
      return Fail(Code::kUnprocessable, "this model does not chat", "model");
    }
    if (auto may = CheckMayFit(request.messages); !may) return std::unexpected(may.error());
    chat::GenerateRequest chat;
    chat.messages = request.messages;
    ReadTextFiles(chat.messages);
    auto rendered = template_->Render(chat);
    if (!rendered) return std::unexpected(rendered.error());
    prompt = std::move(rendered->tokens);
  } else {
    auto tokens = CompletionPrompt({}, request.prompt);
    if (!tokens) return std::unexpected(tokens.error());
    prompt = std::move(*tokens);
  }

  // The first continuation token needs a row before it to be predicted from.
  if (prompt.empty()) return Fail(Code::kInvalidArgument, "the prompt is empty", "prompt");
  PreparedScore prepared{.caller = asked.caller,
                         .prompt_tokens = static_cast<int32_t>(prompt.size()),
                         .priority = request.priority};
  for (size_t i = 0; i < request.continuations.size(); ++i) {
    if (cancelled) return Fail(Cancelled());
    const std::string param = fmt::format("continuations[{}]", i);
    if (auto may = CheckMayFit(request.continuations[i].size(), param); !may) {
      return std::unexpected(may.error());
    }
    auto tokens =
        model_.vocabulary().TokenizeMiddle(request.continuations[i], /*parse_special=*/false);
    if (!tokens) return std::unexpected(tokens.error());
    if (tokens->empty()) return Fail(Code::kInvalidArgument, "a continuation is empty", param);
    if (auto fits = CheckFits(prompt.size() + tokens->size(), param); !fits) {
      return std::unexpected(fits.error());
    }
    std::vector<llama::Token> sequence = prompt;
    sequence.insert(sequence.end(), tokens->begin(), tokens->end());
    prepared.sequences.push_back(std::move(sequence));
  }
  return prepared;
}

Result<wire::Tokens> Preparation::Prepare(const wire::Tokenize& request,
                                          const std::atomic<bool>& /*cancelled*/) const {
  wire::Tokens reply;
  const size_t bytes = request.text.size() + TextBytes(request.chat.messages);
  if (bytes > kTokenizeBytesMax) {
    return Fail(Code::kTooLarge,
                fmt::format("the text has {} bytes; at most {} are tokenised for counting", bytes,
                            kTokenizeBytesMax),
                request.chat.messages.empty() ? "content" : "messages");
  }
  if (!request.chat.messages.empty()) {
    if (template_ == nullptr) {
      return Fail(Code::kUnprocessable, "this model does not chat", "model");
    }
    chat::GenerateRequest chat = request.chat;
    ApplyDefaults(defaults_, chat);
    ReadTextFiles(chat.messages);
    auto rendered = template_->Render(chat, projector_ != nullptr);
    if (!rendered) return std::unexpected(rendered.error());
    auto tokens = TokensOf(chat.messages, *rendered);
    if (!tokens) return std::unexpected(tokens.error());
    reply.tokens = std::move(*tokens);
    reply.text = std::move(rendered->text);
    return reply;
  }
  auto tokens =
      model_.vocabulary().Tokenize(request.text, request.parse_special, request.add_special);
  if (!tokens) return std::unexpected(tokens.error());
  reply.tokens = std::move(*tokens);
  for (size_t i = 0; request.pieces && i < reply.tokens.size(); ++i)
    reply.pieces.push_back(model_.vocabulary().Piece(reply.tokens[i], /*special=*/true));
  return reply;
}

Result<wire::Text> Preparation::Prepare(const wire::Detokenize& request,
                                        const std::atomic<bool>& /*cancelled*/) const {
  if (auto checked = CheckTokens(model_.vocabulary(), request.tokens, "tokens"); !checked) {
    return std::unexpected(checked.error());
  }
  std::string bytes;
  for (const int32_t token : request.tokens) {
    bytes += model_.vocabulary().Piece(token, /*special=*/true);
    if (bytes.size() > kDetokenizeBytesMax) {
      return Fail(Code::kTooLarge,
                  fmt::format("the tokens make more than {} bytes of text", kDetokenizeBytesMax),
                  "tokens");
    }
  }
  // Token borders may cut a code point; what leaves here is text.
  return wire::Text{WholeText(bytes)};
}

}  // namespace weir::engine
