// How the canonical structs of chat/ lie on the wire (archive.h). A field that is added there is
// added here.
#pragma once

#include "chat/event.h"
#include "chat/request.h"
#include "wire/archive.h"

namespace weir::wire {
template <>
inline constexpr int kEnumCount<chat::Role> = chat::kRoleCount;
template <>
inline constexpr int kEnumCount<chat::Part::Kind> = 4;
template <>
inline constexpr int kEnumCount<chat::ToolChoice::Mode> = 3;
template <>
inline constexpr int kEnumCount<chat::ResponseFormat::Kind> = 4;
template <>
inline constexpr int kEnumCount<chat::Reasoning::Effort> = 8;
template <>
inline constexpr int kEnumCount<chat::Reasoning::Thinking> = 3;
template <>
inline constexpr int kEnumCount<chat::Verbosity> = 4;
template <>
inline constexpr int kEnumCount<chat::CacheMark> = 3;
template <>
inline constexpr int kEnumCount<chat::Priority> = 3;
template <>
inline constexpr int kEnumCount<chat::FinishReason> = 4;
}  // namespace weir::wire

namespace weir::chat {

template <class Archive>
void Visit(Archive& a, Part& v) {
  a(v.kind, v.text, v.media_type, v.data, v.url, v.name, v.detail, v.cache);
}
template <class Archive>
void Visit(Archive& a, ToolCall& v) {
  a(v.id, v.name, v.arguments, v.cache);
}
template <class Archive>
void Visit(Archive& a, Message& v) {
  a(v.role, v.parts, v.reasoning, v.tool_calls, v.tool_call_id, v.name, v.failed, v.cache);
}
template <class Archive>
void Visit(Archive& a, Tool& v) {
  a(v.name, v.description, v.parameters, v.strict, v.cache);
}
template <class Archive>
void Visit(Archive& a, ToolChoice& v) {
  a(v.mode, v.names);
}
template <class Archive>
void Visit(Archive& a, Sampling& v) {
  a(v.temperature, v.top_k, v.top_p, v.min_p, v.typical_p, v.repeat_penalty, v.frequency_penalty,
    v.presence_penalty, v.penalty_last_n, v.dry_multiplier, v.dry_base, v.dry_allowed_length,
    v.dry_penalty_last_n, v.dry_sequence_breakers, v.xtc_probability, v.xtc_threshold, v.mirostat,
    v.mirostat_tau, v.mirostat_eta, v.seed, v.logit_bias, v.text_bias, v.ignore_eos);
}
template <class Archive>
void Visit(Archive& a, ResponseFormat& v) {
  a(v.kind, v.name, v.schema, v.grammar, v.strict);
}
template <class Archive>
void Visit(Archive& a, Reasoning& v) {
  a(v.effort, v.thinking, v.budget_tokens);
}
template <class Archive>
void Visit(Archive& a, Prompt& v) {
  a(v.text, v.tokens);
}
template <class Archive>
void Visit(Archive& a, ContextFile& v) {
  a(v.name, v.text);
}
template <class Archive>
void Visit(Archive& a, GenerateRequest& v) {
  a(v.model, v.messages, v.context, v.prompts, v.suffix, v.has_suffix, v.files, v.tools,
    v.tool_choice, v.parallel_tool_calls, v.response_format, v.reasoning, v.verbosity,
    v.template_arguments, v.sampling, v.n, v.max_tokens, v.stop, v.prediction, v.logprobs,
    v.top_logprobs, v.echo, v.return_tokens, v.priority, v.keep_alive_ms, v.provider_fields);
}
template <class Archive>
void Visit(Archive& a, EmbedRequest& v) {
  a(v.model, v.inputs, v.ranks, v.input_tokens_max, v.dimensions, v.priority, v.keep_alive_ms);
}
template <class Archive>
void Visit(Archive& a, ScoreRequest& v) {
  a(v.model, v.messages, v.prompt, v.continuations, v.priority, v.keep_alive_ms);
}

template <class Archive>
void Visit(Archive& a, Usage& v) {
  a(v.prompt_tokens, v.cached_tokens, v.cache_written_tokens, v.completion_tokens,
    v.reasoning_tokens, v.accepted_prediction_tokens, v.rejected_prediction_tokens);
}
template <class Archive>
void Visit(Archive& a, TokenLogprob::Alternative& v) {
  a(v.bytes, v.logprob);
}
template <class Archive>
void Visit(Archive& a, TokenLogprob& v) {
  a(v.bytes, v.logprob, v.top);
}
template <class Archive>
void Visit(Archive& a, AnswerStats& v) {
  a(v.tokens, v.logprob_mean, v.logprob_min, v.entropy_mean, v.entropy_max, v.margin_mean,
    v.margin_min);
}
template <class Archive>
void Visit(Archive& a, Started& v) {
  a(v.prompt_tokens, v.cached_tokens, v.prompt);
}
template <class Archive>
void Visit(Archive& a, Progress& v) {
  a(v.processed_tokens, v.total_tokens);
}
template <class Archive>
void Visit(Archive& a, ToolCallDelta& v) {
  a(v.index, v.id, v.name, v.arguments);
}
template <class Archive>
void Visit(Archive& a, Delta& v) {
  a(v.choice, v.text, v.reasoning, v.tool_calls, v.logprobs, v.tokens);
}
template <class Archive>
void Visit(Archive& a, ChoiceDone& v) {
  a(v.choice, v.reason, v.stop_sequence, v.stats);
}
template <class Archive>
void Visit(Archive& a, Done& v) {
  a(v.usage, v.queue_ms, v.prompt_ms, v.decode_ms, v.draft_tokens, v.draft_tokens_accepted);
}
template <class Archive>
void Visit(Archive& a, Embeddings& v) {
  a(v.vectors, v.ranked, v.usage);
}
template <class Archive>
void Visit(Archive& a, Scores::Continuation& v) {
  a(v.logprob, v.tokens);
}
template <class Archive>
void Visit(Archive& a, Scores& v) {
  a(v.continuations, v.usage);
}

}  // namespace weir::chat
