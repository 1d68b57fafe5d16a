// A chat at the terminal, apart from the terminal: what was said, to which model, and the commands
// that begin with a slash. Pure but for Save and Load.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace weir::cli {

class ChatSession {
 public:
  ChatSession(std::string model, std::string system);

  // What a command did, for the person; an Error says what is wrong with it and what to do.
  struct Outcome {
    bool ends = false;      // the chat
    std::string text = {};  // may have several lines; none at its end
  };
  // Anything that begins with '/'.
  Result<Outcome> Command(std::string_view line);

  void Say(std::string text);     // the user's turn
  void Answer(std::string text);  // the model's
  void TakeBack();                // the user's turn, to which there was no answer

  const std::string& model() const { return model_; }
  // With the system message first, where there is one.
  json::Array messages() const;

 private:
  Result<Outcome> Save(const std::string& path);
  Result<Outcome> Load(const std::string& path);

  std::string model_;
  std::string system_;
  json::Array turns_ = {};
  std::string file_ = {};  // that this chat was saved to or loaded from, and may be written again
};

// Several lines make one text: from a line that begins with three quotation marks to one that ends
// with them, or as long as lines end in a backslash.
class LineJoiner {
 public:
  // The whole text when `line` was its last.
  std::optional<std::string> Add(std::string_view line);
  bool open() const { return open_; }
  void Drop();

 private:
  std::string text_ = {};
  bool open_ = false;
  bool quoted_ = false;
};

}  // namespace weir::cli
