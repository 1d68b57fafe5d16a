#include "dialects/llamacpp/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "dialects/openai/error.h"
#include "dialects/openai/pieces.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::llamacpp {
namespace {

void WriteCount(json::Writer& writer, std::string_view key, std::optional<int64_t> count) {
  writer.Key(key);
  count ? writer.Int(*count) : writer.Null();
}

void WriteRates(json::Writer& writer, std::string_view what, std::optional<int64_t> tokens,
                double ms) {
  WriteCount(writer, fmt::format("{}_n", what), tokens);
  writer.Field(fmt::format("{}_ms", what), ms);
  const bool known = tokens && *tokens > 0 && ms > 0;
  const auto count = static_cast<double>(tokens.value_or(0));
  writer.Field(fmt::format("{}_per_token_ms", what), known ? ms / count : 0.0);
  writer.Field(fmt::format("{}_per_second", what), known ? count * 1000 / ms : 0.0);
}

void WriteTimings(json::Writer& writer, const chat::Done& done) {
  const chat::Usage& usage = done.usage;
  std::optional<int64_t> computed = usage.prompt_tokens;
  if (computed && usage.cached_tokens) *computed -= *usage.cached_tokens;
  writer.BeginObject();
  WriteCount(writer, "cache_n", usage.cached_tokens);
  WriteRates(writer, "prompt", computed, done.prompt_ms);
  WriteRates(writer, "predicted", usage.completion_tokens, done.decode_ms);
  if (done.draft_tokens > 0) {
    writer.Field("draft_n", done.draft_tokens)
        .Field("draft_n_accepted", done.draft_tokens_accepted);
  }
  writer.EndObject();
}

void WriteTokens(json::Writer& writer, const std::vector<int32_t>& tokens) {
  writer.Key("tokens").BeginArray();
  for (const int32_t token : tokens) writer.Int(token);
  writer.EndArray();
}

std::string_view StopType(const chat::ChoiceDone& done, bool bounded) {
  if (bounded || done.reason == chat::FinishReason::kLength) return "limit";
  return done.stop_sequence.empty() ? "eos" : "word";
}

}  // namespace

std::string IndentBound::Admit(std::string_view piece) {
  if (least_ == 0) return std::string(piece);
  std::string out;
  for (const char c : piece) {
    if (ended_) break;
    const bool space = c == ' ' || c == '\t';
    if (at_line_start_ && space) {
      held_ += c;
      continue;
    }
    if (at_line_start_ && c != '\n' && held_.size() < least_) {
      ended_ = true;
      held_.clear();
      break;
    }
    out += std::exchange(held_, {});
    out += c;
    at_line_start_ = c == '\n';
  }
  return out;
}

std::string IndentBound::Rest() { return std::exchange(held_, {}); }

Encoder::Encoder(std::string model, CompletionForm form)
    : model_(std::move(model)),
      form_(std::move(form)),
      order_(static_cast<int32_t>(form_.prompts.size())) {
  CHECK(!form_.prompts.empty(), "an answer without a prompt");
  choices_.assign(form_.prompts.size(), Choice(form_.indent_min));
}

Result<void> Encoder::Append(const chat::Event& event, std::string& out) {
  CHECK(!over_, "an event after the end of its answer");
  if (auto accepted = order_.Accept(event); !accepted) return accepted;
  if (const auto* started = std::get_if<chat::Started>(&event)) started_ = *started;
  if (const auto* done = std::get_if<chat::ChoiceDone>(&event)) {
    const auto index = static_cast<size_t>(done->choice);
    choices_[index].done = *done;
    const std::string rest = choices_[index].bound.Rest();
    if (!form_.stream) choices_[index].text += rest;
    if (form_.stream && !rest.empty()) Partial(index, rest, {}, out);
  }
  if (const auto* done = std::get_if<chat::Done>(&event)) done_ = *done;
  const auto* delta = std::get_if<chat::Delta>(&event);
  return delta == nullptr ? Result<void>() : Take(*delta, out);
}

Result<void> Encoder::Take(const chat::Delta& delta, std::string& out) {
  const auto index = static_cast<size_t>(delta.choice);
  Choice& choice = choices_[index];
  if (form_.only_prompt || choice.bound.ended()) return {};
  ++choice.tokens;
  const std::string text = choice.bound.Admit(delta.text);
  choice.has_newline |= text.contains('\n');
  if (form_.stream) {
    const bool probable = form_.probabilities && !delta.logprobs.empty();
    if (!text.empty() || probable || !delta.tokens.empty()) Partial(index, text, delta, out);
    return {};
  }
  bytes_ += BytesOf(delta);
  if (bytes_ > kBytesMax) {
    return weir::Fail(Code::kBackendFailed,
                      fmt::format("the answer is over {} bytes; ask for a stream", kBytesMax), {},
                      "answer_too_large");
  }
  choice.text += text;
  choice.ids.insert(choice.ids.end(), delta.tokens.begin(), delta.tokens.end());
  if (form_.probabilities) {
    choice.logprobs.insert(choice.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  }
  return {};
}

void Encoder::Partial(size_t index, std::string_view text, const chat::Delta& delta,
                      std::string& out) {
  out += "data: ";
  json::Writer writer(&out);
  writer.BeginObject().Field("index", index).Field("content", text);
  WriteTokens(writer, delta.tokens);
  writer.Field("stop", false).Field("id_slot", -1);
  writer.Field("tokens_predicted", choices_[index].tokens);
  writer.Field("tokens_evaluated", started_.prompt_tokens);
  if (form_.timings_per_token) {
    writer.Key("timings").BeginObject().Field("cache_n", started_.cached_tokens);
    writer.Field("prompt_n", started_.prompt_tokens - started_.cached_tokens);
    writer.Field("predicted_n", choices_[index].tokens).EndObject();
  }
  if (form_.probabilities) {
    writer.Key("completion_probabilities");
    openai::WriteTokens(writer, delta.logprobs);
  }
  writer.EndObject();
  out += "\n\n";
}

std::string Encoder::Final(size_t index, std::string_view weir) const {
  const Choice& choice = choices_[index];
  const bool one = choices_.size() == 1;
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("index", index).Field("content", choice.text);
  WriteTokens(writer, choice.ids);
  writer.Field("id_slot", -1).Field("stop", true);
  writer.Field("model", model_);
  // Of several prompts only the sums are known.
  const auto own = [&](std::optional<int64_t> count) {
    return one ? count : std::optional<int64_t>();
  };
  WriteCount(writer, "tokens_predicted",
             one ? done_.usage.completion_tokens : std::optional(choice.done.stats.tokens));
  WriteCount(writer, "tokens_evaluated", own(done_.usage.prompt_tokens));
  writer.Key("generation_settings").Raw(form_.settings_json);
  writer.Field("prompt", form_.prompts[index]).Field("has_new_line", choice.has_newline);
  writer.Field("truncated", false);
  const bool bounded = form_.only_prompt || choice.bound.ended();
  writer.Field("stop_type", StopType(choice.done, bounded));
  writer.Field("stopping_word", choice.bound.ended() ? "" : choice.done.stop_sequence);
  WriteCount(writer, "tokens_cached", own(done_.usage.cached_tokens));
  writer.Key("timings");
  WriteTimings(writer, done_);
  if (form_.probabilities && !form_.stream) {
    writer.Key("completion_probabilities");
    openai::WriteTokens(writer, choice.logprobs);
  }
  if (!weir.empty()) writer.Key("weir").Raw(weir);
  writer.EndObject();
  return Selected(std::move(out));
}

// The fields that were asked for, each under the whole of its path, as llama-server names them.
std::string Encoder::Selected(std::string object) const {
  if (!form_.has_fields) return object;
  const auto all = json::Parse(object);
  CHECK(all.has_value(), "an answer of ours that is not JSON");
  json::Object some;
  for (const std::string& path : form_.fields) {
    const json::Value* found = &*all;
    for (size_t at = 0; found != nullptr && at <= path.size();) {
      const size_t end = std::min(path.find('/', at), path.size());
      found = found->Find(std::string_view(path).substr(at, end - at));
      at = end + 1;
    }
    const bool twice = std::ranges::find(some, path, &json::Member::key) != some.end();
    if (found != nullptr && !twice) some.push_back({path, *found});
  }
  return json::Print(json::Value(std::move(some)));
}

Result<void> Encoder::End(std::string_view weir, std::string& out) {
  CHECK(!over_, "an answer that ends twice");
  if (auto ended = order_.CheckEnded(); !ended) return ended;
  over_ = true;
  if (form_.stream) {
    for (size_t i = 0; i < choices_.size(); ++i) {
      const std::string_view last = i + 1 == choices_.size() ? weir : std::string_view();
      out += "data: " + Final(i, last) + "\n\n";
    }
    return {};
  }
  if (choices_.size() == 1) {
    out = Final(0, weir);
    return {};
  }
  out = "[";
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (i > 0) out += ',';
    out += Final(i, i + 1 == choices_.size() ? weir : std::string_view());
  }
  out += ']';
  return {};
}

void Encoder::Fail(const Error& error, std::string& out) {
  CHECK(!over_, "an answer that fails after its end");
  over_ = true;
  out += "data: ";
  out += openai::RenderError(error);
  out += "\n\n";
}

std::string RenderTokens(const wire::Tokens& tokens) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("tokens").BeginArray();
  for (size_t i = 0; i < tokens.tokens.size(); ++i) {
    if (tokens.pieces.empty()) {
      writer.Int(tokens.tokens[i]);
      continue;
    }
    const std::string& piece = tokens.pieces[i];
    writer.BeginObject().Field("id", tokens.tokens[i]).Key("piece");
    if (IsValidUtf8(piece)) {
      writer.String(piece);
    } else {
      writer.BeginArray();
      for (const char byte : piece) writer.Int(static_cast<unsigned char>(byte));
      writer.EndArray();
    }
    writer.EndObject();
  }
  writer.EndArray().EndObject();
  return out;
}

void Encoder::Heartbeat(std::string& out) { out += ": waiting\n\n"; }

void Encoder::Progress(const chat::Progress& progress, std::string& out) {
  if (!form_.progress) return;
  out += "data: ";
  json::Writer writer(&out);
  writer.BeginObject().Field("index", 0).Field("content", "");
  writer.Key("tokens").BeginArray().EndArray().Field("stop", false).Field("id_slot", -1);
  writer.Field("tokens_predicted", 0).Field("tokens_evaluated", progress.processed_tokens);
  writer.Key("prompt_progress").BeginObject().Field("total", progress.total_tokens);
  writer.Field("cache", started_.cached_tokens).Field("processed", progress.processed_tokens);
  writer.EndObject().EndObject();
  out += "\n\n";
}

}  // namespace weir::llamacpp
