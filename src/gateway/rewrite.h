// A question as a search query: a model of this machine writes what it asks for so that it can be
// understood without the conversation ("and how tall is it?"). Nothing leaves the machine for it,
// wherever the answer will come from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "chat/request.h"
#include "gateway/gateway.h"
#include "gateway/held_draft.h"

namespace weir::gateway {

struct Rewritten {
  std::string query = {};             // empty: the question stays as it is
  std::optional<SideWork> work = {};  // what it took
};

// `conversation` ends with the question. A question for which there is no model here, or whose
// rewriting fails or takes longer than kRewriteTime, is searched for as it is.
inline constexpr Duration kRewriteTime = std::chrono::seconds(30);
Task<Rewritten> RewriteQuestion(Gateway& gateway, Asked asked,
                                std::vector<chat::Message> conversation);

// What the model is asked, and what of its answer is a query.
chat::GenerateRequest RewriteRequest(const std::vector<chat::Message>& conversation);
std::string QueryOf(std::string_view answer);

}  // namespace weir::gateway
