#include "cli/chat_session.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/document.h"
#include "cli/input_file.h"
#include "json/parse.h"
#include "json/writer.h"
#include "process/fd.h"

namespace weir::cli {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";
constexpr size_t kFileBytesMax = size_t{16} << 20;
constexpr std::string_view kHelp =
    R"(/model [NAME]    which model answers, or let another one go on
/system [TEXT]   the system message, or another one; /system "" for none
/clear           forget what was said
/save FILE       write the chat to a file
/load FILE       go on with a chat that was saved
/bye             end (Ctrl-D too)
""" begins and ends a text of several lines; a \ at the end of a line goes on, too.
Several lines that are pasted are one text.
Ctrl-C stops an answer, and drops a line.)";

json::Value MessageOf(std::string role, std::string content) {
  return json::Value(json::Object{{"role", std::move(role)}, {"content", std::move(content)}});
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

// A chat is its user's alone. `again` may replace what is there.
Result<void> WritePrivate(const std::string& path, const std::string& text, bool again) {
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (again ? O_TRUNC : O_EXCL);
  const Fd file(open(path.c_str(), flags, 0600));
  if (!file.valid() && errno == EEXIST) {
    return Fail(Code::kConflict, fmt::format("{} is there already; give another name", path));
  }
  size_t done = 0;
  while (file.valid() && done < text.size()) {
    const ssize_t n = write(file.get(), text.data() + done, text.size() - done);
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  if (file.valid() && done == text.size()) return {};
  return Fail(Code::kUnavailable,
              fmt::format("{} cannot be written ({}); give another name", path,
                          std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe): one thread
}

Error NoChat(const std::string& path) {
  return {Code::kInvalidArgument,
          fmt::format("{} holds no chat; /load takes what /save wrote", path)};
}

// Strictly: what is not a chat of ours is not half taken.
bool IsTurn(const json::Value& turn) {
  const json::Value* role = turn.Find("role");
  const json::Value* content = turn.Find("content");
  const bool texts = role != nullptr && role->AsString() != nullptr && content != nullptr &&
                     content->AsString() != nullptr;
  return texts && (*role->AsString() == "user" || *role->AsString() == "assistant");
}

}  // namespace

ChatSession::ChatSession(std::string model, std::string system)
    : model_(std::move(model)), system_(std::move(system)) {}

void ChatSession::Say(std::string text) { turns_.push_back(MessageOf("user", std::move(text))); }
void ChatSession::Answer(std::string text) {
  turns_.push_back(MessageOf("assistant", std::move(text)));
}
void ChatSession::TakeBack() { turns_.pop_back(); }

json::Array ChatSession::messages() const {
  json::Array messages;
  if (!system_.empty()) messages.push_back(MessageOf("system", system_));
  messages.insert(messages.end(), turns_.begin(), turns_.end());
  return messages;
}

Result<ChatSession::Outcome> ChatSession::Command(std::string_view line) {
  const size_t space = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, space);
  std::string rest = Trimmed(line.substr(space));
  if (word == "/bye" || word == "/exit" || word == "/quit") return Outcome{.ends = true};
  if (word == "/help" || word == "/?") return Outcome{.text = std::string(kHelp)};
  if (word == "/clear") {
    turns_.clear();
    return Outcome{.text = "What was said is forgotten."};
  }
  if (word == "/model") {
    if (!rest.empty()) model_ = std::move(rest);
    return Outcome{.text = fmt::format("{} answers.", model_)};
  }
  if (word == "/system") {
    if (!rest.empty()) system_ = rest == "\"\"" ? std::string() : std::move(rest);
    return Outcome{.text = system_.empty() ? "There is no system message."
                                           : fmt::format("System message: {}", system_)};
  }
  if (word == "/save" || word == "/load") {
    if (rest.empty()) {
      return Fail(Code::kInvalidArgument, fmt::format("{} takes the name of a file", word));
    }
    return word == "/save" ? Save(rest) : Load(rest);
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("there is no {}; /help lists what there is", word));
}

Result<ChatSession::Outcome> ChatSession::Save(const std::string& path) {
  const json::Value chat(
      json::Object{{"model", model_}, {"system", system_}, {"messages", turns_}});
  if (auto written = WritePrivate(path, json::Print(chat) + '\n', path == file_); !written) {
    return std::unexpected(written.error());
  }
  file_ = path;
  return Outcome{.text = fmt::format("{} turns are in {}.", turns_.size(), path)};
}

Result<ChatSession::Outcome> ChatSession::Load(const std::string& path) {
  const auto text = ReadTextFile(path, kFileBytesMax);
  if (!text) return std::unexpected(text.error());
  const auto chat = json::Parse(*text, {.bytes = kFileBytesMax});
  if (!chat) return Fail(NoChat(path));
  const json::Value* messages = chat->Find("messages");
  if (messages == nullptr || messages->AsArray() == nullptr) return Fail(NoChat(path));
  for (const json::Value& turn : *messages->AsArray()) {
    if (!IsTurn(turn)) return Fail(NoChat(path));
  }
  turns_ = *messages->AsArray();
  system_ = TextAt(*chat, "system");
  if (std::string model = TextAt(*chat, "model"); !model.empty()) model_ = std::move(model);
  file_ = path;
  return Outcome{.text = fmt::format("{} turns; {} answers.", turns_.size(), model_)};
}

std::optional<std::string> LineJoiner::Add(std::string_view line) {
  if (!open_ && line.starts_with(kQuotes)) {
    quoted_ = open_ = true;
    line.remove_prefix(kQuotes.size());
    if (line.empty()) return std::nullopt;
  }
  const bool goes_on = quoted_ ? !line.ends_with(kQuotes) : line.ends_with('\\');
  if (quoted_ ? !goes_on : goes_on) line.remove_suffix(quoted_ ? kQuotes.size() : 1);
  text_ += line;
  if (goes_on) {
    text_ += '\n';
    open_ = true;
    return std::nullopt;
  }
  std::string whole = std::exchange(text_, {});
  if (quoted_ && whole.ends_with('\n')) whole.pop_back();
  open_ = quoted_ = false;
  return whole;
}

void LineJoiner::Drop() {
  text_.clear();
  open_ = quoted_ = false;
}

}  // namespace weir::cli
