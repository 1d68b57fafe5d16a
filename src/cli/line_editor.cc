#include "cli/line_editor.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <histedit.h>
#include <langinfo.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <iostream>
#include <string_view>
#include <utility>

#include "process/fd.h"

namespace weir::cli {
namespace {

constexpr int kLinesMax = 1000;
constexpr const char* kDropLine = "weir-drop-line";
constexpr const char* kPaste = "weir-paste";
// The terminal says where a paste begins and ends, so that its line ends are not taken for Enter.
constexpr const char* kMarkPastes = "\033[?2004h";
constexpr const char* kMarkNoPastes = "\033[?2004l";
constexpr const char* kPasteBegin = "\033[200~";
constexpr std::wstring_view kPasteEnd = L"\033[201~";
constexpr size_t kPasteMax = size_t{1} << 20;  // characters
constexpr wchar_t kCtrlC = 3;

// libedit turns bytes into characters by the locale; a terminal without one still sends UTF-8.
void ReadUtf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

// Before libedit writes it: a file of a chat is nobody else's, not even for a moment.
bool MakePrivate(const std::string& path) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  return file.valid() && fchmod(file.get(), 0600) == 0;
}

// What stands between the marks, without what a terminal would obey; longer than kPasteMax when
// there was more. Ctrl-C ends a paste whose end never comes.
std::wstring ReadPaste(EditLine* editor) {
  std::wstring text, tail;
  for (wchar_t c = 0; el_wgetc(editor, &c) == 1 && c != kCtrlC;) {
    tail += c;
    if (tail == kPasteEnd) break;
    if (kPasteEnd.starts_with(tail)) continue;
    for (const wchar_t each : std::exchange(tail, {})) {
      const bool harmless = each == L'\n' || each == L'\t' || (each >= 0x20 && each != 0x7f);
      if (each == L'\r') {
        text += L'\n';
      } else if (harmless && text.size() <= kPasteMax) {
        text += each;
      }
    }
  }
  return text;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* lines = nullptr;
  std::string file;  // empty: nothing is kept
  const char* prompt = "";
  bool dropped = false;

  static State& Of(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<State*>(data);
  }
  static char* Prompt(EditLine* editor) { return const_cast<char*>(Of(editor).prompt); }
  static unsigned char DropLine(EditLine* editor, int) {
    Of(editor).dropped = true;
    return CC_NEWLINE;
  }
  static unsigned char Paste(EditLine* editor, int) {
    const std::wstring text = ReadPaste(editor);
    if (text.size() > kPasteMax || el_winsertstr(editor, text.c_str()) != 0) return CC_REFRESH_BEEP;
    return CC_REFRESH;
  }
};

LineEditor::LineEditor(std::string history) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) return;
  ReadUtf8();
  EditLine* const editor = el_init("weir", stdin, stdout, stderr);
  if (editor == nullptr) return;
  state_ = std::make_unique<State>(State{.editor = editor, .lines = history_init()});
  el_set(editor, EL_CLIENTDATA, state_.get());
  el_set(editor, EL_PROMPT, &State::Prompt);
  el_set(editor, EL_EDITOR, "emacs");
  // Ctrl-C comes as a key while a line is typed, and as a signal while an answer runs.
  el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
  el_set(editor, EL_ADDFN, kDropLine, "drops the line", &State::DropLine);
  el_set(editor, EL_BIND, "^C", kDropLine, nullptr);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_set(editor, EL_ADDFN, kPaste, "inserts what is pasted", &State::Paste);
  el_set(editor, EL_BIND, kPasteBegin, kPaste, nullptr);
  fmt::print("{}", kMarkPastes);
  if (state_->lines == nullptr) return;
  HistEvent event;
  ::history(state_->lines, &event, H_SETSIZE, kLinesMax);
  ::history(state_->lines, &event, H_SETUNIQUE, 1);
  el_set(editor, EL_HIST, ::history, state_->lines);
  if (!MakePrivate(history)) return;
  ::history(state_->lines, &event, H_LOAD, history.c_str());
  state_->file = std::move(history);
}

LineEditor::~LineEditor() {
  if (!state_) return;
  fmt::print("{}", kMarkNoPastes);
  std::fflush(stdout);
  if (state_->lines != nullptr) history_end(state_->lines);
  el_end(state_->editor);
}

LineEditor::End LineEditor::Read(const char* prompt, std::string& line) {
  if (!state_) return ReadPlainly(prompt, line);
  state_->prompt = prompt;
  state_->dropped = false;
  int count = 0;
  el_set(state_->editor, EL_PREP_TERM, 1);  // before the prompt invites to type
  const char* text = el_gets(state_->editor, &count);
  if (state_->dropped) {
    fmt::print("^C\n");
    return End::kInterrupt;
  }
  if (text == nullptr || count <= 0) return End::kEnd;
  line.assign(text, static_cast<size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  return End::kLine;
}

LineEditor::End LineEditor::ReadPlainly(const char* prompt, std::string& line) {
  fmt::print("{}", prompt);
  std::fflush(stdout);
  return std::getline(std::cin, line) ? End::kLine : End::kEnd;
}

void LineEditor::Keep(const std::string& text) {
  if (!state_ || state_->lines == nullptr || text.empty()) return;
  std::string one = text;
  // What has several lines when it comes back is a text; a command stays one.
  if (one.starts_with('/')) std::ranges::replace(one, '\n', ' ');
  HistEvent event;
  ::history(state_->lines, &event, H_ENTER, one.c_str());
  if (!state_->file.empty()) ::history(state_->lines, &event, H_SAVE, state_->file.c_str());
}

}  // namespace weir::cli
