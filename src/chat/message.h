// Canonical messages and tools: what every dialect converts to and from. Plain structs, no JSON
// library, no I/O. All text is valid UTF-8. JSON that only the model or the client interprets
// (schemas, tool arguments) travels as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::chat {

enum class Role : uint8_t { kSystem, kDeveloper, kUser, kAssistant, kTool };
inline constexpr int kRoleCount = 5;

// Where a provider that caches what it is told to is to cut (Anthropic); without effect elsewhere.
enum class CacheMark : uint8_t { kNone, kFiveMinutes, kHour };

struct Part {
  enum class Kind : uint8_t { kText, kImage, kAudio, kFile };
  Kind kind = Kind::kText;
  std::string text = {};        // kText: the text
  std::string media_type = {};  // others: "image/png", "audio/wav", ...
  std::string data = {};        // others: the decoded bytes, when they were sent inline
  std::string url =
      {};  // others: where they are, when they were not (never fetched unless allowed)
  std::string name = {};    // kFile: file name
  std::string detail = {};  // kImage: "auto", "low", "high"
  CacheMark cache = CacheMark::kNone;

  bool operator==(const Part&) const = default;
};

struct ToolCall {
  std::string id = {};
  std::string name = {};
  std::string arguments = {};  // JSON text of an object, as the model or the client wrote it
  CacheMark cache = CacheMark::kNone;

  bool operator==(const ToolCall&) const = default;
};

// Thinking that who wrote it signed or hid. Only they can read the mark, and want it back as it
// was.
struct Thought {
  // Of a message: how much of its `reasoning`, behind that of earlier thoughts. Of a delta 0: it
  // ends what was thought since the last one.
  size_t text_bytes = 0;
  std::string signature = {};
  std::string hidden = {};  // in place of both: what was thought, encrypted
  size_t at = 0;            // of a message: so many parts and calls stand before it

  bool operator==(const Thought&) const = default;
};

struct Message {
  Role role = Role::kUser;
  std::vector<Part> parts = {};
  std::string reasoning = {};             // assistant: what it thought, kept apart from the answer
  std::vector<ToolCall> tool_calls = {};  // assistant
  std::string tool_call_id = {};          // tool: which call this answers
  std::string name = {};                  // optional speaker or function name
  // tool: the call failed. The first part says so in words, for those who have no mark for it.
  bool failed = false;
  CacheMark cache = CacheMark::kNone;  // tool: behind the result
  std::vector<Thought> thoughts = {};  // assistant: for providers of the dialect that signs alone

  bool operator==(const Message&) const = default;
};

struct Tool {
  std::string name = {};
  std::string description = {};
  std::string parameters = {};  // JSON Schema text of an object; empty: no parameters
  bool strict = false;
  CacheMark cache = CacheMark::kNone;

  bool operator==(const Tool&) const = default;
};

struct ToolChoice {
  enum class Mode : uint8_t { kAuto, kNone, kRequired };
  Mode mode = Mode::kAuto;
  // With kRequired or kAuto: only these may be called; empty means all.
  std::vector<std::string> names = {};

  bool operator==(const ToolChoice&) const = default;
};

// All text parts joined with nothing between them.
std::string TextOf(const Message& message);
std::string_view RoleName(Role role);

}  // namespace weir::chat
