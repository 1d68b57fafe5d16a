// classify and embed: a model's judgement on texts without a chat.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/private_server.h"
#include "cli/table.h"
#include "json/writer.h"

namespace weir::cli {
namespace {

std::string ReadStandardInput() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

json::Value ScoreBody(const ClassifyOptions& options, const std::string& text) {
  const std::string question =
      options.question.empty()
          ? "Which of these labels fits the text best: " + Joined(options.labels) +
                "? Answer with the label alone."
          : options.question;
  json::Array messages;
  messages.push_back(
      json::Value(json::Object{{"role", "user"}, {"content", question + "\n\nText:\n" + text}}));
  json::Array continuations;
  for (const std::string& label : options.labels) continuations.push_back(json::Value(label));
  return json::Value(json::Object{{"model", options.model},
                                  {"messages", std::move(messages)},
                                  {"continuations", std::move(continuations)}});
}

}  // namespace

int Classify(const Common& common, const ClassifyOptions& options) {
  const std::string text = options.text.empty() ? ReadStandardInput() : options.text;
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  const auto scores = link->Post("/weir/v1/score", ScoreBody(options, text));
  if (!scores) return Report(scores.error());
  struct Row {
    std::string label;
    double probability;
    double logprob;
  };
  std::vector<Row> rows;
  const json::Array& list = ListAt(*scores, "scores");
  for (size_t i = 0; i < list.size() && i < options.labels.size(); ++i) {
    rows.push_back(
        {options.labels[i], NumberAt(list[i], "probability"), NumberAt(list[i], "logprob")});
  }
  std::ranges::sort(rows, std::greater(), &Row::probability);
  if (common.json) {
    std::string out;
    json::Writer writer(&out);
    writer.BeginArray();
    for (const Row& row : rows) {
      writer.BeginObject()
          .Field("label", row.label)
          .Field("probability", row.probability)
          .Field("logprob", row.logprob)
          .EndObject();
    }
    writer.EndArray();
    fmt::print("{}\n", out);
    return 0;
  }
  for (const Row& row : rows) fmt::print("{:6.1f} %  {}\n", row.probability * 100, row.label);
  return 0;
}

int Embed(const Common& common, const EmbedOptions& options) {
  json::Array inputs;
  for (const std::string& text : options.texts) inputs.push_back(json::Value(text));
  if (inputs.empty()) inputs.push_back(json::Value(ReadStandardInput()));
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  const auto reply = link->Post(
      "/v1/embeddings",
      json::Value(json::Object{
          {"model", options.model}, {"input", std::move(inputs)}, {"encoding_format", "float"}}));
  if (!reply) return Report(reply.error());
  if (common.json) {
    fmt::print("{}\n", json::Print(*reply));
    return 0;
  }
  // One line for each text: what other programs read most easily.
  for (const json::Value& item : ListAt(*reply, "data")) {
    fmt::print("{}\n", json::Print(*item.Find("embedding")));
  }
  return 0;
}

}  // namespace weir::cli
