// From a canonical request to the bytes of its answer, whatever dialect it was asked in.
#pragma once

#include <functional>
#include <string>

#include "async/task.h"
#include "chat/event.h"
#include "chat/file_search.h"
#include "chat/request.h"
#include "routing/target.h"
#include "server/call.h"
#include "server/rendering.h"
#include "server/site.h"

namespace weir::server {

// What is searched for: the question, or with where.rewrite the query that a model of this machine
// makes of it and the conversation that it ends (none: it stands alone). Books what that cost.
Task<std::string> QueryFor(Site& site, Call& call, const chat::FileSearch& where,
                           std::string question, std::vector<chat::Message> conversation = {});

// Searches the collections for the request's question and gives it what is found, before it is
// answered; `call.sources` keeps it for the `weir` object. An Error is the answer.
Task<Result<void>> GiveSources(Site& site, Call& call, const chat::FileSearch& where,
                               chat::GenerateRequest& request);

// Decides, generates, answers. An error before the first byte is an answer with its status; after
// it, the last thing in the stream.
Task<void> AnswerGeneration(Site& site, Call& call, chat::GenerateRequest request,
                            Rendering& rendering);

// The same for vectors. `render` makes the body, in the dialect of the route, of them, the model
// that made them and the text of the `weir` object.
using RenderVectors = std::function<std::string(const chat::Embeddings& vectors,
                                                const std::string& model, const std::string& weir)>;
Task<void> AnswerEmbeddings(Site& site, Call& call, chat::EmbedRequest request,
                            RenderVectors render);

// Counts what an answer cost, for metrics and for the key's limits.
void Book(Site& site, Call& call, const routing::Target& target, const chat::Usage& usage);

}  // namespace weir::server
