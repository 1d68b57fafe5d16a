// Use case: speech to text. Sound goes the way of every other request: it is labelled (nobody can
// read it, so it counts as unscanned, whatever the detectors find in the text beside it), decided,
// booked and kept, and the text that comes back is known again with the label of its sound.
#pragma once

#include <optional>

#include "async/task.h"
#include "chat/transcription.h"
#include "gateway/asking.h"
#include "gateway/gateway.h"

namespace weir::gateway {

// `unanswered`, if given, lives as long as the Task and is what was decided where that is an Error.
Task<Result<Answered<chat::Transcription>>> Transcribe(
    Gateway& gateway, Asked asked, chat::TranscribeRequest request,
    std::optional<Unanswered>* unanswered = nullptr);

}  // namespace weir::gateway
