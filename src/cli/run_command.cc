// weir run: a chat on the terminal, or one answer in a pipe.
#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "cli/chat_session.h"
#include "cli/document.h"
#include "cli/exit_code.h"
#include "cli/input_file.h"
#include "cli/line_editor.h"
#include "cli/markdown.h"
#include "cli/options.h"
#include "cli/passages_text.h"
#include "cli/private_server.h"
#include "cli/pull.h"
#include "json/parse.h"
#include "json/writer.h"
#include "models/catalogue.h"
#include "models/store.h"

namespace weir::cli {
namespace {

// Set by Ctrl-C while an answer runs; the chat goes on.
std::atomic<bool> interrupted = false;
void OnInterrupt(int) { interrupted = true; }

json::Value MessageOf(std::string role, std::string content) {
  return json::Value(json::Object{{"role", std::move(role)}, {"content", std::move(content)}});
}

constexpr size_t kFileBytesMax = size_t{16} << 20;

// The question, with the images that it is about before it.
Result<json::Value> QuestionOf(std::string prompt, const std::vector<std::string>& images) {
  if (images.empty()) return MessageOf("user", std::move(prompt));
  json::Array parts;
  for (const std::string& image : images) {
    auto url = ReadImageFile(image, kFileBytesMax);
    if (!url) return std::unexpected(url.error());
    json::Object address{{"url", *std::move(url)}};
    parts.emplace_back(json::Object{{"type", "image_url"}, {"image_url", std::move(address)}});
  }
  parts.emplace_back(json::Object{{"type", "text"}, {"text", std::move(prompt)}});
  return json::Value(json::Object{{"role", "user"}, {"content", std::move(parts)}});
}

// What the answer has to be, as the API takes it; null where it may be anything.
Result<json::Value> FormatOf(const std::string& format) {
  if (format.empty()) return json::Value();
  if (format == "json") return json::Value(json::Object{{"type", "json_object"}});
  const auto text = ReadTextFile(format, kFileBytesMax);
  if (!text) return std::unexpected(text.error());
  auto schema = json::Parse(*text);
  if (!schema || schema->AsObject() == nullptr) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("{} holds no JSON schema; --format takes 'json' or a file with one", format));
  }
  json::Object named{{"name", "answer"}, {"strict", true}, {"schema", *std::move(schema)}};
  return json::Value(json::Object{{"type", "json_schema"}, {"json_schema", std::move(named)}});
}

// The texts of -f behind the prompt, each with its name where there are several.
Result<std::string> WithFiles(std::string prompt, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    auto text = ReadTextFile(file, kFileBytesMax);
    if (!text) return std::unexpected(text.error());
    if (!prompt.empty()) prompt += "\n\n";
    if (files.size() > 1) {
      prompt += fmt::format("{}:\n", std::filesystem::path(file).filename().string());
    }
    prompt += *text;
  }
  return prompt;
}

// What is the same for every turn.
struct Request {
  RunOptions options = {};
  json::Value format = {};
  std::optional<Markdown::Look> look = {};  // nothing: not a byte is changed
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

std::optional<Markdown::Look> LookOf(const RunOptions& options) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const bool dumb = Variable("TERM").empty() || Variable("TERM") == "dumb";
  const bool paints = options.color == "always" || (options.color == "auto" && terminal && !dumb &&
                                                    Variable("NO_COLOR").empty());
  // JSON is no Markdown.
  if (paints && options.format.empty()) return Markdown::Look::kPainted;
  if (terminal) return Markdown::Look::kPlain;
  return std::nullopt;
}

json::Value BodyOf(const Request& request, const json::Array& messages) {
  const RunOptions& options = request.options;
  json::Object body{{"model", options.model}, {"stream", true}, {"messages", messages}};
  if (options.temperature) body.push_back({"temperature", *options.temperature});
  if (options.max_tokens) body.push_back({"max_tokens", *options.max_tokens});
  if (options.seed) body.push_back({"seed", *options.seed});
  if (!request.format.is_null()) body.push_back({"response_format", request.format});
  if (!options.collections.empty()) {
    json::Array names;
    for (const std::string& name : options.collections) names.emplace_back(name);
    json::Object tool{{"type", "file_search"}, {"vector_store_ids", std::move(names)}};
    if (options.rewrite) tool.push_back({"rewrite_query", true});
    body.push_back({"tools", json::Array{json::Value(std::move(tool))}});
  }
  return json::Value(std::move(body));
}

std::string DeltaOf(const json::Value& event) {
  const json::Array& choices = ListAt(event, "choices");
  if (choices.empty()) return "";
  const json::Value* delta = choices.front().Find("delta");
  return delta == nullptr ? "" : TextAt(*delta, "content");
}

// What the answer rests on, as its last event tells.
void ShowSources(const RunOptions& options, const json::Value& weir) {
  if (options.collections.empty()) return;
  const json::Array& sources = ListAt(weir, "sources");
  if (sources.empty()) {
    fmt::print(stderr, "weir: nothing in {} has to do with that\n", options.collections.front());
    return;
  }
  fmt::print("\nSources:\n");
  for (const json::Value& source : sources) fmt::print("{}\n", SourceLine(source));
}

// Prints the answer as it comes and gives it whole.
Result<std::string> Ask(ServerLink& link, const Request& request, const json::Array& messages) {
  std::string answer;
  json::Value weir;
  std::optional<Markdown> markdown;
  if (request.look) markdown.emplace(*request.look);
  interrupted = false;
  const auto printed = link.Stream(
      "/v1/chat/completions", BodyOf(request, messages),
      [&](const json::Value& event) {
        const std::string text = DeltaOf(event);
        fmt::print("{}", markdown ? markdown->Add(text) : text);
        std::fflush(stdout);
        answer += text;
        if (const json::Value* told = event.Find("weir")) weir = *told;
        return true;
      },
      &interrupted);
  if (markdown) fmt::print("{}", markdown->Finish());
  if (!printed && !interrupted) return std::unexpected(printed.error());
  if (!answer.ends_with('\n')) fmt::print("\n");
  if (printed) ShowSources(request.options, weir);
  return answer;
}

struct Typed {
  std::string text = {};
  bool pasted = false;  // several lines at once: no command, whatever they begin with
};

// What is typed until it is whole. Nothing when the chat is to end.
std::optional<Typed> ReadText(LineEditor& editor) {
  LineJoiner lines;
  std::string line;
  for (;;) {
    const LineEditor::End end = editor.Read(lines.open() ? "... " : ">>> ", line);
    if (end == LineEditor::End::kEnd) return std::nullopt;
    if (end == LineEditor::End::kInterrupt) {
      lines.Drop();
      continue;
    }
    if (!lines.open() && line.contains('\n')) {
      editor.Keep(line);
      return Typed{.text = std::move(line), .pasted = true};
    }
    auto whole = lines.Add(line);
    if (!whole) continue;
    editor.Keep(*whole);
    return Typed{.text = *std::move(whole)};
  }
}

void TakeTurn(ServerLink& link, Request& request, ChatSession& session, std::string text) {
  session.Say(std::move(text));
  request.options.model = session.model();
  auto answer = Ask(link, request, session.messages());
  if (!answer) Report(answer.error());
  if (answer && !answer->empty()) {
    session.Answer(*std::move(answer));
  } else {
    session.TakeBack();
  }
}

int Converse(const Common& common, ServerLink& link, Request request) {
  std::signal(SIGINT, OnInterrupt);
  ChatSession session(request.options.model, request.options.system);
  LineEditor editor(common.folders.data + "/chat_history");
  fmt::print(stderr, "Chat with {}; /help lists the commands, /bye or Ctrl-D ends it.\n",
             session.model());
  while (auto typed = ReadText(editor)) {
    if (typed->text.empty()) continue;
    if (typed->pasted || !typed->text.starts_with('/')) {
      TakeTurn(link, request, session, std::move(typed->text));
      continue;
    }
    const auto outcome = session.Command(typed->text);
    if (!outcome) {
      Report(outcome.error());
      continue;
    }
    if (outcome->ends) return 0;
    fmt::print("{}\n", outcome->text);
  }
  fmt::print("\n");
  return 0;
}

// A model of the catalogue that is not here yet is fetched first, as people expect it to be.
Result<void> FetchIfKnown(const Common& common, const std::string& model) {
  const models::Entry* entry = models::Catalogue::BuiltIn().Find(model);
  const bool elsewhere = !common.folders.server.empty();
  if (entry == nullptr || elsewhere) return {};
  if (models::Store(common.folders.models, PlacesOfUser()).Resolve(model)) return {};
  PullDisplay display(false);
  const auto pulled = Pull({.reference = entry->name.ToString(), .store = common.folders.models},
                           [&](const fetch::Event& event) { display.Show(event); });
  if (!pulled) return Fail(pulled.error());
  return {};
}

}  // namespace

int RunChat(const Common& common, const RunOptions& options) {
  std::string prompt = options.text;
  for (const std::string& word : options.prompt) prompt += (prompt.empty() ? "" : " ") + word;
  const bool terminal = isatty(STDIN_FILENO) != 0;
  if (!terminal) {
    const std::string input(std::istreambuf_iterator<char>(std::cin), {});
    if (!prompt.empty() && !input.empty()) prompt += "\n\n";
    prompt += input;
    if (prompt.empty() && options.files.empty()) {
      fmt::print(stderr, "weir: there is nothing to ask; give a prompt or pipe one in\n");
      return static_cast<int>(Exit::kUsage);
    }
  }
  auto whole = WithFiles(std::move(prompt), options.files);
  if (!whole) return Report(whole.error());
  prompt = *std::move(whole);
  if (prompt.empty() && !options.images.empty()) {
    fmt::print(stderr, "weir: --image goes with a prompt; say what is to be told of it\n");
    return static_cast<int>(Exit::kUsage);
  }
  auto question = QuestionOf(prompt, options.images);
  if (!question) return Report(question.error());
  auto format = FormatOf(options.format);
  if (!format) return Report(format.error());
  Request request{.options = options, .format = *std::move(format), .look = LookOf(options)};
  if (auto there = FetchIfKnown(common, options.model); !there) return Report(there.error());
  std::unique_ptr<PrivateServer> own;
  auto link = ReachServer(common.folders, own);
  if (!link) return Report(link.error());
  if (prompt.empty()) return Converse(common, *link, std::move(request));
  json::Array messages;
  if (!options.system.empty()) messages.push_back(MessageOf("system", options.system));
  messages.push_back(*std::move(question));
  if (common.json) {
    json::Value body = BodyOf(request, messages);
    std::erase_if(*body.AsObject(),
                  [](const json::Member& member) { return member.key == "stream"; });
    const auto answer = link->Post("/v1/chat/completions", body);
    if (!answer) return Report(answer.error());
    fmt::print("{}\n", json::Print(*answer));
    return 0;
  }
  const auto answer = Ask(*link, request, messages);
  return answer ? 0 : Report(answer.error());
}

}  // namespace weir::cli
