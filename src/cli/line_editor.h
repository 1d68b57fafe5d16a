// Lines from a person at a terminal: editing, the lines before (arrow keys, Ctrl-R), kept in a file
// that only this user can read. libedit does the work. A text that is pasted is one line, whatever
// line ends it has (bracketed paste). Where standard input or output is no terminal lines are read
// plainly and nothing is kept.
//
// One thread, one at a time in a process. It changes how the terminal behaves only while it reads.
#pragma once

#include <memory>
#include <string>

namespace weir::cli {

class LineEditor {
 public:
  enum class End : uint8_t {
    kLine,
    kInterrupt,  // Ctrl-C: what was typed is dropped
    kEnd,        // Ctrl-D, or nothing comes any more
  };

  // `history` is a file, made with mode 0600 where it is not there; a file that cannot be read or
  // written costs the history and nothing else.
  explicit LineEditor(std::string history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // `line` without its end; within it are the line ends of what was pasted, or kept so.
  End Read(const char* prompt, std::string& line);
  // What Read gave, or several lines of it put together, for the next time.
  void Keep(const std::string& text);

 private:
  struct State;
  End ReadPlainly(const char* prompt, std::string& line);

  std::unique_ptr<State> state_;  // empty where there is no terminal
};

}  // namespace weir::cli
