#include "dialects/openai/moderation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "json/fields.h"
#include "json/parse.h"
#include "json/writer.h"

namespace weir::openai {
namespace {

constexpr size_t kNameBytesMax = 256;

constexpr std::string_view kOpenAisCategories[] = {
    "hate",
    "hate/threatening",
    "harassment",
    "harassment/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
};
// One for each label that a finding can have: always there, so that scripts need not ask.
constexpr chat::Label kLabels[] = {chat::Label::kInternal, chat::Label::kPersonal,
                                   chat::Label::kSecret, chat::Label::kUnscanned};

// The category and its highest score in percent.
using Scores = std::map<std::string, int>;

bool IsKnownModel(std::string_view model) {
  return model == kModerationModel || model.starts_with("omni-moderation-") ||
         model.starts_with("text-moderation-");
}

void ReadPart(json::Fields part, std::vector<std::string>& texts) {
  constexpr std::string_view kTypes[] = {"text", "image_url"};
  const auto type = part.Require().WordIndex("type", kTypes);
  if (type == 1)
    return part.Refuse("type", "is not supported: the detectors read text and no images",
                       Code::kInvalidArgument, "unsupported_parameter");
  texts.push_back(part.Require().String("text", kModerationBytesMax).value_or(""));
  part.RefuseUnread();
}

void ReadInput(json::Fields& fields, ModerationCall& call) {
  const json::Value* input = fields.Require().Take("input");
  if (input == nullptr) return;
  if (input->AsString() != nullptr) {
    call.texts = {fields.String("input", kModerationBytesMax).value_or("")};
    return;
  }
  const json::Array* list = fields.List("input", kModerationInputsMax);
  if (list == nullptr) return;
  if (list->empty()) return fields.Refuse("input", "is empty");
  call.parts = list->front().AsObject() != nullptr;
  if (!call.parts) {
    call.texts = fields.Strings("input", kModerationInputsMax, kModerationBytesMax);
    return;
  }
  for (size_t i = 0; i < list->size() && !fields.problem(); ++i)
    ReadPart(json::Fields(fields.problem(), (*list)[i], fields.PathOf("input", i)), call.texts);
}

void CheckBytes(json::Fields& fields, const ModerationCall& call) {
  size_t bytes = 0;
  for (const std::string& text : call.texts) bytes += text.size();
  if (bytes > kModerationBytesMax)
    fields.Refuse("input",
                  fmt::format("has {} bytes of text; the most is {}", bytes, kModerationBytesMax));
}

Scores ScoresOf(const std::vector<ModerationFinding>& findings) {
  Scores scores;
  for (const chat::Label label : kLabels)
    scores[fmt::format("privacy/{}", chat::LabelName(label))] = 0;
  for (const ModerationFinding& finding : findings) {
    for (const std::string_view name : {chat::LabelName(finding.label), finding.type}) {
      int& score = scores[fmt::format("privacy/{}", name)];
      score = std::max(score, finding.score);
    }
  }
  return scores;
}

void WriteFindings(json::Writer& writer, const std::vector<ModerationFinding>& findings) {
  writer.Key("weir").BeginObject().Key("findings").BeginArray();
  for (const ModerationFinding& finding : findings) {
    writer.BeginObject()
        .Field("type", finding.type)
        .Field("part", finding.part)
        .Field("start", finding.begin)
        .Field("end", finding.end)
        .Field("score", finding.score / 100.0)
        .Field("label", chat::LabelName(finding.label))
        .EndObject();
  }
  writer.EndArray().EndObject();
}

void WriteResult(json::Writer& writer, const std::vector<ModerationFinding>& findings) {
  const Scores scores = ScoresOf(findings);
  writer.BeginObject().Field("flagged", !findings.empty());
  writer.Key("categories").BeginObject();
  for (const std::string_view name : kOpenAisCategories) writer.Field(name, false);
  for (const auto& [name, score] : scores) writer.Field(name, score > 0);
  writer.EndObject().Key("category_scores").BeginObject();
  for (const std::string_view name : kOpenAisCategories) writer.Field(name, 0.0);
  for (const auto& [name, score] : scores) writer.Field(name, score / 100.0);
  writer.EndObject().Key("category_applied_input_types").BeginObject();
  for (const std::string_view name : kOpenAisCategories) writer.Key(name).BeginArray().EndArray();
  for (const auto& [name, score] : scores) writer.Key(name).BeginArray().String("text").EndArray();
  writer.EndObject();
  WriteFindings(writer, findings);
  writer.EndObject();
}

}  // namespace

Result<ModerationCall> ReadModeration(std::string_view body) {
  const auto document = json::Parse(body);
  if (!document) return Fail(document.error());
  json::Problem problem;
  json::Fields fields(problem, *document);
  ModerationCall call;
  ReadInput(fields, call);
  CheckBytes(fields, call);
  const std::string model =
      fields.String("model", kNameBytesMax).value_or(std::string(kModerationModel));
  fields.RefuseUnread();
  if (!problem && !IsKnownModel(model))
    fields.Refuse(
        "model",
        fmt::format("is no model that moderates; leave it out, or use {}", kModerationModel),
        Code::kNotFound, "model_not_found");
  if (problem) return Fail(problem.Take());
  return call;
}

std::string RenderModeration(std::string_view id,
                             std::span<const std::vector<ModerationFinding>> results) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Field("id", id).Field("model", kModerationModel).Key("results").BeginArray();
  for (const auto& findings : results) WriteResult(writer, findings);
  writer.EndArray().EndObject();
  return out;
}

}  // namespace weir::openai
