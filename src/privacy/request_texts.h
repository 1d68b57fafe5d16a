// Every place of a request where a client's text can stand: what the detectors look at. A new
// string in chat/request.h or chat/message.h is visited here, or named in the test as holding none.
// Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "chat/request.h"
#include "chat/transcription.h"

namespace weir::privacy {

// Where a text stands, for explanations: "message 2", "tool 1 parameters", "stop 3". Counted
// from 1.
struct TextPlace {
  std::string_view of = {};    // "message"
  size_t number = 0;           // 0: there is only one
  std::string_view part = {};  // "tool call arguments"; empty: the text itself
};
std::string ToText(const TextPlace& place);

using TextVisitor = std::function<void(const TextPlace& place, std::string_view text)>;

// Not visited: bytes of images, of files that are no plain text (HasUnread), and token ids; routing
// counts those as unscanned. Empty texts are left out. A text may be gone when `visit` has
// returned.
void VisitTexts(const chat::GenerateRequest& request, const TextVisitor& visit);
void VisitTexts(const chat::EmbedRequest& request, const TextVisitor& visit);
void VisitTexts(const chat::ScoreRequest& request, const TextVisitor& visit);
void VisitTexts(const chat::TranscribeRequest& request, const TextVisitor& visit);
// Whether a part is neither text nor a file of plain text.
bool HasUnread(std::span<const chat::Message> messages);

}  // namespace weir::privacy
